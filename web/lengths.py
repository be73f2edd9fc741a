"""Lengths of time as people write them into a form: "15 min", "4 h", "1 d 12 h"."""

import re

SECONDS = {
    **dict.fromkeys(("s", "sec", "sek", "second", "seconds", "sekunde", "sekunden"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "minuten"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "std", "stunde", "stunden"), 3600),
    **dict.fromkeys(("d", "day", "days", "t", "tag", "tage", "tagen"), 86_400),
    **dict.fromkeys(("w", "week", "weeks", "woche", "wochen"), 7 * 86_400),
}
PART = re.compile(r"(\d{1,7}(?:[.,]\d{1,3})?)\s*([a-zäöü]+)\.?\s*")
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def read(text: str) -> int | None:
    """So many whole seconds; None when it cannot be understood, or has no unit."""
    words, at, total = text.strip().lower(), 0, 0.0
    while at < len(words):
        found = PART.match(words, at)
        if found is None or found[2] not in SECONDS:
            return None
        total += float(found[1].replace(",", ".")) * SECONDS[found[2]]
        at = found.end()
    return round(total) if words else None


def written(seconds: int) -> str:
    """Exactly so many, in the largest units: "1 d 12 h"."""
    parts: list[str] = []
    for size, unit in UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"
