"""Opening hours as people read and write them: "09:00–12:30, 13:30–18:00", "Mon–Fri"."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inbox.promptness.timetables import WEEKDAYS
from web.i18n import Language

CLOSED = {"", "-", "–", "closed", "geschlossen", "zu"}
ALL_DAY = {"24h", "24 h", "all day", "ganztags", "ganztägig", "rund um die uhr"}
SPAN = re.compile(
    r"(\d{1,2})(?:[:.](\d{2}))?(?:\s*(?:h|uhr))?\s*(?:-|–|—|to|bis)\s*(\d{1,2})(?:[:.](\d{2}))?(?:\s*(?:h|uhr))?", re.IGNORECASE
)
Spans = list[list[str]]


def read(text: str) -> Spans | None:
    """The spans that somebody wrote; None when they cannot be understood. What times there are is the calendar's to judge."""
    words = text.strip().lower()
    if words in CLOSED:
        return []
    if words in ALL_DAY:
        return [["00:00", "24:00"]]
    spans: Spans = []
    for part in re.split(r"[,;+]|\bund\b|\band\b", words):
        found = SPAN.fullmatch(part.strip())
        if found is None:
            return None
        start, start_minute, end, end_minute = found.groups("00")
        spans.append([f"{int(start):02}:{start_minute}", f"{int(end):02}:{end_minute}"])
    return spans


def written(spans: Sequence[Sequence[str]]) -> str:
    """The reverse of `read`."""
    return ", ".join("–".join(span) for span in spans)


def told(spans: Sequence[Sequence[str]], language: Language) -> str:
    """As a page says it."""
    if not spans:
        return language.gettext("closed")
    if [list(span) for span in spans] == [["00:00", "24:00"]]:
        return language.gettext("all day")
    return written(spans)


def week(definition: Mapping[str, Any], language: Language) -> list[tuple[str, str]]:
    """The weekly hours, neighbours with the same ones together: ("Mon–Fri", "09:00–18:00")."""
    hours = [told(definition.get("hours", {}).get(day, ()), language) for day in WEEKDAYS]
    found: list[tuple[str, str]] = []
    first = 0
    for day in range(1, 8):
        if day == 7 or hours[day] != hours[first]:
            names = [language.weekday(first, short=True), language.weekday(day - 1, short=True)]
            found.append(("–".join(dict.fromkeys(names)), hours[first]))
            first = day
    return found
