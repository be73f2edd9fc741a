"""Languages: gettext catalogues read from their .po files, and formats from Babel."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, get_day_names
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

SUPPORTED = ("en", "de")
FOLDER = Path(__file__).parent / "locale"
LENGTHS = ((172800, 86400, "{n} d"), (7200, 3600, "{n} h"), (60, 60, "{n} min"), (0, 1, "{n} s"))  # from so many seconds on, the unit
FIELD = re.compile(r"\{(\w+)\}")  # of a sentence that is filled in
REASON = "reason"  # a field that is a sentence itself
WORDS = (REASON, "name")  # and what something is called: "The outgoing mail server"
SHORTEST_SHAPE = 8  # characters
UNITS = ((86400, "{n} d"), (3600, "{n} h"), (60, "{n} min"))  # seconds, and how the page writes them


@dataclass(frozen=True)
class Language:
    """One language: what the templates call. English is the source, so it has no catalogue of its own."""

    code: str
    texts: dict[str, str]
    plurals: dict[str, tuple[str, ...]]

    def gettext(self, text: str) -> str:
        return self.texts.get(text, text)

    def sentence(self, text: str) -> str:
        """A sentence that came from elsewhere, a connector's error say: known word for word, or by its shape ("Wait {n} seconds.")."""
        return _sentence(self.code, text)

    def ngettext(self, one: str, many: str, count: int) -> str:
        forms = self.plurals.get(one, (one, many))  # English and German: one form for 1, another for the rest
        return forms[0] if count == 1 else forms[-1]

    def number(self, value: float) -> str:
        return _number(self.code, value)

    def tenths(self, value: float) -> str:
        """One digit after the point, also when it is 0: figures under each other are told alike."""
        return format_decimal(value, "#,##0.0", locale=_babel(self.code))

    def day(self, at: datetime, zone: tzinfo) -> str:
        """Weekday and date, for a separator between days."""
        return _day(self.code, at.astimezone(zone).date())

    def date(self, on: date) -> str:
        """A short date."""
        return _date(self.code, on)

    def weekday(self, number: int, *, short: bool = False) -> str:
        """Monday is 0."""
        return get_day_names("abbreviated" if short else "wide", "stand-alone", locale=_babel(self.code))[number]

    def country(self, code: str) -> str:
        """What a country is called in this language; the code itself where nobody knows."""
        names: Any = _babel(self.code).territories
        return names.get(code, code)

    def language_name(self, code: str) -> str:
        """What a language is called in this one; the code itself where nobody knows."""
        known: Any = _babel(self.code).languages
        if code in known:
            return known[code]
        try:
            return Locale.parse(code.replace("-", "_")).get_display_name(_babel(self.code)) or code
        except (UnknownLocaleError, ValueError):
            return code

    def language_names(self, codes: Iterable[str]) -> dict[str, str]:
        """What languages are called, by their codes, in the order of their names."""
        return dict(sorted(((code, self.language_name(code)) for code in codes), key=lambda pair: (pair[1].casefold(), pair[0])))

    def clock(self, at: datetime, zone: tzinfo) -> str:
        """Hours and minutes."""
        return f"{at.astimezone(zone):%H:%M}"

    def moment(self, at: datetime, zone: tzinfo) -> str:
        """Date, time and zone in full, for a tooltip."""
        return format_datetime(at.astimezone(zone), "long", locale=_babel(self.code))

    def short(self, at: datetime, zone: tzinfo) -> str:
        """Day, month and time."""
        return format_datetime(at.astimezone(zone), "d. MMM, HH:mm" if self.code == "de" else "d MMM, HH:mm", locale=_babel(self.code))

    def duration(self, length: timedelta) -> str:
        """About how long, in one unit: "12 min", "3 h", "2 d". The page's own clock writes the same (static/js/clock.js)."""
        seconds = max(0, int(length.total_seconds()))
        for size, text in UNITS:
            if seconds >= size:
                return self.gettext(text).replace("{n}", str(seconds // size))
        return self.gettext("now")

    def exact(self, seconds: float) -> str:
        """How long, to the second: "1 d 2 h 3 min 4 s"."""
        left, parts = max(0, round(seconds)), list[str]()
        for size, text in (*UNITS, (1, "{n} s")):
            count, left = divmod(left, size)
            if count:
                parts.append(self.gettext(text).replace("{n}", str(count)))
        return " ".join(parts) or self.gettext("{n} s").replace("{n}", "0")

    def length(self, seconds: float) -> str:
        """How long, in one unit and near enough for a figure: "45 s", "91 min", "2.7 h", "3.1 d"."""
        _, size, text = next(step for step in LENGTHS if seconds >= step[0])
        return self.gettext(text).replace("{n}", self.number(round(seconds / size, 1 if size > 60 else None)))


def told(length: timedelta) -> timedelta:
    """As much of a length as `duration` tells, in whole minutes, hours or days: while this stays the same, so does what is written."""
    seconds = max(0, int(length.total_seconds()))
    size = next((size for size, _ in UNITS if seconds >= size), 0)
    return timedelta(seconds=seconds // size * size if size else 0)


@lru_cache(maxsize=5000)  # a page of figures has a thousand numbers, most of them small
def _number(code: str, value: float) -> str:
    return format_decimal(value, locale=_babel(code))


@lru_cache(maxsize=2000)
def _date(code: str, date: date) -> str:
    return format_date(date, "d. MMM" if code == "de" else "d MMM", locale=_babel(code))


@cache
def _day(code: str, date: date) -> str:
    return format_date(date, "full", locale=_babel(code))


def locale_of(accept_language: str, otherwise: str = "en") -> str:
    """The best supported language of an Accept-Language header, else another one."""
    for part in accept_language.split(","):
        language = part.split(";")[0].strip().lower()[:2]
        if language in SUPPORTED:
            return language
    return otherwise if otherwise in SUPPORTED else "en"


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


@lru_cache(maxsize=2000)
def _sentence(code: str, text: str) -> str:
    texts = language(code).texts
    if text in texts:
        return texts[text]
    for shape, told in _shapes(code):
        if found := shape.fullmatch(text):
            fields = {name: _sentence(code, value) if name in WORDS else value for name, value in found.groupdict().items()}
            return told.format(**fields)
    return text


@cache
def _shapes(code: str) -> list[tuple[re.Pattern[str], str]]:
    """The sentences with fields, those that say most first; what hardly says anything would be found in everything."""
    found: list[tuple[int, re.Pattern[str], str]] = []
    for text, told in language(code).texts.items():
        parts = FIELD.split(text)
        words = sum(map(len, parts[::2]))
        if len(parts) > 1 and words >= SHORTEST_SHAPE and len(set(parts[1::2])) == len(parts) // 2:
            shape = "".join(re.escape(part) if at % 2 == 0 else f"(?P<{part}>.+)" for at, part in enumerate(parts))
            found.append((words, re.compile(shape, re.DOTALL), told))
    return [(shape, told) for _, shape, told in sorted(found, key=lambda one: -one[0])]


@cache
def _babel(code: str) -> Locale:
    return Locale.parse("en_GB" if code == "en" else code)
