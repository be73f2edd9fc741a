"""Fitting the breach forecast: states of the past, reconstructed from waits alone, and a logistic model that is kept only if it beats the
base rate on weeks that it has not seen. Pure and deterministic; loads numpy, so nothing that is needed at start-up imports it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from inbox.contract import ConversationKind
from inbox.models import WAITS, Outcome
from inbox.promptness import zones
from inbox.promptness.forecast import Bin, Forecast, Quality, State, features
from inbox.promptness.history import KINDS, OUTCOMES, History
from inbox.promptness.zones import HOUR, SECOND

MOMENTS = 2000  # at which the past is looked at
EACH = 20  # waits of one moment at most
HELD_BACK = 0.25  # of the time, its end
LEAST_STATES, LEAST_OF_EACH = 300, 30  # to fit to; of the missed, and of the met
SMOOTH = 20  # states' worth of the overall rate in the base rate of a channel
RIDGE = 3.0
STEPS = 50
BINS = 10
SEED = 4
Left = Callable[[int, int, int], float]  # of a policy: seconds of its time between two moments
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sample:
    """A state of the past and what became of it. Moments in microseconds."""

    at: int
    due: int
    wait: int
    missed: bool
    state: State


def fit(history: History, zone: ZoneInfo, left: Left, *, until: int) -> Forecast:
    """A forecast from the waits of the weeks before `until`; what is fitted to them is judged on the last quarter of the time first."""
    samples = list(_samples(history, zone, left, until))
    if not samples:
        return Forecast("base", "little", _rate(history, until))
    split = int(samples[0].at + (until - samples[0].at) * (1 - HELD_BACK))
    earlier = [sample for sample in samples if sample.at < split and sample.due <= split]  # by its target, not by what became of it
    later = [sample for sample in samples if sample.at >= split]
    quality = _judge(_fit(earlier), later) if _is_enough(earlier) and later else None
    fitted = _fit(samples)
    if quality is None:
        return replace(fitted, method="base", reason="little")
    is_better = quality.brier < quality.base_brier
    return replace(fitted, method="model" if is_better else "base", reason="" if is_better else "no_better", quality=quality)


def _samples(history: History, zone: ZoneInfo, left: Left, until: int) -> Iterator[Sample]:
    """States at moments spread evenly over the past, of waits whose target has passed since: by then everybody's outcome is known."""
    if not len(history.id):
        return
    random = np.random.default_rng(SEED)
    first = int(history.opened[0])
    edges = np.linspace(first, until, MOMENTS + 1)
    moments = (edges[:-1] + random.random(MOMENTS) * np.diff(edges)).astype(np.int64)
    seen = np.maximum(history.opened, history.received)
    order = np.argsort(seen, kind="stable")
    answers = _Answers(history)
    known, alive = 0, np.zeros(0, np.int64)
    for moment in moments:
        now = int(moment)
        reached = int(np.searchsorted(seen[order], now, "right"))
        alive = np.concatenate([alive, order[known:reached]])
        known = reached
        alive = alive[history.closed[alive] > now]
        dues = np.sort(history.due[alive])
        coming = alive[(history.due[alive] > now) & (history.due[alive] <= until)]
        if len(coming) > EACH:
            coming = np.sort(random.choice(coming, EACH, replace=False))
        for place in coming:
            ahead = int(np.searchsorted(dues, history.due[place], "left"))
            yield _sample(history, int(place), now, ahead, answers.before(now), zone, left)


class _Answers:
    """Who answered when."""

    def __init__(self, history: History) -> None:
        answered = history.outcome == OUTCOMES.index(Outcome.ANSWERED)
        order = np.argsort(history.closed[answered], kind="stable")
        self._at, self._by = history.closed[answered][order], history.member[answered][order]

    def before(self, now: int) -> tuple[int, int]:
        """In the hour before: by how many, and how many. Those who answered in the platform's own app count as one."""
        low, high = np.searchsorted(self._at, [now - HOUR, now], "right")
        return len(set(self._by[low:high].tolist())), int(high - low)


def _sample(history: History, place: int, now: int, ahead: int, answers: tuple[int, int], zone: ZoneInfo, left: Left) -> Sample:
    due, opened = int(history.due[place]), int(history.opened[place])
    there = zones.moment(now).astimezone(zone)
    state = State(
        channel=int(history.channel[place]),
        kind=ConversationKind(KINDS[int(history.kind[place])]).value,
        metric=WAITS[int(history.metric[place])].value,
        target=float(history.target[place]),
        age=max(0, now - opened) / SECOND,
        left=(due - now) / SECOND,
        left_business=left(int(history.policy[place]), now, due),
        ahead=ahead,
        present=answers[0],
        answered=answers[1],
        hour=there.hour,
        weekday=there.weekday(),
    )
    return Sample(now, due, int(history.id[place]), bool(history.closed[place] > due), state)


def _is_enough(samples: Sequence[Sample]) -> bool:
    missed = sum(sample.missed for sample in samples)
    return len(samples) >= LEAST_STATES and min(missed, len(samples) - missed) >= LEAST_OF_EACH


def _rate(history: History, until: int) -> float:
    """The share of the waits with a target that missed it."""
    with_target = history.due <= until
    return float(np.mean(history.closed[with_target] > history.due[with_target])) if with_target.any() else 0.0


def _fit(samples: Sequence[Sample]) -> Forecast:
    overall = sum(sample.missed for sample in samples) / len(samples)
    by_channel: dict[int, list[bool]] = {}
    for sample in samples:
        by_channel.setdefault(sample.state.channel, []).append(sample.missed)
    base = {channel: (sum(of) + SMOOTH * overall) / (len(of) + SMOOTH) for channel, of in sorted(by_channel.items())}
    found = Forecast("model", "", overall, base, states=len(samples))
    if not _is_enough(samples):
        return found
    told = [features(sample.state) for sample in samples]
    names = sorted({name for each in told for name in each})
    rows = np.array([[each.get(name, 0.0) for name in names] for each in told], np.float64)
    middle, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-9)
    weights = _newton((rows - middle) / scale, np.array([sample.missed for sample in samples], np.float64))
    own = weights[1:] / scale
    return replace(found, intercept=float(weights[0] - own @ middle), weights=dict(zip(names, own.tolist(), strict=True)))


def _newton(rows: Matrix, missed: Matrix) -> Matrix:
    """Weights of the ridge-penalised logistic likelihood, the intercept first and free, by Newton's steps (Hastie et al., 2009, 4.4)."""
    design = np.column_stack([np.ones(len(rows)), rows])
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - missed) + penalty * weights
        curvature = (design * (chance * (1 - chance) + 1e-9)[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        weights = weights - step * min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _judge(fitted: Forecast, samples: Sequence[Sample]) -> Quality:
    missed = np.array([sample.missed for sample in samples], np.float64)
    told = np.array([fitted.modelled(sample.state) for sample in samples])
    base = np.array([fitted.base_rate(sample.state.channel) for sample in samples])
    places = np.minimum((told * BINS).astype(int), BINS - 1)
    bins = [
        Bin(place / BINS, (place + 1) / BINS, int(inside.sum()), float(told[inside].mean()), float(missed[inside].mean()))
        for place in range(BINS)
        if (inside := places == place).any()
    ]
    return Quality(
        n=len(samples),
        waits=len({sample.wait for sample in samples}),
        missed=float(missed.mean()),
        brier=float(np.mean((told - missed) ** 2)),
        base_brier=float(np.mean((base - missed) ** 2)),
        since=zones.moment(samples[0].at).isoformat(),
        until=zones.moment(samples[-1].at).isoformat(),
        bins=bins,
    )
