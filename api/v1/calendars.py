"""Business hours. For supervisors."""

import asyncio
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field, StringConstraints

from api.deps import ApiAccessDep, HouseDep, NowDep, Number, SessionDep
from api.schemas import Given, Shape
from api.v1 import PROBLEMS
from inbox.models import Calendar, CalendarSource
from inbox.promptness import targets
from inbox.promptness.agreements import almanac, calendars, preview, sources, timetable
from inbox.promptness.agreements.calendars import Told
from inbox.promptness.calendars import Versions

router = APIRouter(prefix="/calendars", tags=["calendars"], responses=PROBLEMS)


async def find(calendar_id: Number, access: ApiAccessDep, session: SessionDep) -> Calendar:
    """The calendar of the address."""
    return await calendars.get(session, access, calendar_id)


CalendarDep = Annotated[Calendar, Depends(find)]
Name = Annotated[str, StringConstraints(max_length=400)]
Seen = Annotated[
    int | None, Field(ge=1, lt=2**31, description="The revision that you have read; refused with 409 when there is another one by now.")
]
Seconds = Annotated[float, Query(ge=0, le=10 * 366 * 86_400)]


class VersionOut(BaseModel):
    """What the calendar says from a moment on."""

    valid_from: datetime | None = Field(description="Null: since ever.")
    definition: dict[str, Any]
    sourced: list[str] = Field(description="Its dates that came from files and feeds.")
    member: str | None = Field(description="Who wrote it; null: a feed.")
    created_at: datetime

    @classmethod
    def of(cls, told: Told) -> "VersionOut":
        version = told.version
        return cls(
            valid_from=version.valid_from,
            definition=version.definition,
            sourced=version.sourced,
            member=told.member,
            created_at=version.created_at,
        )


class CalendarOut(BaseModel):
    """Business hours with all their versions, the newest first."""

    id: int
    name: str
    revision: int
    versions: list[VersionOut]


class CalendarIn(Given):
    """`definition`: {"tz", "hours", "dates", "names", "holidays"}, as docs/api.md says."""

    name: Name
    definition: dict[str, Any]


class CalendarChange(Given):
    """What shall be another: a definition counts from `valid_from` on, which is now unless it is said."""

    name: Name | None = None
    definition: dict[str, Any] | None = None
    valid_from: datetime | None = None
    since_ever: bool = Field(default=False, description="Also for what was; only while nobody was measured by the calendar.")
    revision: Seen = None


class ListedOut(BaseModel):
    """A calendar among others, with what it says now."""

    id: int
    name: str
    revision: int
    definition: dict[str, Any]
    policies: int = Field(description="How many policies go by it.")


class DayOut(Shape):
    """A day by the calendar's own clock; spans are cut at midnight."""

    date: date
    spans: list[tuple[datetime, datetime]]
    name: str = Field(description="Of the holiday, or of the date.")
    is_special: bool = Field(description="Other hours than its weekday's.")
    clock_minutes: int = Field(description="By which the clocks go forward on it; negative: back.")


class SecondsOut(BaseModel):
    seconds: float


class DueOut(BaseModel):
    at: datetime


class SourceOut(Shape):
    """A file, or a feed that is read every day."""

    id: int
    name: str
    host: str | None = Field(description="Of a feed. Its whole address is not told again: who has it can read the feed.")
    opens: bool
    days: dict[str, Any]
    read_at: datetime | None
    try_at: datetime | None
    error: str | None = Field(description="Why it could not be read; the last good days stay.")


class SourceIn(Given):
    """`url` of a feed (https or webcal), or `content` of an iCalendar file."""

    name: Name = ""
    url: Annotated[str, StringConstraints(max_length=4_000)] | None = None
    content: Annotated[str, StringConstraints(max_length=almanac.LARGEST)] | None = None
    opens: bool = Field(default=False, description="Events with times are the hours of their days; else they mean nothing.")


@router.get("")
async def list_calendars(access: ApiAccessDep, session: SessionDep, now: NowDep) -> list[ListedOut]:
    """The calendars of the workspace, by name."""
    found = await calendars.list_for(session, access, now=now)
    return [
        ListedOut(
            id=each.calendar.id,
            name=each.calendar.name,
            revision=each.calendar.revision,
            definition=each.definition,
            policies=each.policies,
        )
        for each in found
    ]


@router.post("", status_code=201)
async def create_calendar(access: ApiAccessDep, given: CalendarIn, session: SessionDep, now: NowDep, response: Response) -> CalendarOut:
    """Make a calendar."""
    calendar = await calendars.create(session, access, name=given.name, definition=given.definition, now=now)
    response.headers["Location"] = f"/api/v1/calendars/{calendar.id}"
    return await _out(session, calendar)


