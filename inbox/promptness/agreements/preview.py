"""What a calendar will be open on the coming days, with the reason for each that differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import Calendar as Row
from inbox.promptness import zones
from inbox.promptness.agreements import calendars, timetable
from inbox.promptness.agreements.timetable import Definition
from inbox.promptness.calendars import Calendar, Versions

LONGEST = 400  # days
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Day:
    """A day on the calendar's wall: what is open, what it is called, and how its clocks change."""

    date: date
    spans: Sequence[Stretch]  # cut at midnight, UTC
    name: str  # of the holiday, or of the date
    is_special: bool  # other hours than its weekday's
    clock_minutes: int  # by which the clocks go forward on it, negative: back; 0 nearly always

    @property
    def seconds(self) -> float:
        """How long it is open."""
        return sum((end - start).total_seconds() for start, end in self.spans)


async def of_change(session: AsyncSession, calendar: Row | None, definition: Definition, start: datetime | None) -> Versions:
    """What a calendar would say with this change from then on; None: since ever, or it is a new one."""
    written = timetable.read(definition)
    if calendar is None:
        return Versions([(None, Calendar.from_dict(written))])
    whole, _ = timetable.filled(written, await calendars.sources(session, calendar))
    told = [one.version for one in await calendars.versions(session, calendar)]
    before = [] if start is None else [each for each in told if each.valid_from is None or each.valid_from < start]
    return Versions([*((each.valid_from, Calendar.from_dict(each.definition)) for each in before), (start, Calendar.from_dict(whole))])


def days(versions: Versions, first: date, number: int, *, language: str = "en") -> Sequence[Day]:
    """So many days from `first` on, each moment by the version that is valid then, on the wall of the last version's zone."""
    last = versions.calendars[-1]
    found: list[Day] = []
    stretches = _open(versions, first, number)
    for after in range(number):
        day = first + timedelta(days=after)
        start, end = midnight(last, day), midnight(last, day + timedelta(days=1))
        spans = [(max(from_, start), min(to, end)) for from_, to in stretches if from_ < end and to > start]
        calendar = versions.at(end - zones.MICROSECOND)
        name = calendar.names.get(day) or calendar.closed_on(day, language) or ""
        forward = timedelta(days=1) - (end - start)
        found.append(Day(day, spans, name, day in calendar.dates or bool(calendar.closed_on(day)), round(forward.total_seconds() / 60)))
    return found


def midnight(calendar: Calendar, day: date) -> datetime:
    """When a day begins on a calendar's wall, in UTC."""
    return datetime.combine(day, time(), calendar.zone).astimezone(zones.EPOCH.tzinfo)


def _open(versions: Versions, first: date, number: int) -> list[Stretch]:
    """All that is open around these days, each version's within its time, joined where they touch."""
    pieces: list[Stretch] = []
    for calendar, since, until in versions.validities():
        for _, spans in calendar.spans(first - timedelta(days=2), number + 4):
            cut = ((max(start, since) if since else start, min(end, until) if until else end) for start, end in spans)
            pieces += [(start, end) for start, end in cut if start < end]
    joined: list[Stretch] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined
