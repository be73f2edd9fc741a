"""Business hours. For supervisors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api import problems
from api.deps import AccessDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from api.pages.settings.hours_form import BLANK_DATES, BLANK_REGIONS, HoursIn
from inbox.errors import ParleyError
from inbox.models import Calendar, Role
from inbox.promptness import targets, timetables
from inbox.promptness.agreements import calendars, preview
from inbox.promptness.agreements.preview import Day
from inbox.promptness.calendars import Versions
from inbox.team import workspaces
from web import hours
from web.i18n import language

router = APIRouter(prefix="/w/{workspace_id}/settings/hours", dependencies=[Depends(needs(Role.SUPERVISOR))])
USUAL = {day: [["09:00", "17:00"]] for day in timetables.WEEKDAYS[:5]}
PREVIEWED = 28  # days
Given = Annotated[HoursIn, Form()]


@dataclass(frozen=True, slots=True)
class ShownDay:
    """A day of the preview: its hours, and where they lie within it, in minutes."""

    day: Day
    told: str
    bars: Sequence[tuple[int, int]]  # from, length

    @property
    def date(self) -> date:
        return self.day.date


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """The list."""
    spoken = language(frame.locale)
    found = await calendars.list_for(session, access, now=now)
    listed = [(each, hours.week(each.definition, spoken), _region_names(each.definition, frame.locale)) for each in found]
    return frame.show("settings/hours.html", listed=listed)


@router.get("/new")
async def show_new(frame: FrameDep, session: SessionDep, now: NowDep) -> Response:
    given = HoursIn.of("", {"tz": frame.here.timezone, "hours": USUAL})
    return await _form(frame, session, given, now=now)


@router.post("/new")
async def create(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Given) -> Response:
    if given.is_preview:
        return await _form(frame, session, given, now=now)
    try:
        change = calendars.create(session, access, name=given.name, definition=given.definition(frame.locale), now=now)
    except ParleyError as refused:
        return await _form(frame, session, given, now=now, error=problems.sentence(refused, frame.locale))
    error = await forms.attempt(session, change, frame.locale)
    return await _form(frame, session, given, now=now, error=error) if error else frame.back()


@router.get("/{calendar_id}")
async def show_one(calendar_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    calendar = await calendars.get(session, access, calendar_id)
    return await one(frame, session, calendar, now=now)


@router.post("/{calendar_id}")
async def change(calendar_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Given) -> Response:
    calendar = await calendars.get(session, access, calendar_id)
    if given.is_preview:
        return await _form(frame, session, given, calendar=calendar, now=now)
    try:
        definition, start = given.definition(frame.locale), given.moment()
    except ParleyError as refused:
        return await _form(frame, session, given, calendar=calendar, now=now, error=problems.sentence(refused, frame.locale))
    error = await forms.attempt(
        session,
        calendars.change(
            session,
            access,
            calendar,
            name=given.name,
            definition=definition,
            valid_from=start,
            since_ever=given.start == "ever",
            seen=given.revision,
            now=now,
        ),
        frame.locale,
    )
    if error:
        return await _form(frame, session, given, calendar=calendar, now=now, error=error)
    return frame.back(f"/{calendar_id}")


@router.post("/{calendar_id}/planned/removal")
async def withdraw(calendar_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    calendar = await calendars.get(session, access, calendar_id)
    error = await forms.attempt(session, calendars.withdraw(session, access, calendar, now=now), frame.locale)
    return await one(frame, session, calendar, now=now, error=error) if error else frame.back(f"/{calendar_id}")


@router.post("/{calendar_id}/removal")
async def remove(calendar_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    calendar = await calendars.get(session, access, calendar_id)
    error = await forms.attempt(session, calendars.remove(session, access, calendar, now=now), frame.locale)
    return await one(frame, session, calendar, now=now, error=error) if error else frame.back()


async def one(frame: Frame, session: AsyncSession, calendar: Calendar, *, now: datetime, error: str | None = None) -> Response:
    """The page of a calendar as it is kept."""
    given = HoursIn.of(calendar.name, await calendars.own(session, calendar), calendar.revision)
    return await _form(frame, session, given, calendar=calendar, now=now, error=error)


async def _form(
    frame: Frame,
    session: AsyncSession,
    given: HoursIn,
    *,
    calendar: Calendar | None = None,
    now: datetime,
    error: str | None = None,
) -> Response:
    spoken = language(frame.locale)
    days: Sequence[ShownDay] = ()
    if error is None:
        try:
            days = _shown(await _versions(session, calendar, given, frame.locale, now), now, frame.locale)
        except ParleyError as refused:
            error = problems.sentence(refused, frame.locale)
    return frame.show(
        "settings/hours_one.html",
        error=error,
        given=given,
        calendar=calendar,
        weekdays=[spoken.weekday(day) for day in range(7)],
        dates=[*given.dates(), *[("", "", "")] * BLANK_DATES],
        regions=[(country, part, _parts(country)) for country, part in [*given.regions(), *[("", "")] * BLANK_REGIONS]],
        countries=_countries(frame.locale),
        timezones=sorted(workspaces.TIMEZONES),
        days=days,
        told=[(each, hours.week(each.version.definition, spoken)) for each in await calendars.versions(session, calendar)]
        if calendar
        else [],
        sources=await calendars.sources(session, calendar) if calendar else [],
        is_used=await calendars.is_used(session, calendar) if calendar else False,
        now=now,
    )


async def _versions(session: AsyncSession, calendar: Calendar | None, given: HoursIn, locale: str, now: datetime) -> Versions:
    """What is previewed: the form as it was sent, or what is kept."""
    if calendar is not None and not given.is_preview:
        return (await targets.versions(session, {calendar.id}))[calendar.id]
    start = None if given.start == "ever" else given.moment() or now
    return await preview.of_change(session, calendar, given.definition(locale), start)


def _shown(versions: Versions, now: datetime, locale: str) -> Sequence[ShownDay]:
    zone = versions.calendars[-1].zone
    first = now.astimezone(zone).date()
    return [_day(day, zone, locale) for day in preview.days(versions, first, PREVIEWED, language=locale)]


def _day(day: Day, zone: ZoneInfo, locale: str) -> ShownDay:
    walls: list[list[str]] = []
    bars: list[tuple[int, int]] = []
    for start, end in day.spans:
        from_, to = start.astimezone(zone), end.astimezone(zone)
        ends = 1440 if to.date() > day.date else to.hour * 60 + to.minute
        walls.append([f"{from_:%H:%M}", "24:00" if ends == 1440 else f"{to:%H:%M}"])
        begins = from_.hour * 60 + from_.minute
        bars.append((begins, max(ends - begins, 1)))
    return ShownDay(day, hours.told(walls, language(locale)), bars)


def _region_names(definition: dict[str, Any], locale: str) -> list[str]:
    found: list[str] = []
    for region in definition.get("holidays", ()):
        country, _, part = region.partition("-")
        found.append(timetables.region_names(country).get(part, part) if part else language(locale).country(country))
    return found


def _parts(country: str) -> Sequence[tuple[str, str]]:
    return sorted(timetables.region_names(country).items(), key=lambda part: part[1]) if country else ()


@cache
def _countries(locale: str) -> Sequence[tuple[str, str]]:
    spoken = language(locale)
    return sorted(((code, spoken.country(code)) for code in timetables.regions()), key=lambda country: country[1])
