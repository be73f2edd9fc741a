"""How long people wait, told honestly while some still do. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Duration:
    """Waits that took equally long: how many of them were answered then, and how many were not, or not yet."""

    seconds: float
    answered: int
    censored: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """Steps of the share that is still unanswered after so many seconds."""

    steps: Sequence[tuple[float, float]]

    def percentile(self, share: float) -> float | None:
        """Seconds until this share (0 … 1) was answered; None while too many still wait to know."""
        return next((seconds for seconds, waiting in self.steps if waiting <= 1 - share + 1e-12), None)

    def answered_within(self, seconds: float) -> float:
        """The share (0 … 1) that was answered within so many seconds."""
        return 1 - next((waiting for at, waiting in reversed(self.steps) if at <= seconds), 1.0)


def curve(durations: Iterable[Duration]) -> Curve:
    """The share still unanswered over time (Kaplan and Meier, 1958): who still waits counts for as long as they have waited.

    Seconds in, shares of 0 … 1 out. Equal durations: answers come before what is censored.
    """
    answered, censored = Counter[float](), Counter[float]()
    for duration in durations:
        answered[duration.seconds] += duration.answered
        censored[duration.seconds] += duration.censored
    at_risk = answered.total() + censored.total()
    waiting, steps = 1.0, list[tuple[float, float]]()
    for seconds in sorted(answered):
        if answered[seconds]:
            waiting *= 1 - answered[seconds] / at_risk
            steps.append((seconds, waiting))
        at_risk -= answered[seconds] + censored[seconds]
    return Curve(steps)
