"""What a version of a calendar says: written by people, filled up with the days of files and feeds, and checked as a whole."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from inbox.models import CalendarSource, CalendarVersion
from inbox.promptness.calendars import Calendar
from inbox.promptness.timetables import NeverOpen, Nonsense

FIRST_YEAR, LAST_YEAR = 1970, 2199  # of what anybody may ask for: reckoning through thousands of years takes seconds
MOST_DATES, MOST_SPANS, MOST_REGIONS = 2_000, 24, 10
Definition = dict[str, Any]


def read(given: Mapping[str, Any]) -> Definition:
    """What somebody wrote, checked and in its usual form."""
    calendar = Calendar.from_dict(given)
    spans = [*given.get("hours", {}).values(), *given.get("dates", {}).values()]
    if len(calendar.dates) > MOST_DATES or len(calendar.names) > MOST_DATES:
        raise Nonsense("A calendar has at most {most} dates of its own.", most=MOST_DATES)
    if any(len(day) > MOST_SPANS for day in spans):
        raise Nonsense("A day has at most {most} spans.", most=MOST_SPANS)
    if len(set(calendar.regions)) > MOST_REGIONS:
        raise Nonsense("A calendar keeps the holidays of at most {most} regions.", most=MOST_REGIONS)
    if any(not FIRST_YEAR <= day.year <= LAST_YEAR for day in calendar.dates.keys() | calendar.names.keys()):
        raise Nonsense("Dates lie between the years {first} and {last}.", first=FIRST_YEAR, last=LAST_YEAR)
    return calendar.to_dict()


def own(version: CalendarVersion) -> Definition:
    """What people wrote of a version, without the days of files and feeds."""
    sourced = set(version.sourced)
    kept = {
        key: {day: value for day, value in version.definition[key].items() if day not in sourced}
        for key in ("dates", "names")
        if key in version.definition
    }
    return {**version.definition, **kept}


def filled(written: Definition, sources: Iterable[CalendarSource]) -> tuple[Definition, list[str]]:
    """What people wrote with the days of the sources, and which dates are theirs. People's word counts first, then the first source's."""
    dates, names = dict(written.get("dates", {})), dict(written.get("names", {}))
    sourced: list[str] = []
    for source in sources:
        for day, told in sorted(source.days.items()):
            if day not in dates:
                sourced.append(day)
                dates[day] = told["spans"]
                names[day] = names.get(day) or told["name"]
    whole = {**written, "dates": dict(sorted(dates.items())), "names": {day: name for day, name in sorted(names.items()) if name}}
    if len(dates) > MOST_DATES:
        raise Nonsense("A calendar has at most {most} dates of its own.", most=MOST_DATES)
    return whole, sorted(sourced)


def check_open(definition: Definition, at: datetime) -> None:
    """Raise Nonsense when it is never open any more from this moment on."""
    try:
        Calendar.from_dict(definition).due(at, 1)
    except NeverOpen:
        raise Nonsense("The calendar is never open from then on: give it hours on at least one day.") from None


def within_reach(at: datetime) -> datetime:
    """A moment that calendars are asked about; Nonsense when it lies in another age."""
    if at.tzinfo is None:
        raise Nonsense("A time without its zone says nothing.")
    if not datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) <= at < datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC):
        raise Nonsense("Times lie between the years {first} and {last}.", first=FIRST_YEAR, last=LAST_YEAR)
    return at


def today(definition: Definition, now: datetime) -> date:
    """The day on the calendar's own wall."""
    return now.astimezone(Calendar.from_dict(definition).zone).date()


def day_within_reach(day: date) -> date:
    """A day that calendars are asked about."""
    if not FIRST_YEAR <= day.year < LAST_YEAR:
        raise Nonsense("Dates lie between the years {first} and {last}.", first=FIRST_YEAR, last=LAST_YEAR)
    return day
