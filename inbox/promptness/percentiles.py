"""`survival.curve` over columns: the same numbers for a million waits, and how sure they are."""

from dataclasses import dataclass

import numpy as np

from inbox.promptness.reading import Column

SURE = 1.959964  # standard errors: 95 %
NEAR = 12.0  # standard errors of a share, by far enough
ROUNDING = 1e-9  # of a product of a million factors
LONGEST = 2**31 - 1  # seconds: 68 years


@dataclass(frozen=True, slots=True)
class Curve:
    """The share still unanswered after each answer: `seconds` ascending. `at_risk`: how many waited just before it."""

    seconds: Column
    waiting: Column
    at_risk: Column

    def percentile(self, share: float) -> float | None:
        """Seconds until this share (0 … 1) was answered; None while too many still wait to know."""
        at = self._place(1 - share)
        return float(self.seconds[at]) if at < len(self.seconds) else None

    def answered_within(self, seconds: float) -> float:
        """The share (0 … 1) that was answered within so many seconds."""
        at = self.done(seconds)
        return 1 - float(self.waiting[at - 1]) if at else 0.0

    def done(self, seconds: float) -> int:
        """How many were answered within so many seconds."""
        whole = np.uint32(min(seconds, LONGEST))  # numpy would make another array of all, to compare it with a float
        return int(np.searchsorted(self.seconds, whole, side="right"))

    def interval(self, share: float) -> tuple[float | None, float | None]:
        """Seconds between which the percentile lies, 95 % sure (Brookmeyer and Crowley, 1982, on the scale log(-log)); None: beyond."""
        level = 1 - share
        reached = self._place(level)
        few = float(self.at_risk[reached]) if reached < len(self.at_risk) else 1.0
        near = NEAR / few**0.5  # further away nothing is in doubt
        first, end = self._place(level + near), self._place(level - near)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.cumsum(1 / (self.at_risk[:end] * (self.at_risk[:end] - 1)))[first:]  # Greenwood, 1926
            waiting = self.waiting[first:end]
            factor = np.exp(SURE * np.sqrt(spread) / np.abs(np.log(waiting)))
            low, high = waiting**factor, waiting ** (1 / factor)
        over = waiting <= 0  # everybody was answered: no more is to come
        bounds = (np.where(over, 0, np.nan_to_num(bound, nan=1)) for bound in (low, high))
        below, above = (self._first(bound, level, first) for bound in bounds)
        return below, above

    def _place(self, level: float) -> int:
        """From which answer on no more than this share waits."""
        return len(self.waiting) - int(np.searchsorted(self.waiting[::-1], level + ROUNDING, side="right"))

    def _first(self, waiting: Column, level: float, start: int = 0) -> float | None:
        reached = waiting <= level + ROUNDING
        at = int(np.argmax(reached)) if len(reached) else 0
        return float(self.seconds[start + at]) if len(reached) and reached[at] else None


def keys(seconds: Column, answered: Column) -> Column:
    """What waits are sorted by: whole seconds, of equal ones the answered before those that are censored."""
    return np.clip(seconds, 0, LONGEST).astype(np.uint32) * np.uint32(2) + ~answered


def order(keys: Column) -> Column:
    """The places of these keys, ascending: in two passes over 16 bits, which numpy sorts five times as fast as wider numbers."""
    low = np.argsort((keys & np.uint32(0xFFFF)).astype(np.uint16), kind="stable")
    return low[np.argsort((keys >> np.uint32(16)).astype(np.uint16)[low], kind="stable")]


def curve(ordered: Column) -> Curve:
    """The share still unanswered over time (Kaplan and Meier, 1958), of `keys` in ascending order.

    Each of several equal answers is a step of its own: the last of them stands where a common one would.
    """
    answers = np.flatnonzero((ordered & np.uint32(1)) == 0)
    at_risk = len(ordered) - answers.astype(np.float64)
    return Curve(ordered[answers] >> np.uint32(1), np.cumprod((at_risk - 1) / at_risk), at_risk)
