"""Languages: gettext catalogues read from their .po files, and formats from Babel."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

SUPPORTED = ("en", "de")
FOLDER = Path(__file__).parent / "locale"
UNITS: tuple[tuple[Literal["day", "hour", "minute"], int], ...] = (("day", 86400), ("hour", 3600), ("minute", 60))


@dataclass(frozen=True)
class Language:
    """One language: what the templates call. English is the source, so it has no catalogue of its own."""

    code: str
    texts: dict[str, str]
    plurals: dict[str, tuple[str, ...]]

    def gettext(self, text: str) -> str:
        return self.texts.get(text, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        forms = self.plurals.get(one, (one, many))  # English and German: one form for 1, another for the rest
        return forms[0] if count == 1 else forms[-1]

    def number(self, value: float) -> str:
        return format_decimal(value, locale=self._locale)

    def day(self, at: datetime, zone: tzinfo) -> str:
        """Weekday and date, for a separator between days."""
        return format_date(at.astimezone(zone), "full", locale=self._locale)

    def clock(self, at: datetime, zone: tzinfo) -> str:
        """Hours and minutes."""
        return format_time(at.astimezone(zone), "short", locale=self._locale)

    def moment(self, at: datetime, zone: tzinfo) -> str:
        """Date, time and zone in full, for a tooltip."""
        return format_datetime(at.astimezone(zone), "long", locale=self._locale)

    def short(self, at: datetime, zone: tzinfo) -> str:
        """Day, month and time."""
        return format_datetime(at.astimezone(zone), "d MMM, HH:mm", locale=self._locale)

    def duration(self, length: timedelta) -> str:
        """About how long, in one unit: "12 min", "3 hrs", "2 days". The page's own clock writes the same (static/js/clock.js)."""
        seconds = max(0, int(length.total_seconds()))
        if seconds < 60:
            return self.gettext("now")
        unit, size = next((unit, size) for unit, size in UNITS if seconds >= size)
        whole = timedelta(seconds=seconds // size * size)
        return format_timedelta(whole, granularity=unit, threshold=99, format="short", locale=self._locale)

    @property
    def _locale(self) -> Locale:
        return _babel(self.code)


def locale_of(accept_language: str) -> str:
    """The best supported language of an Accept-Language header."""
    for part in accept_language.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in SUPPORTED:
            return language
    return "en"


@cache
def language(code: str) -> Language:
    """The language of a locale code; English for one that is not supported."""
    path = FOLDER / code / "messages.po"
    if code not in SUPPORTED or not path.exists():
        return Language("en", {}, {})
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    texts: dict[str, str] = {}
    plurals: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if not message.id or message.fuzzy:
            continue
        if isinstance(message.id, tuple) and isinstance(message.string, tuple):
            plurals[message.id[0]] = message.string
        elif isinstance(message.id, str) and isinstance(message.string, str) and message.string:
            texts[message.id] = message.string
    return Language(code, texts, plurals)


@cache
def _babel(code: str) -> Locale:
    return Locale.parse("en_GB" if code == "en" else code)
