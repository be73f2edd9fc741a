"""Business time: how much of a stretch of time a team was at work, and when so much of it will be over (docs/promptness.md).

Everything is reckoned by the clock on the wall of the calendar's time zone, in real seconds: where a clock goes back within opening hours,
the hour counts twice; where it goes forward, the hour that never was does not count. Reckoning costs the same for minutes and for years:
the open time before each change of the clocks is added up once, and the weeks in between repeat (`hours`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from inbox.promptness import timetables, zones
from inbox.promptness.hours import Hours, Spans
from inbox.promptness.timetables import WEEKDAYS, NeverOpen, Nonsense
from inbox.promptness.zones import DAY, SECOND

MIDNIGHT = date(1970, 1, 1)
LAST_YEAR = 2300  # in which something may be due: the holidays of thousands of years take many seconds, and messages wait for them
Pause = tuple[datetime, datetime]  # from, to: time that does not count


class Calendar:
    """When a team is at work. Made by `from_dict`; never changes."""

    def __init__(
        self,
        zone: ZoneInfo,
        week: Sequence[Spans],
        dates: Mapping[date, Spans],
        regions: Sequence[tuple[str, str | None]] = (),
        names: Mapping[date, str] | None = None,
    ) -> None:
        self.zone, self.dates, self.regions, self.names = zone, dict(dates), tuple(regions), dict(names or {})
        self._week = tuple(week)
        self._reach: _Reach | None = None

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """Read {"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "12:30"]]}, "dates": {"2026-12-25": []}, "holidays": ["DE-SH"]}.

        `hours` are those of each weekday, none where it is missing; `dates` are those of one day instead; on the public holidays of a
        country or region (ISO 3166) nothing is open unless `dates` says so; `names` tell what dates are. A span that ends before it
        begins runs over midnight, and belongs to the day on which it begins. Raises `Nonsense`.
        """
        unknown = set(given) - {"tz", "hours", "dates", "holidays", "names"}
        if unknown:
            raise Nonsense('A calendar has no "{key}": it knows tz, hours, dates, names and holidays.', key=min(unknown, key=str))
        hours = timetables.mapping(given.get("hours", {}), "hours")
        strange = set(hours) - set(WEEKDAYS)
        if strange:
            raise Nonsense('"{day}" is no weekday: they are mon, tue, wed, thu, fri, sat and sun.', day=min(strange, key=str))
        week = [timetables.spans(hours.get(day, ()), day) for day in WEEKDAYS]
        own = timetables.mapping(given.get("dates", {}), "dates")
        dates = {timetables.day_of(day): timetables.spans(spans, str(day)) for day, spans in own.items()}
        if not any(week) and not any(dates.values()):
            raise Nonsense("The calendar is never open: give it hours on at least one day.")
        regions, names = timetables.listed(given.get("holidays", ()), "holidays"), timetables.names(given.get("names", {}))
        return cls(timetables.zone(given.get("tz")), week, dates, [timetables.region(name) for name in regions], names)

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads."""
        told: dict[str, Any] = {
            "tz": self.zone.key,
            "hours": {day: timetables.told(spans) for day, spans in zip(WEEKDAYS, self._week, strict=True) if spans},
            "dates": {day.isoformat(): timetables.told(spans) for day, spans in sorted(self.dates.items())},
        }
        if self.names:
            told["names"] = {day.isoformat(): name for day, name in sorted(self.names.items())}
        return told | {"holidays": ["-".join(filter(None, region)) for region in self.regions]} if self.regions else told

    def elapsed(self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> float:
        """Seconds of business time from `start` to `end`, exact to the microsecond, without those of the pauses; never negative."""
        begin, stop = _number(start), _number(end)
        if stop < begin:
            raise Nonsense("The end lies before the start.")
        reach = self._reaching(begin, stop)
        amount = reach.until(stop) - reach.until(begin)
        for from_, to in _joined(pauses, begin, stop):
            amount -= reach.until(to) - reach.until(from_)
        return amount / SECOND

    def due(self, start: datetime, seconds: float, pauses: Iterable[Pause] = ()) -> datetime:
        """The first moment at which so many seconds of business time have passed since `start`, without those of the pauses, in UTC."""
        begin, left = _number(start), round(seconds * SECOND)
        if left < 0:
            raise Nonsense("An amount of time cannot be negative.")
        for from_, to in _joined(pauses, begin, None):
            reach = self._reaching(begin, from_)
            before = reach.until(from_) - reach.until(begin)
            if left <= before:
                break
            begin, left = to, left - before
        return zones.moment(begin if left == 0 else self._when(begin, left))

    def spans(self, first: date, days: int) -> list[tuple[date, list[tuple[datetime, datetime]]]]:
        """What is open on so many days from `first` on, in UTC: for a preview."""
        start = (first - MIDNIGHT).days
        reach = self._reaching((start - 1) * DAY, (start + days + 1) * DAY)
        return [(first + timedelta(days=after), reach.spans(start + after)) for after in range(days)]

    def closed_on(self, day: date, language: str = "en") -> str | None:
        """The holiday that closes a day, by name."""
        if day in self.dates:
            return None
        return next((name for region in self.regions if (name := timetables.public_holidays(*region, day.year, language).get(day))), None)

    def _when(self, begin: int, left: int) -> int:
        reach = self._reaching(begin, begin + left)
        goal = reach.until(begin) + left
        while reach.total < goal:
            missing = (goal - reach.total) / max(reach.hours.weekly, 1) * 7 / 365  # years, if nothing else closes
            last = reach.last_year + (1 + int(missing) if reach.hours.weekly else max(1, self._last_date() - reach.last_year))
            if last > LAST_YEAR or (not reach.hours.weekly and reach.last_year > self._last_date()):
                raise NeverOpen("The calendar is not open for so long any more.")
            self._reach = reach = _Reach(self, reach.first_year, last)
            goal = reach.until(begin) + left
        return reach.when(goal)

    def _last_date(self) -> int:
        return max((day.year for day in self.dates), default=0)

    def _reaching(self, begin: int, stop: int) -> "_Reach":
        first, last = zones.moment(begin).year, zones.moment(stop).year
        known = self._reach
        if known is None or first < known.first_year or last > known.last_year:
            known = self._reach = _Reach(
                self, min(first, known.first_year if known else first), max(last, known.last_year if known else last)
            )
        return known

    def hours_within(self, first_year: int, last_year: int) -> Hours:
        """The opening hours with the holidays and dates of these years."""
        days: dict[int, Spans] = {}
        for region in self.regions:
            for year in range(max(1, first_year), last_year + 1):
                days |= _closed(region, year)
        days |= {(day - MIDNIGHT).days: spans for day, spans in self.dates.items()}
        return Hours(self._week, days)


class Versions:
    """A calendar that was changed: what was valid then counts for then. `since` is None for the first."""

    def __init__(self, versions: Sequence[tuple[datetime | None, Calendar]], id: int | None = None) -> None:
        self.id = id  # of its row
        ordered = sorted(versions, key=lambda version: zones.number(version[0]) if version[0] else -(1 << 62))
        self.calendars = [calendar for _, calendar in ordered]
        self.since = [since for since, _ in ordered[1:]]
        if not ordered or ordered[0][0] is not None or None in self.since:
            raise Nonsense("The first version of a calendar is valid since ever, each later one since a time of its own.")

    def until(self, end: datetime) -> "Versions":
        """The calendar as it was until then: what it said afterwards is left out."""
        since = [moment for moment in self.since if moment is not None]
        place = bisect_right(since, end)
        return self if place == len(since) else Versions(list(zip([None, *since[:place]], self.calendars, strict=False)), self.id)

    def elapsed(self, start: datetime, end: datetime, pauses: Iterable[Pause] = ()) -> float:
        """As `Calendar.elapsed`, each stretch by what was valid then."""
        if end < start:
            raise Nonsense("The end lies before the start.")
        pauses = list(pauses)
        return sum(calendar.elapsed(from_, to, pauses) for calendar, from_, to in self._stretches(start, end) if to is not None)

    def due(self, start: datetime, seconds: float, pauses: Iterable[Pause] = ()) -> datetime:
        """As `Calendar.due`, each stretch by what was valid then."""
        pauses, left = list(pauses), seconds
        for calendar, from_, to in self._stretches(start, None):
            amount = None if to is None else calendar.elapsed(from_, to, pauses)
            if amount is None or left <= amount:
                return calendar.due(from_, left, pauses)
            left -= amount
        raise AssertionError("the last version has no end")

    def at(self, moment: datetime) -> Calendar:
        """What is valid then."""
        return self.calendars[bisect_right([since for since in self.since if since is not None], moment)]

    def validities(self) -> Iterable[tuple[Calendar, datetime | None, datetime | None]]:
        """Each with its time: from, until; None: since ever, for ever."""
        return zip(self.calendars, [None, *self.since], [*self.since, None], strict=True)

    def _stretches(self, start: datetime, end: datetime | None) -> Iterable[tuple[Calendar, datetime, datetime | None]]:
        since = [moment for moment in self.since if moment is not None]
        place = bisect_right(since, start)
        while place < len(since) and (end is None or since[place] < end):
            yield self.calendars[place], start, since[place]
            start, place = since[place], place + 1
        yield self.calendars[place], start, end


class _Reach:
    """The open time of some years, added up at each change of the clocks."""

    def __init__(self, calendar: Calendar, first_year: int, last_year: int) -> None:
        self.first_year, self.last_year = first_year, last_year
        self.hours = calendar.hours_within(first_year - 1, last_year + 1)
        begin, self._end = zones.first_day(first_year), zones.first_day(last_year + 1)
        offset = zones.offset(calendar.zone, begin)
        # From each start on: the offset, what was open before it, and what to add to the hours of the clock on the wall.
        self._starts, self._offsets, self._sums, self._added = [begin], [offset], [0], [-self.hours.until(begin + offset)]
        for year in range(first_year, last_year + 1):
            for at, offset in zones.changes(calendar.zone, year):
                before = self._added[-1] + self.hours.until(at + self._offsets[-1])
                self._starts.append(at)
                self._offsets.append(offset)
                self._sums.append(before)
                self._added.append(before - self.hours.until(at + offset))
        self.total = self.until(self._end)

    def until(self, at: int) -> int:
        """How much is open from the beginning of the first year to `at`."""
        place = max(0, bisect_right(self._starts, at) - 1)
        return self._added[place] + self.hours.until(at + self._offsets[place])

    def when(self, amount: int) -> int:
        """The first moment until which so much is open."""
        place = bisect_left(self._sums, amount) - 1
        offset = self._offsets[place]
        end = self._starts[place + 1] if place + 1 < len(self._starts) else self._end
        return self.hours.when(amount - self._added[place], self._starts[place] + offset, end + offset) - offset

    def spans(self, number: int) -> list[tuple[datetime, datetime]]:
        """What is open on a day of the calendar's own clock. Where the clocks change within a span, the times stay those of its edges."""
        return [(self._moment(number * DAY + start), self._moment(number * DAY + end)) for start, end in self.hours.open_on(number)]

    def _moment(self, local: int) -> datetime:
        for start, offset in zip(reversed(self._starts), reversed(self._offsets), strict=True):
            if local - offset >= start:
                return zones.moment(local - offset)
        return zones.moment(local - self._offsets[0])


@lru_cache(maxsize=5_000)
def _closed(region: tuple[str, str | None], year: int) -> dict[int, Spans]:
    """The days of a year that are public holidays: nothing is open on them."""
    return {(day - MIDNIGHT).days: () for day in timetables.public_holidays(*region, year)}


def _number(at: datetime) -> int:
    if at.tzinfo is None:
        raise Nonsense("A time without its zone says nothing.")
    return zones.number(at)


def _joined(pauses: Iterable[Pause], begin: int, stop: int | None) -> list[tuple[int, int]]:
    """Pauses in order, without overlaps, cut to what lies between."""
    found: list[tuple[int, int]] = []
    for from_, to in sorted((_number(from_), _number(to)) for from_, to in pauses):
        if to < from_:
            raise Nonsense("A pause ends before it begins.")
        low, high = max(from_, begin, found[-1][1] if found else begin), to if stop is None else min(to, stop)
        if low < high:
            found.append((low, high))
    return found
