"""Files and feeds of holidays (iCalendar) for business hours. For supervisors."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response, UploadFile

from api import problems
from api.deps import AccessDep, HouseDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.forms import FrameDep
from api.pages.settings import hours
from inbox.errors import ParleyError
from inbox.models import Role
from inbox.promptness.agreements import almanac, calendars, sources

router = APIRouter(prefix="/w/{workspace_id}/settings/hours/{calendar_id}", dependencies=[Depends(needs(Role.SUPERVISOR))])
Text = Annotated[str, Form()]


@router.post("/feeds")
async def add_feed(
    calendar_id: Number,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    house: HouseDep,
    now: NowDep,
    name: Text = "",
    url: Text = "",
    opens: Text = "",
) -> Response:
    """Have a feed read within a minute, and then every day."""
    calendar = await calendars.get(session, access, calendar_id)
    change = sources.add_feed(session, access, house.vault, calendar, name=name, url=url, opens=bool(opens), now=now)
    error = await forms.attempt(session, change, frame.locale)
    return await hours.one(frame, session, calendar, now=now, error=error) if error else frame.back(f"/{calendar_id}")


@router.post("/files")
async def add_file(
    calendar_id: Number,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    now: NowDep,
    file: UploadFile | None = None,
    name: Text = "",
    opens: Text = "",
) -> Response:
    """Take the days of a file over."""
    calendar = await calendars.get(session, access, calendar_id)
    zone = await sources.zone_of(session, calendar)
    content = await file.read(almanac.LARGEST + 1) if file else b""
    try:
        days = await asyncio.to_thread(almanac.read, content, zone=zone, today=now.astimezone(zone).date(), opens=bool(opens))
    except ParleyError as refused:
        return await hours.one(frame, session, calendar, now=now, error=problems.sentence(refused, frame.locale))
    called = name.strip() or ((file and file.filename) or "").removesuffix(".ics")
    change = sources.add_file(session, access, calendar, name=called, days=days, opens=bool(opens), now=now)
    error = await forms.attempt(session, change, frame.locale)
    return await hours.one(frame, session, calendar, now=now, error=error) if error else frame.back(f"/{calendar_id}")


@router.post("/sources/{source_id}/reading")
async def read_again(
    calendar_id: Number, source_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep
) -> Response:
    """Have a feed read now."""
    calendar = await calendars.get(session, access, calendar_id)
    await sources.read_again(session, access, await sources.get(session, access, calendar, source_id), now=now)
    return frame.back(f"/{calendar_id}")


@router.post("/sources/{source_id}/removal")
async def remove(calendar_id: Number, source_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """Drop a file or feed."""
    calendar = await calendars.get(session, access, calendar_id)
    source = await sources.get(session, access, calendar, source_id)
    error = await forms.attempt(session, sources.remove(session, access, calendar, source, now=now), frame.locale)
    return await hours.one(frame, session, calendar, now=now, error=error) if error else frame.back(f"/{calendar_id}")
