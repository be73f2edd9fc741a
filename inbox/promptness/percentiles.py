"""`survival.curve` over columns: the same numbers for a million waits, and how sure they are."""

from dataclasses import dataclass

import numpy as np

from inbox.promptness.reading import Column

SURE = 1.959964  # standard errors: 95 %
NEAR = 12.0  # standard errors of a share, by far enough
ROUNDING = 1e-9  # of a product of a million factors
LONGEST = 2**31 - 1  # seconds: 68 years
MANY, SHORT = 2**16, 2**20  # keys; of a key: six days
ONE = np.uint32(1)


@dataclass(frozen=True, slots=True)
class Curve:
    """The share still unanswered over time (Kaplan and Meier, 1958), of `keys` in ascending order.

    Between two censored waits the factors of the answers cancel out, down to one quotient: so only the censored are gone through.
    """

    ordered: Column
    censored: Column  # their places
    starts: Column  # of each run of answers: the place behind a censored wait
    levels: Column  # the share unanswered before each run, and after all of them

    def percentile(self, share: float) -> float | None:
        """Seconds until this share (0 … 1) was answered; None while too many still wait to know."""
        place = self._reaching(1 - share)
        return float(self.ordered[place] >> ONE) if place < len(self.ordered) else None

    def answered_within(self, seconds: float) -> float:
        """The share (0 … 1) that was answered within so many seconds."""
        end = self._within(seconds)
        if end in (0, len(self.ordered)):
            return 1 - float(self.levels[-1]) if end else 0.0
        return 1 - float(self._waiting(np.array([end - 1]))[0])

    def done(self, seconds: float) -> int:
        """How many were answered within so many seconds."""
        end = self._within(seconds)
        return end - int(np.searchsorted(self.censored, end))

    def interval(self, share: float) -> tuple[float | None, float | None]:
        """Seconds between which the percentile lies, 95 % sure (Brookmeyer and Crowley, 1982, on the scale log(-log)); None: beyond."""
        level = 1 - share
        near = NEAR / max(len(self.ordered) - self._reaching(level), 1) ** 0.5  # further away nothing is in doubt
        places = np.arange(self._reaching(level + near), self._reaching(level - near))
        places = places[self.ordered[places] & ONE == 0]
        waiting = self._waiting(places)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.exp(SURE * np.sqrt(self._doubt(places)) / np.abs(np.log(waiting)))
            low, high = waiting**factor, waiting ** (1 / factor)
        over = waiting <= 0  # everybody was answered: no more is to come
        bounds = (np.where(over, 0, np.nan_to_num(bound, nan=1)) <= level + ROUNDING for bound in (low, high))
        below, above = (float(self.ordered[places[np.argmax(bound)]] >> ONE) if bound.any() else None for bound in bounds)
        return below, above

    def _within(self, seconds: float) -> int:
        """Before which place everybody was answered within so many seconds, or censored before they were over."""
        return int(np.searchsorted(self.ordered, np.uint32(2 * int(min(seconds, LONGEST)) + 1)))

    def _reaching(self, level: float) -> int:
        """The place of the first answer after which no more than this share waits."""
        level, count = level + ROUNDING, len(self.ordered)
        run = len(self.starts) - int(np.searchsorted(self.levels[:0:-1], level, side="right"))
        if run == len(self.starts):
            return count
        still = int(level * (count - self.starts[run]) / self.levels[run])  # so many may wait then
        return max(int(self.starts[run]), count - 1 - still)

    def _waiting(self, places: Column) -> Column:
        """The share unanswered after each of these places; none of them a censored last."""
        run, count = np.searchsorted(self.censored, places, side="right"), len(self.ordered)
        return self.levels[run] * (count - 1 - places) / (count - self.starts[run])

    def _doubt(self, places: Column) -> Column:
        """The variance of the share after each of these answers, of its square (Greenwood, 1926): of a run, a difference too."""
        run, count = np.searchsorted(self.censored, places), len(self.ordered)
        runs = np.cumsum(np.concatenate([[0], 1 / (count - self.censored) - 1 / (count - self.starts[:-1])]))
        return runs[run] + 1 / (count - 1 - places) - 1 / (count - self.starts[run])


def keys(seconds: Column, answered: Column) -> Column:
    """What waits are sorted by: whole seconds, of equal ones the answered before those that are censored."""
    return np.clip(seconds, 0, LONGEST).astype(np.uint32) * np.uint32(2) + ~answered


def coded(column: Column) -> tuple[Column, Column]:
    """The different ones of these numbers (0 or more) in ascending order, and the place of each among them: counted while small."""
    if not len(column) or int(column.max()) >= max(MANY, 4 * len(column)):
        return np.unique(column, return_inverse=True)
    known = np.flatnonzero(np.bincount(column))
    places = np.zeros(int(known[-1]) + 1, dtype=np.int64)
    places[known] = np.arange(len(known))
    return known, places[column]


def split(codes: Column, values: Column, count: int) -> list[Column]:
    """The values of each code 0 … `count` - 1."""
    if count == 1:
        return [values]
    if not (codes[1:] >= codes[:-1]).all():  # of days they lie together already
        places = np.argsort(codes.astype(np.uint16 if count <= 2**16 else np.int64), kind="stable")  # numpy is fastest with 16 bits
        codes, values = codes[places], values[places]
    return np.split(values, np.searchsorted(codes, np.arange(1, count)))


def ascending(keys: Column) -> Column:
    """The same in order. Most waits are short: many are counted by their length, three times as fast as they are compared."""
    if len(keys) < MANY:
        return np.sort(keys)
    is_short = keys < SHORT
    counts = np.bincount(keys[is_short])
    return np.concatenate([np.repeat(np.arange(len(counts), dtype=keys.dtype), counts), np.sort(keys[~is_short])])


def curve(ordered: Column) -> Curve:
    """The share still unanswered over time, of `keys` in ascending order. Each of several equal answers is a step of its own."""
    count = len(ordered)
    censored = np.flatnonzero(ordered & ONE)
    starts = np.concatenate([[0], censored + 1])
    runs = (count - censored) / (count - starts[:-1])
    last = 0 if starts[-1] < count else 1  # nobody waits after the last run, if it is one
    return Curve(ordered, censored, starts, np.cumprod(np.concatenate([[1], runs, [last]])))
