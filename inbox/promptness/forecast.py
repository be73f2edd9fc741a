"""The chance that an open wait misses its target, told from what is known of it now (docs/promptness.md, Forecast).

Fitting needs numpy and lives in `fitting`; what is here reads a fitted forecast and costs a few dozen multiplications for each wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import exp, log1p
from typing import Any, Literal

Method = Literal["model", "base"]
Reason = Literal["", "little", "no_better"]  # why the base rate is used
HOURS_TOGETHER = 3
LIKELY = 0.5  # from this chance on a wait is told as likely to miss its target


@dataclass(frozen=True, slots=True)
class State:
    """An open wait with a target at a moment before it is due. Times in seconds; `left` until it is due, by the wall clock and in business
    time. `ahead`: open waits that "answer next" puts before it. `present`, `answered`: who answered in the hour before, and how often.
    `hour` and `weekday` (Monday is 0) by the workspace's clock."""

    channel: int
    kind: str
    metric: str
    target: float
    age: float
    left: float
    left_business: float
    ahead: int
    present: int
    answered: int
    hour: int
    weekday: int


@dataclass(frozen=True, slots=True)
class Bin:
    """States whose chance was told between `low` and `high`: how many, the mean chance told, and the share that missed (0 … 1)."""

    low: float
    high: float
    n: int
    told: float
    missed: float


@dataclass(frozen=True, slots=True)
class Quality:
    """How the model and the base rate do on states of weeks that neither has seen. Brier: mean squared error, less is better."""

    n: int
    waits: int
    missed: float
    brier: float
    base_brier: float
    since: str
    until: str
    bins: Sequence[Bin] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """A fitted forecast. `weights` are of the logistic model's features; `base` are rates by channel, `overall` that of all."""

    method: Method
    reason: Reason
    overall: float
    base: Mapping[int, float] = field(default_factory=dict[int, float])
    intercept: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    quality: Quality | None = None
    states: int = 0  # that it was fitted to

    def chance(self, state: State) -> float:
        """The chance (0 … 1) that the wait is not answered before it is due."""
        return self.base_rate(state.channel) if self.method == "base" else self.modelled(state)

    def base_rate(self, channel: int) -> float:
        """The share of earlier states on a channel that missed."""
        return self.base.get(channel, self.overall)

    def modelled(self, state: State) -> float:
        """What the model says, whether or not it is the one to be used."""
        weights = self.weights
        return sigmoid(self.intercept + sum(value * weights.get(name, 0.0) for name, value in features(state).items()))

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads."""
        return asdict(self) | {"base": {str(channel): rate for channel, rate in self.base.items()}}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Forecast":
        """Read a stored forecast."""
        told: dict[str, Any] | None = given["quality"]
        if told is not None:
            told = {**told, "bins": [Bin(**each) for each in told["bins"]]}
        quality = None if told is None else Quality(**told)
        base = {int(channel): rate for channel, rate in given["base"].items()}
        found: dict[str, Any] = {**given, "base": base, "quality": quality}
        return cls(**found)


def features(state: State) -> dict[str, float]:
    """What the model weighs, by name; what is missing is 0."""
    hours_left = state.left_business / 3600
    left, capacity = log1p(state.left_business / 60), state.answered * hours_left / (state.ahead + 1)
    block, is_weekend = state.hour // HOURS_TOGETHER, state.weekday > 4
    return {
        "left": left,
        "left squared": left * left,
        "left by the wall": log1p(state.left / 60),
        "age": log1p(state.age / 60),
        "share left": min(1.0, state.left_business / max(1.0, state.target)),
        "ahead": log1p(state.ahead),
        "present": log1p(state.present),
        "answered": log1p(state.answered),
        "capacity": capacity / (1 + capacity),
        f"hour {block} {'weekend' if is_weekend else 'week'}": 1.0,
        f"weekday {state.weekday}": 1.0,
        f"channel {state.channel}": 1.0,
        f"kind {state.kind}": 1.0,
        f"metric {state.metric}": 1.0,
    }


def sigmoid(value: float) -> float:
    """The logistic function, for any number."""
    if value >= 0:
        return 1 / (1 + exp(-min(value, 700.0)))
    grown = exp(max(value, -700.0))
    return grown / (1 + grown)
