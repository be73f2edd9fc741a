"""What iCalendar (RFC 5545) says about days: whole-day events close them, and where it is asked for, events with times say when it is open.

Files come from anybody, so everything is bounded: bytes, events, the days and years that are looked at, and the processor's time.
"""

import re
import time as clock
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from inbox.promptness.agreements.timetable import MOST_SPANS
from inbox.promptness.timetables import LONGEST_NAME, Nonsense

LARGEST = 1_000_000  # bytes
MOST_EVENTS, MOST_DAYS = 5_000, 1_000
SECONDS = 5.0  # of processor time for events that repeat: a rule may be as long as its writer likes
LONGEST_STEP = 1_000  # of a rule, in days, weeks …
EARLIEST = 1900  # of a rule's first time
YEARS = 2  # after this one
BY_DAY = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
WITHIN_A_DAY = ("BYHOUR", "BYMINUTE", "BYSECOND")
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
ZONES = re.compile(rb"BEGIN:VTIMEZONE(.*?)(?:END:VTIMEZONE|\Z)", re.DOTALL | re.IGNORECASE)
FOLD, RULES = re.compile(rb"\r?\n[ \t]"), re.compile(rb"^RRULE[:;].*$", re.MULTILINE)
OFTEN = re.compile(rb"BY(?:HOUR|MINUTE|SECOND|YEARDAY|WEEKNO)")
LONGEST_ZONE = 20_000  # bytes
Days = dict[str, Any]  # {"2026-12-24": {"spans": [["09:00", "12:00"]], "name": "Christmas Eve"}}


def read(content: bytes, *, zone: ZoneInfo, today: date, opens: bool) -> Days:
    """The days from today to the end of the year after next; Nonsense when this is no iCalendar, or more than anybody needs.

    `opens`: events with times are the hours of their days, in `zone`; else they mean nothing. Takes up to seconds: call it in a thread.
    """
    if len(content) > LARGEST:
        raise Nonsense("The calendar file has more than {most} bytes.", most=LARGEST)
    try:
        days = _days(content, zone, today, opens=opens)
    except Nonsense:
        raise
    except UNREADABLE:
        raise Nonsense("The events of the calendar file cannot be read.") from None
    if len(days) > MOST_DAYS:
        raise Nonsense("The calendar file names more than {most} days.", most=MOST_DAYS)
    if any(len(told["spans"]) > MOST_SPANS for told in days.values()):
        raise Nonsense("A day has at most {most} spans.", most=MOST_SPANS)
    return days


def _days(content: bytes, zone: ZoneInfo, today: date, *, opens: bool) -> Days:
    last = date(today.year + YEARS, 12, 31)
    closed: dict[date, str] = {}
    hours: dict[date, list[tuple[list[str], str]]] = defaultdict(list)
    for start, end, name in _occurrences(_series(content), today, last, zone):
        if not isinstance(start, datetime):
            first = max(start, today)
            for after in range((min(end, last + timedelta(days=1)) - first).days):
                closed.setdefault(first + timedelta(days=after), name)
        elif opens:
            for day, span in _parts(start.astimezone(zone), end.astimezone(zone)):
                if today <= day <= last:
                    hours[day].append((span, name))
    days: Days = {day.isoformat(): {"spans": [], "name": name} for day, name in closed.items()}
    for day, spans in hours.items():
        days[day.isoformat()] = {"spans": sorted(span for span, _ in spans), "name": next((name for _, name in spans if name), "")}
    return dict(sorted(days.items()))


