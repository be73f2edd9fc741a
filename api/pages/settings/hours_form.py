"""The form of business hours, between what people write and what a calendar says."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from inbox.promptness import timetables
from inbox.promptness.timetables import WEEKDAYS, Nonsense
from web import hours
from web.i18n import language

BLANK_DATES, BLANK_REGIONS = 3, 1
Many = Annotated[list[str], Field(max_length=2_000)]


def many() -> Any:
    return Field(default_factory=list[str])


class HoursIn(BaseModel):
    """What the form asks for. Lists belong together by position; empty rows mean nothing."""

    name: str = ""
    tz: str = ""
    week: Many = many()
    date_day: Many = many()
    date_hours: Many = many()
    date_name: Many = many()
    country: Many = many()
    region: Many = many()
    start: str = "now"  # now, later or ever
    start_at: str = ""
    revision: Annotated[int | None, Field(ge=1, lt=2**31)] = None
    act: str = "save"  # or preview

    @classmethod
    def of(cls, name: str, definition: dict[str, Any], revision: int | None = None) -> "HoursIn":
        """The form as it stands when it is opened."""
        weekly, dates, names = definition.get("hours", {}), definition.get("dates", {}), definition.get("names", {})
        days = sorted(dates)
        regions = [region.partition("-") for region in definition.get("holidays", ())]
        return cls(
            name=name,
            tz=definition["tz"],
            week=[hours.written(weekly.get(day, ())) for day in WEEKDAYS],
            date_day=days,
            date_hours=[hours.written(dates.get(day, ())) for day in days],
            date_name=[names.get(day, "") for day in days],
            country=[country for country, _, _ in regions],
            region=[part for _, _, part in regions],
            revision=revision,
        )

    @property
    def is_preview(self) -> bool:
        return self.act == "preview"

    def definition(self, locale: str) -> dict[str, Any]:
        """What a calendar reads; Nonsense for what cannot be understood."""
        spoken = language(locale)
        weekly = {day: spans(text, spoken.weekday(at)) for at, (day, text) in enumerate(zip(WEEKDAYS, self.week, strict=False))}
        dates = {day: spans(text, day) for day, text, _ in self.dates() if day}
        if any(not day and (text or name) for day, text, name in self.dates()):
            raise Nonsense("A day with hours or a name needs its date.")
        return {
            "tz": self.tz.strip(),
            "hours": {day: open_ for day, open_ in weekly.items() if open_},
            "dates": dates,
            "names": {day: " ".join(name.split()) for day, _, name in self.dates() if day and name.strip()},
            "holidays": list(dict.fromkeys("-".join(filter(None, region)) for region in self.regions() if region[0])),
        }

    def dates(self) -> Sequence[tuple[str, str, str]]:
        return [(day.strip(), text.strip(), name.strip()) for day, text, name in _rows(self.date_day, self.date_hours, self.date_name)]

    def regions(self) -> Sequence[tuple[str, str]]:
        """Countries with the region chosen; a region of another country, chosen before the country was, means nothing."""
        return [(country, part if part in timetables.region_names(country) else "") for country, part in _rows(self.country, self.region)]

    def moment(self) -> datetime | None:
        """From when on it shall count, where that was said: by the clock of the form's own time zone."""
        if self.start != "later":
            return None
        try:
            at = datetime.fromisoformat(self.start_at)
        except ValueError:
            raise Nonsense("Say from which day and time on the change counts.") from None
        zone: ZoneInfo = timetables.zone(self.tz.strip())
        return at.replace(tzinfo=zone) if at.tzinfo is None else at


def spans(text: str, day: str) -> list[list[str]]:
    """The hours that somebody wrote for a day; Nonsense when they cannot be understood, or overlap."""
    found = hours.read(text)
    if found is None:
        raise Nonsense('The hours of {day} cannot be understood: write them like "09:00–12:30, 13:30–18:00".', day=day)
    edges = sorted((start, end if end > start else "99") for start, end in found)
    if any(before[1] > after[0] for before, after in pairwise(edges)):
        raise Nonsense("The hours of {day} overlap.", day=day)
    return found


def _rows(*columns: Sequence[str]) -> Sequence[tuple[Any, ...]]:
    return list(zip(*columns, strict=False))
