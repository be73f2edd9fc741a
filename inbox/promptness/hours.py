"""Opening hours on a clock that never changes: how much of it is open up to any time, and when so much was. No time zones here.

Times are microseconds since 1970-01-01 00:00 on that clock, days are numbers since that day. A week that repeats costs the same for any
span; days of their own (holidays, other hours) are a sorted list of differences from it.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from inbox.promptness.zones import DAY

THURSDAY = 3  # 1970-01-01 was one; Monday is 0
Span = tuple[int, int]  # from, to: microseconds after midnight; `to` may lie in the next day
Spans = tuple[Span, ...]


class Hours:
    """A repeating week (seven days of spans) and days of their own. A span belongs to the day on which it begins."""

    def __init__(self, week: Sequence[Spans], days: Mapping[int, Spans]) -> None:
        self._week, self._days = week, days
        self._regular = [_day(week[weekday - 1], week[weekday]) for weekday in range(7)]
        self._before = [0, *accumulate(map(_length, self._regular))]  # from Monday on; the last is the whole week
        self._numbers = sorted({number + after for number in days for after in (0, 1)})  # what runs over midnight changes the next day too
        self._special = {number: _day(self._spans(number - 1), self._spans(number)) for number in self._numbers}
        differences = (_length(self._special[number]) - _length(self._regular[_weekday(number)]) for number in self._numbers)
        self._difference = [0, *accumulate(differences)]

    @property
    def weekly(self) -> int:
        """How much a week of the pattern is open."""
        return self._before[7]

    def open_on(self, number: int) -> Spans:
        """The open spans of a day, none over its end, in order and apart from each other."""
        return self._special[number] if number in self._special else self._regular[_weekday(number)]

    def until(self, time: int) -> int:
        """How much is open before `time`, counted from a fixed time long ago: only differences mean something."""
        number, rest = divmod(time, DAY)
        return self._until_day(number) + sum(min(rest, end) - start for start, end in self.open_on(number) if start < rest)

    def when(self, amount: int, low: int, high: int) -> int:
        """The first time in (low, high] before which `amount` is open, as `until` counts; it must lie there."""
        first, last = low // DAY, high // DAY
        while first < last:  # the last day at whose beginning it was less
            middle = (first + last + 1) // 2
            first, last = (middle, last) if self._until_day(middle) < amount else (first, middle - 1)
        left = amount - self._until_day(first)
        for start, end in self.open_on(first):
            if left <= end - start:
                return first * DAY + start + left
            left -= end - start
        raise AssertionError("so much is not open there")

    def _until_day(self, number: int) -> int:
        weeks, weekday = divmod(number + THURSDAY, 7)
        return weeks * self.weekly + self._before[weekday] + self._difference[bisect_left(self._numbers, number)]

    def _spans(self, number: int) -> Spans:
        return self._days[number] if number in self._days else self._week[_weekday(number)]


def _weekday(number: int) -> int:
    return (number + THURSDAY) % 7


@lru_cache(maxsize=1_000)
def _length(spans: Spans) -> int:
    return sum(end - start for start, end in spans)


@lru_cache(maxsize=1_000)  # a calendar has few sorts of days
def _day(yesterday: Spans, today: Spans) -> Spans:
    """What is open of a day: its own spans and those that run over from the day before, cut at midnight and joined where they touch."""
    cut = [(0, end - DAY) for _, end in yesterday if end > DAY] + [(start, min(end, DAY)) for start, end in today]
    edges = sorted(cut)
    joined = edges[:1]
    for start, end in edges[1:]:
        if start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return tuple(joined)