def _series(content: bytes) -> list[list[Any]]:
    """The events of a file, those of one identity together: a rule, and what differs from it."""
    from icalendar import Calendar  # large, and most calendars read no files

    _check_zones(content)
    try:
        found: Any = Calendar.from_ical(content)
        is_calendar = found.name == "VCALENDAR"
        events: list[Any] = [event for event in found.walk("VEVENT") if str(event.get("STATUS", "")).upper() != "CANCELLED"]
    except UNREADABLE:
        is_calendar, events = False, []
    if not is_calendar:
        raise Nonsense("This is no iCalendar file (.ics): it cannot be read.")
    if len(events) > MOST_EVENTS:
        raise Nonsense("The calendar file has more than {most} events.", most=MOST_EVENTS)
    series: dict[str, list[Any]] = defaultdict(list)
    for number, event in enumerate(events):
        series[str(event.get("UID", number))].append(event)
    return list(series.values())


def _check_zones(content: bytes) -> None:
    """The library follows the rules of time zones that a file brings while it reads: they may change clocks some times a year, no more."""
    for zone in ZONES.findall(FOLD.sub(b"", content)):
        rules: list[bytes] = RULES.findall(zone.upper())
        if len(zone) > LONGEST_ZONE or any(b"FREQ=YEARLY" not in rule or OFTEN.search(rule) for rule in rules):
            raise Nonsense("The time zones of the calendar file change their clocks too often to be looked at.")


def _occurrences(series: list[list[Any]], first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[Any, Any, str]]:
    """Start, end and name of what happens on these days: dates of whole days, or moments."""
    from_, to = datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)
    latest = clock.thread_time() + SECONDS
    for events in series:
        repeats = any("RRULE" in event or "RDATE" in event for event in events)
        for event in _repeated(events, from_, to) if repeats else events:
            start, end = event.start, event.end
            name = _called(event)
            if isinstance(start, datetime):
                yield _aware(start, zone), _aware(end, zone), name
            else:
                yield start, max(end, start + timedelta(days=1)), name
        if clock.thread_time() > latest:
            raise Nonsense("The events of the calendar file repeat too often to be looked at.")


def _called(event: Any) -> str:
    """What an event is called, in signs that can be shown and stored."""
    words = " ".join(str(event.get("SUMMARY", "")).split())
    return "".join(sign for sign in words if sign.isprintable())[:LONGEST_NAME]


def _repeated(events: list[Any], from_: datetime, to: datetime) -> list[Any]:
    """Every time at which a series happens, exceptions taken into account."""
    import recurring_ical_events
    from icalendar import Calendar

    ruled = [event for event in events if "RRULE" in event]
    rules = [rule for event in ruled for rule in _rules(event)]
    if len(rules) > 1 or any(event.start.year < EARLIEST for event in events):
        raise Nonsense("The events of the calendar file repeat too often to be looked at.")
    if any(not BY_DAY.issuperset(map(str.upper, rule.get("FREQ", ["?"]))) or any(name in rule for name in WITHIN_A_DAY) for rule in rules):
        raise Nonsense("An event of the calendar file repeats within a day.")
    if any(not 1 <= int(step) <= LONGEST_STEP for rule in rules for step in rule.get("INTERVAL", [1])):
        raise Nonsense("The events of the calendar file cannot be read.")  # the library would go round for ever
    whole: Any = Calendar()
    whole.subcomponents = events
    happening: Any = recurring_ical_events.of(whole)
    return happening.between(from_, to)


def _rules(event: Any) -> list[Any]:
    rules = event["RRULE"]
    return rules if isinstance(rules, list) else [rules]  # pyright: ignore[reportUnknownVariableType]  # the library has no types here


def _aware(at: datetime, zone: ZoneInfo) -> datetime:
    """A time without a zone is one on the calendar's own wall (RFC 5545, 3.3.5, form 1)."""
    return at.replace(tzinfo=zone) if at.tzinfo is None else at


def _parts(start: datetime, end: datetime) -> Iterator[tuple[date, list[str]]]:
    """The hours of an event on each day that it touches."""
    day = start.date()
    while day <= end.date() and (day - start.date()).days <= MOST_DAYS:
        opens = _clock(start) if day == start.date() else "00:00"
        closes = _clock(end) if day == end.date() else "24:00"
        if closes > opens:
            yield day, [opens, closes]
        day += timedelta(days=1)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