@router.get("/{calendar_id}")
async def get_calendar(calendar: CalendarDep, session: SessionDep) -> CalendarOut:
    """One calendar with its versions."""
    return await _out(session, calendar)


@router.patch("/{calendar_id}")
async def change_calendar(
    access: ApiAccessDep, calendar: CalendarDep, given: CalendarChange, session: SessionDep, now: NowDep
) -> CalendarOut:
    """Rename it, or let it say something else from now or later on. What was measured before stays as it is."""
    await calendars.change(
        session,
        access,
        calendar,
        name=given.name,
        definition=given.definition,
        valid_from=given.valid_from,
        since_ever=given.since_ever,
        seen=given.revision,
        now=now,
    )
    return await _out(session, calendar)


@router.delete("/{calendar_id}", status_code=204)
async def remove_calendar(access: ApiAccessDep, calendar: CalendarDep, session: SessionDep, now: NowDep) -> None:
    """Take it away; refused while policies go by it."""
    await calendars.remove(session, access, calendar, now=now)


@router.delete("/{calendar_id}/planned", status_code=204)
async def withdraw_planned(access: ApiAccessDep, calendar: CalendarDep, session: SessionDep, now: NowDep) -> None:
    """Drop the changes that are not valid yet."""
    await calendars.withdraw(session, access, calendar, now=now)


@router.get("/{calendar_id}/preview")
async def preview_calendar(
    calendar: CalendarDep,
    session: SessionDep,
    now: NowDep,
    first: Annotated[date | None, Query(description="Default: today, by the calendar's own clock.")] = None,
    days: Annotated[int, Query(ge=1, le=preview.LONGEST)] = 28,
    language: Annotated[str, Query(pattern="^[a-z]{2}$", description="Of the holidays' names.")] = "en",
) -> list[DayOut]:
    """What is open on the coming days, and why."""
    versions = await _versions(session, calendar)
    first = timetable.day_within_reach(first) if first else now.astimezone(versions.calendars[-1].zone).date()
    return [DayOut.model_validate(day) for day in preview.days(versions, first, days, language=language)]


@router.get("/{calendar_id}/elapsed")
async def get_elapsed(calendar: CalendarDep, session: SessionDep, start: datetime, end: datetime) -> SecondsOut:
    """Seconds of business time between two moments, exact to the microsecond, each stretch by what was valid then."""
    versions = await _versions(session, calendar)
    return SecondsOut(seconds=versions.elapsed(timetable.within_reach(start), timetable.within_reach(end)))


@router.get("/{calendar_id}/due")
async def get_due(calendar: CalendarDep, session: SessionDep, start: datetime, seconds: Seconds) -> DueOut:
    """When so many seconds of business time will have passed since a moment."""
    versions = await _versions(session, calendar)
    return DueOut(at=versions.due(timetable.within_reach(start), seconds))


@router.get("/{calendar_id}/sources")
async def list_sources(calendar: CalendarDep, session: SessionDep) -> list[SourceOut]:
    """The files and feeds that tell the calendar its holidays."""
    return [SourceOut.model_validate(source) for source in await calendars.sources(session, calendar)]


@router.post("/{calendar_id}/sources", status_code=201)
async def add_source(
    access: ApiAccessDep, calendar: CalendarDep, given: SourceIn, session: SessionDep, house: HouseDep, now: NowDep
) -> SourceOut:
    """Give it a feed, which is read within a minute and then every day, or a file."""
    if given.content is None:
        feed = await sources.add_feed(
            session, access, house.vault, calendar, name=given.name, url=given.url or "", opens=given.opens, now=now
        )
        return SourceOut.model_validate(feed)
    zone = await sources.zone_of(session, calendar)
    content, today = given.content.encode(), now.astimezone(zone).date()
    days = await asyncio.to_thread(almanac.read, content, zone=zone, today=today, opens=given.opens)
    return SourceOut.model_validate(
        await sources.add_file(session, access, calendar, name=given.name, days=days, opens=given.opens, now=now)
    )


@router.delete("/{calendar_id}/sources/{source_id}", status_code=204)
async def remove_source(access: ApiAccessDep, calendar: CalendarDep, source_id: Number, session: SessionDep, now: NowDep) -> None:
    """Drop a file or feed; its coming days are days like others from now on."""
    source: CalendarSource = await sources.get(session, access, calendar, source_id)
    await sources.remove(session, access, calendar, source, now=now)


async def _out(session: SessionDep, calendar: Calendar) -> CalendarOut:
    versions = [VersionOut.of(told) for told in await calendars.versions(session, calendar)]
    return CalendarOut(id=calendar.id, name=calendar.name, revision=calendar.revision, versions=versions)


async def _versions(session: SessionDep, calendar: Calendar) -> Versions:
    return (await targets.versions(session, {calendar.id}))[calendar.id]
