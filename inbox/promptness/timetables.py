"""How a calendar is written down: weekdays, dates, spans, time zones and holidays, each read with an error that says how to write it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from inbox.errors import Invalid
from inbox.promptness.hours import Span, Spans
from inbox.promptness.zones import DAY, SECOND

LONGEST_NAME = 200
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Nonsense(Invalid, ValueError):
    """What no calendar can reckon with."""

    code = "bad_calendar"


class NeverOpen(Nonsense):
    """From here on the calendar is not open for so long."""


def mapping(given: Any, name: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise Nonsense('"{name}" must name days and their hours.', name=name)
    return given  # pyright: ignore[reportUnknownVariableType]  # keys and values are looked at one by one


def listed(given: Any, name: str) -> Sequence[Any]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise Nonsense('"{name}" is a list.', name=name)
    return given  # pyright: ignore[reportUnknownVariableType]  # looked at one by one


def zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        raise Nonsense('"{name}" is no time zone: write it like Europe/Berlin.', name=name) from None


def region(name: Any) -> tuple[str, str | None]:
    country, _, part = str(name).partition("-")
    public_holidays(country, part or None, 2026)
    return country, part or None


@lru_cache(maxsize=5_000)
def public_holidays(country: str, part: str | None, year: int, language: str = "en") -> dict[date, str]:
    """The public holidays of a year, named in this language where their names are known in it, else in the country's own."""
    import holidays  # large, and most calendars have none

    if country not in holidays.list_supported_countries():  # the library takes every name that it has for a country
        raise _unknown(country, part)
    try:
        return dict(holidays.country_holidays(country, subdiv=part, years=year, expand=False, language=_spoken(country, language)))
    except NotImplementedError:
        raise _unknown(country, part) from None


def _unknown(country: str, part: str | None) -> Nonsense:
    region = f"{country}-{part}" if part else country
    return Nonsense('The holidays of "{region}" are unknown: write a country like DE, or a region like DE-SH.', region=region)


@lru_cache(maxsize=1_000)
def _spoken(country: str, language: str) -> str | None:
    import holidays

    known = holidays.list_localized_countries().get(country, [])
    return next((code for code in sorted(known) if code.partition("_")[0] == language), None)


@cache
def regions() -> Mapping[str, Sequence[str]]:
    """The countries whose holidays are known (ISO 3166), each with the regions that have some of their own."""
    import holidays

    return holidays.list_supported_countries(include_aliases=False)


def region_names(country: str) -> Mapping[str, str]:
    """The regions of a country: code and name; the code itself where it has no name."""
    import holidays

    parts = regions().get(country)
    if not parts:
        return {}
    aliases = getattr(type(holidays.country_holidays(country)), "subdivisions_aliases", {})
    longest = {part: name for name, part in sorted(aliases.items(), key=lambda alias: len(alias[0])) if part in parts}
    return {part: longest.get(part, part) for part in parts}


def names(given: Any) -> dict[date, str]:
    """What days are called: {"2026-12-24": "Christmas Eve"}."""
    told = {day_of(day): name for day, name in mapping(given, "names").items()}
    if any(not isinstance(name, str) or len(name) > LONGEST_NAME for name in told.values()):
        raise Nonsense("A day's name is a text of at most {longest} characters.", longest=LONGEST_NAME)
    return told


def day_of(given: Any) -> date:
    try:
        return given if isinstance(given, date) else date.fromisoformat(given)
    except (ValueError, TypeError):
        raise Nonsense('"{day}" is no date: write it like 2026-12-24.', day=given) from None


def spans(given: Any, day: str) -> Spans:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise Nonsense('The hours of {day} are a list of spans like ["09:00", "17:00"].', day=day)
    return tuple(sorted(_span(span, day) for span in given))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # looked at there


def _span(given: Any, day: str) -> Span:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 2:  # pyright: ignore[reportUnknownArgumentType]  # its length is all
        raise Nonsense('The hours of {day} are a list of spans like ["09:00", "17:00"].', day=day)
    start, end = _time(given[0], day), _time(given[1], day)
    if start in (DAY, end):
        raise Nonsense('A span of {day} is empty: the whole day is ["00:00", "24:00"].', day=day)
    return start, end if end > start else end + DAY


def _time(given: Any, day: str) -> int:
    parts = given.split(":") if isinstance(given, str) else []
    if len(parts) in (2, 3) and all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts):
        hour, minute, second = (*map(int, parts), 0)[:3]
        time = (hour * 3600 + minute * 60 + second) * SECOND
        if minute < 60 and second < 60 and time <= DAY:
            return time
    raise Nonsense('"{time}" on {day} is no time of day: write 09:00, up to 24:00.', time=given, day=day)


def told(open_spans: Spans) -> list[list[str]]:
    return [[_clock(start), _clock(end - DAY if end > DAY else end)] for start, end in open_spans]


def _clock(time: int) -> str:
    minutes, seconds = divmod(time // SECOND, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{seconds:02}" if seconds else "")
