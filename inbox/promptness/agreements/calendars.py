"""Calendars of a workspace: made, changed from a moment on, removed. What was valid before a change stays what it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import Conflict, NotFound
from inbox.models import Calendar, CalendarSource, CalendarVersion, Member, Policy, Role, Wait
from inbox.promptness.agreements import settling, timetable
from inbox.promptness.agreements.timetable import Definition
from inbox.promptness.timetables import Nonsense
from inbox.team import accounts
from inbox.team.rights import Access


@dataclass(frozen=True, slots=True)
class Told:
    """A version and who wrote it; nobody when a feed changed."""

    version: CalendarVersion
    member: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A calendar among others: what it says now, and how many policies go by it."""

    calendar: Calendar
    definition: Definition
    policies: int


async def list_for(session: AsyncSession, access: Access, *, now: datetime) -> Sequence[Listed]:
    """Every calendar of the workspace, by name. For supervisors."""
    access.need(Role.SUPERVISOR)
    mine = select(Calendar).where(col(Calendar.workspace_id) == access.workspace_id, col(Calendar.removed_at).is_(None))
    found = (await session.scalars(mine.order_by(col(Calendar.name)))).all()
    valid = (
        select(CalendarVersion)
        .where(col(CalendarVersion.calendar_id).in_([calendar.id for calendar in found]), or_(_since_ever(), _valid(now)))
        .order_by(col(CalendarVersion.valid_from).asc().nulls_first())
    )
    told = {version.calendar_id: version.definition for version in await session.scalars(valid)}
    counted = select(col(Policy.calendar_id), func.count()).where(*_kept(access)).group_by(col(Policy.calendar_id))
    counts = {row[0]: row[1] for row in (await session.execute(counted)).all()}
    return [Listed(calendar, told[calendar.id], counts.get(calendar.id, 0)) for calendar in found]


async def get(session: AsyncSession, access: Access, calendar_id: int) -> Calendar:
    """One calendar of the workspace. For supervisors."""
    mine = (col(Calendar.workspace_id) == access.workspace_id, col(Calendar.removed_at).is_(None))
    found = await session.scalar(select(Calendar).where(col(Calendar.id) == calendar_id, *mine))
    if found is None:
        raise NotFound("There is no such calendar in this workspace.")
    access.need(Role.SUPERVISOR)
    return found


async def versions(session: AsyncSession, calendar: Calendar) -> Sequence[Told]:
    """All that it ever said and will say, the newest first."""
    query = (
        select(CalendarVersion, col(Member.name))
        .outerjoin(Member, col(Member.id) == CalendarVersion.member_id)
        .where(col(CalendarVersion.calendar_id) == calendar.id)
        .order_by(col(CalendarVersion.valid_from).desc().nulls_last())
    )
    return [Told(version, member) for version, member in (await session.execute(query)).all()]


async def last(session: AsyncSession, calendar: Calendar) -> CalendarVersion:
    """What it says in the end: what an editor begins with."""
    return (await versions(session, calendar))[0].version


async def own(session: AsyncSession, calendar: Calendar) -> Definition:
    """What people wrote of it in the end, without the days of files and feeds."""
    return timetable.own(await last(session, calendar))


async def is_used(session: AsyncSession, calendar: Calendar) -> bool:
    """Whether anybody's wait was ever measured by it: then its past is written."""
    waits = exists().where(col(Wait.policy_id) == Policy.id, col(Policy.calendar_id) == calendar.id)
    return calendar.was_used or bool(await session.scalar(select(waits)))


async def create(session: AsyncSession, access: Access, *, name: str, definition: Mapping[str, Any], now: datetime) -> Calendar:
    """Make a calendar that says the same since ever."""
    await settling.hold(session, access)
    written = timetable.read(definition)
    timetable.check_open(written, now)
    calendar = Calendar(workspace_id=access.workspace_id, name="", created_at=now)
    await _name(session, calendar, name)
    where: dict[str, Any] = {"workspace_id": access.workspace_id, "calendar_id": calendar.id}
    session.add(CalendarVersion(**where, definition=written, member_id=access.member_id, created_at=now))
    await settling.retarget(session, access, "calendar.changed", now=now, calendar=calendar.id)
    return calendar


async def change(
    session: AsyncSession,
    access: Access,
    calendar: Calendar,
    *,
    name: str | None = None,
    definition: Mapping[str, Any] | None = None,
    valid_from: datetime | None = None,
    since_ever: bool = False,
    seen: int | None = None,
    now: datetime,
) -> None:
    """Rename it, or let it say something else from now or a later moment on; planned changes that this one overtakes are dropped.

    `since_ever` is for a calendar that nobody was measured by yet. `seen` is the revision that the editor looked at.
    """
    await settling.hold(session, access)
    await settling.latest(session, calendar, seen=seen)
    if name is not None:
        await _name(session, calendar, name)
    if definition is not None:
        written = timetable.read(definition)
        whole, sourced = timetable.filled(written, await sources(session, calendar))
        start = None if since_ever else await _start(session, calendar, valid_from, now)
        timetable.check_open(whole, max(start or now, now))
        if since_ever:
            await _begin_anew(session, calendar)
        await put(session, calendar, start, whole, sourced, member_id=access.member_id, now=now)
    calendar.revision += 1
    await settling.retarget(session, access, "calendar.changed", now=now, calendar=calendar.id)


