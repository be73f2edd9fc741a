"""Files and feeds that tell a calendar its holidays. A feed is read every day; one that breaks keeps the last good days and says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import Conflict, NotFound
from inbox.models import Calendar, CalendarSource, CalendarVersion, Role
from inbox.promptness.agreements import calendars, settling, timetable
from inbox.promptness.agreements.almanac import Days
from inbox.promptness.timetables import Nonsense
from inbox.secrets import Vault
from inbox.team import accounts
from inbox.team.rights import Access

MOST = 20  # of one calendar
AGAIN, RETRY, LEASE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=10)
LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Due:
    """A feed to be read: by whom is settled, until its lease ends."""

    source: CalendarSource
    zone: ZoneInfo


async def zone_of(session: AsyncSession, calendar: Calendar) -> ZoneInfo:
    """The time zone in which a file's days are days."""
    return ZoneInfo((await calendars.last(session, calendar)).definition["tz"])


async def get(session: AsyncSession, access: Access, calendar: Calendar, source_id: int) -> CalendarSource:
    """One file or feed of a calendar."""
    access.need(Role.SUPERVISOR)
    mine = (col(CalendarSource.calendar_id) == calendar.id, col(CalendarSource.workspace_id) == access.workspace_id)
    found = await session.scalar(select(CalendarSource).where(col(CalendarSource.id) == source_id, *mine))
    if found is None:
        raise NotFound("This calendar has no such file or feed.")
    return found


async def add_file(
    session: AsyncSession, access: Access, calendar: Calendar, *, name: str, days: Days, opens: bool, now: datetime
) -> CalendarSource:
    """Keep the days that `almanac` has read from a file; they count from now on."""
    source = await _add(session, access, calendar, name=name, opens=opens, now=now)
    source.days, source.read_at = days, now
    await session.flush()
    await _refill(session, access, calendar, now=now)
    return source


async def add_feed(
    session: AsyncSession, access: Access, vault: Vault, calendar: Calendar, *, name: str, url: str, opens: bool, now: datetime
) -> CalendarSource:
    """Have the feed at this address read, now and every day."""
    url = address(url)
    source = await _add(session, access, calendar, name=name or urlsplit(url).hostname or "", opens=opens, now=now)
    source.host, source.secret_url, source.try_at = urlsplit(url).hostname, vault.encrypt(url), now
    await session.flush()
    settling.note(session, access, calendar, now=now)
    return source


async def read_again(session: AsyncSession, access: Access, source: CalendarSource, *, now: datetime) -> None:
    """Have a feed read as soon as may be."""
    access.need(Role.SUPERVISOR)
    if source.secret_url is None:
        raise Nonsense("A file is not read again: give the new one.")
    source.try_at = now
    await session.flush()


async def remove(session: AsyncSession, access: Access, calendar: Calendar, source: CalendarSource, *, now: datetime) -> None:
    """Drop a file or feed; its coming days are days like others again, from now on."""
    await settling.hold(session, access)
    await settling.latest(session, calendar, seen=None)
    await session.delete(source)
    await session.flush()
    await _refill(session, access, calendar, now=now)


async def claim(session: AsyncSession, now: datetime, *, limit: int) -> Sequence[Due]:
    """Feeds that are due, each for one process: another one takes them when this one has said nothing for ten minutes."""
    due = (
        select(CalendarSource)
        .where(col(CalendarSource.try_at) <= now)
        .order_by(col(CalendarSource.try_at), col(CalendarSource.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found: list[Due] = []
    for source in (await session.scalars(due)).all():
        source.try_at = now + LEASE
        calendar = await session.get_one(Calendar, source.calendar_id)
        found.append(Due(source, await zone_of(session, calendar)))
    await session.flush()
    return found


async def keep(session: AsyncSession, source_id: int, days: Days, *, now: datetime) -> bool:
    """A feed said this: whether that is news. Days that have passed stay as they were, and what changes counts from now on."""
    access, source, calendar = await _held(session, source_id)
    if source is None or calendar is None:
        return False
    source.read_at, source.error, source.try_at = now, None, now + AGAIN
    today = (now.astimezone(await zone_of(session, calendar))).date().isoformat()
    merged = {day: told for day, told in source.days.items() if day < today} | {day: told for day, told in days.items() if day >= today}
    if merged == source.days:
        await session.flush()
        return False
    source.days = merged
    await session.flush()
    await _refill(session, access, calendar, now=now)
    return True


async def fail(session: AsyncSession, source_id: int, error: str, *, now: datetime) -> None:
    """A feed could not be read, for this reason: the last good days stay, and it is tried again in an hour."""
    source = await session.get(CalendarSource, source_id, with_for_update=True)
    if source is not None:
        source.error, source.try_at = error, now + RETRY
        await session.flush()


def address(given: str) -> str:
    """The address of a feed, as it is asked for."""
    url = given.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme.lower() not in {"http", "https", "webcal", "webcals"} or not host or len(url) > LONGEST_URL:
        raise Nonsense("The address of a feed begins with https:// or webcal://.")
    return urlunsplit(("http" if parts.scheme.lower() == "http" else "https", *parts[1:4], ""))


async def _add(session: AsyncSession, access: Access, calendar: Calendar, *, name: str, opens: bool, now: datetime) -> CalendarSource:
    await settling.hold(session, access)
    await settling.latest(session, calendar, seen=None)
    if (await session.scalar(select(func.count()).where(col(CalendarSource.calendar_id) == calendar.id)) or 0) >= MOST:
        raise Conflict("A calendar has at most {most} files and feeds.", code="calendar_sources", most=MOST)
    where: dict[str, Any] = {"workspace_id": calendar.workspace_id, "calendar_id": calendar.id}
    source = CalendarSource(**where, name=accounts.named(name), opens=opens, member_id=access.member_id, created_at=now)
    session.add(source)
    return source


async def _held(session: AsyncSession, source_id: int) -> tuple[Access, CalendarSource | None, Calendar | None]:
    """The feed and its calendar under the hold of its workspace, for the background."""
    named = (await session.execute(select(col(CalendarSource.workspace_id)).where(col(CalendarSource.id) == source_id))).scalar()
    access = Access(named or 0, Role.SUPERVISOR, "system")
    await settling.hold(session, access)
    source = await session.get(CalendarSource, source_id, with_for_update=True, populate_existing=True)
    calendar = None if source is None else await session.get_one(Calendar, source.calendar_id, populate_existing=True)
    return access, source, calendar


async def _refill(session: AsyncSession, access: Access, calendar: Calendar, *, now: datetime) -> None:
    """Write the days of the sources into what the calendar says from now on, and into what is planned; nothing that was valid changes."""
    sources = await calendars.sources(session, calendar)
    told = [one.version for one in await calendars.versions(session, calendar)]  # the newest first
    planned = [version for version in told if version.valid_from is not None and version.valid_from > now]
    valid = told[len(planned)]
    for version in [*planned, valid]:
        written = timetable.own(version)
        whole, sourced = timetable.filled(written, sources)
        timetable.check_open(whole, max(version.valid_from or now, now))
        if (version.definition, version.sourced) == (whole, sourced):
            continue
        if version is valid and version.valid_from != now:
            where: dict[str, Any] = {"workspace_id": calendar.workspace_id, "calendar_id": calendar.id}
            version = CalendarVersion(**where, valid_from=now, member_id=access.member_id, created_at=now)
            session.add(version)
        version.definition, version.sourced = whole, sourced
    calendar.revision += 1
    await settling.retarget(session, access, "calendar.changed", now=now, calendar=calendar.id)
