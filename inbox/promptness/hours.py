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
        self._regular, lengths = zip(*(_day(week[weekday - 1], week[weekday]) for weekday in range(7)), strict=True)
        self._before = [0, *accumulate(lengths)]  # from Monday on; the last is the whole week
        self._numbers = sorted({*days, *(number + 1 for number in days)})  # what runs over midnight changes the next day too
        self._special: dict[int, Spans] = {}
        self._difference = [0]
        difference = 0
        for number in self._numbers:
            weekday = (number + THURSDAY) % 7
            spans, length = _day(days.get(number - 1, week[weekday - 1]), days.get(number, week[weekday]))
            self._special[number] = spans
            difference += length - lengths[weekday]
            self._difference.append(difference)

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
        amount = self._until_day(number)
        for start, end in self.open_on(number):
            if start < rest:
                amount += min(rest, end) - start
        return amount

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


def _weekday(number: int) -> int:
    return (number + THURSDAY) % 7


@lru_cache(maxsize=1_000)  # a calendar has few sorts of days
def _day(yesterday: Spans, today: Spans) -> tuple[Spans, int]:
    """What is open of a day, and how much: its own spans and those that run over from the day before, cut at midnight and joined where they
    touch."""
    cut = [(0, end - DAY) for _, end in yesterday if end > DAY] + [(start, min(end, DAY)) for start, end in today]
    edges = sorted(cut)
    joined = edges[:1]
    for start, end in edges[1:]:
        if start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return tuple(joined), sum(end - start for start, end in joined)