async def withdraw(session: AsyncSession, access: Access, calendar: Calendar, *, seen: int | None = None, now: datetime) -> None:
    """Drop the changes that are planned and not valid yet."""
    await settling.hold(session, access)
    await settling.latest(session, calendar, seen=seen)
    planned = delete(CalendarVersion).where(col(CalendarVersion.calendar_id) == calendar.id, col(CalendarVersion.valid_from) > now)
    await session.execute(planned)
    calendar.revision += 1
    await settling.retarget(session, access, "calendar.changed", now=now, calendar=calendar.id)


async def remove(session: AsyncSession, access: Access, calendar: Calendar, *, seen: int | None = None, now: datetime) -> None:
    """Take a calendar away that no policy goes by. What was measured by it stays as it was."""
    await settling.hold(session, access)
    await settling.latest(session, calendar, seen=seen)
    used = (await session.scalars(select(col(Policy.name)).where(*_kept(access), col(Policy.calendar_id) == calendar.id))).all()
    if used:
        raise Conflict("Policies go by this calendar: {names}. Give them another one first.", code="calendar_used", names=", ".join(used))
    calendar.removed_at = now
    calendar.revision += 1
    await session.execute(delete(CalendarSource).where(col(CalendarSource.calendar_id) == calendar.id))
    await settling.retarget(session, access, "calendar.changed", now=now, calendar=calendar.id)


async def sources(session: AsyncSession, calendar: Calendar) -> Sequence[CalendarSource]:
    """The files and feeds that its days come from, in the order in which they were given."""
    mine = select(CalendarSource).where(col(CalendarSource.calendar_id) == calendar.id)
    return (await session.scalars(mine.order_by(col(CalendarSource.id)))).all()


async def put(
    session: AsyncSession,
    calendar: Calendar,
    valid_from: datetime | None,
    definition: Definition,
    sourced: Sequence[str],
    *,
    member_id: int | None,
    now: datetime,
) -> None:
    """Let it say this from then on: a new version, or another one of the very same moment; what was planned for later is dropped."""
    mine = col(CalendarVersion.calendar_id) == calendar.id
    if valid_from is not None:
        await session.execute(delete(CalendarVersion).where(mine, col(CalendarVersion.valid_from) > valid_from))
    at = _since_ever() if valid_from is None else col(CalendarVersion.valid_from) == valid_from
    version = await session.scalar(select(CalendarVersion).where(mine, at))
    if version is None:
        version = CalendarVersion(workspace_id=calendar.workspace_id, calendar_id=calendar.id, valid_from=valid_from, created_at=now)
        session.add(version)
    version.definition, version.sourced, version.member_id, version.created_at = definition, list(sourced), member_id, now
    await session.flush()


async def _start(session: AsyncSession, calendar: Calendar, valid_from: datetime | None, now: datetime) -> datetime:
    """From when on a change counts: never before what is valid already began to."""
    if valid_from is not None and timetable.within_reach(valid_from) < now:
        raise Nonsense("A change counts from now on, or from a later moment: what was measured before stays as it is.")
    begun = await session.scalar(
        select(func.max(CalendarVersion.valid_from)).where(col(CalendarVersion.calendar_id) == calendar.id, _valid(now))
    )
    return max(filter(None, (valid_from or now, begun)))


async def _begin_anew(session: AsyncSession, calendar: Calendar) -> None:
    if await is_used(session, calendar):
        raise Conflict(
            "People were measured by this calendar already: change it from now on, or from a later moment.", code="calendar_used"
        )
    of_moments = (col(CalendarVersion.calendar_id) == calendar.id, col(CalendarVersion.valid_from).is_not(None))
    await session.execute(delete(CalendarVersion).where(*of_moments))


async def _name(session: AsyncSession, calendar: Calendar, name: str) -> None:
    name = accounts.named(name)
    try:
        async with session.begin_nested():
            calendar.name = name
            session.add(calendar)
            await session.flush()
    except IntegrityError as error:
        raise Conflict("Another calendar has this name.", code="calendar_name_taken") from error


def _kept(access: Access) -> tuple[ColumnElement[bool], ...]:
    return (col(Policy.workspace_id) == access.workspace_id, col(Policy.removed_at).is_(None))


def _since_ever() -> ColumnElement[bool]:
    return col(CalendarVersion.valid_from).is_(None)


def _valid(now: datetime) -> ColumnElement[bool]:
    return col(CalendarVersion.valid_from) <= now
