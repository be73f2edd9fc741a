"""Reports by mail: to whom, how often, and whose turn it is. Each leaves once, however many processes look."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid, NotFound
from inbox.models import Account, Channel, Member, ReportSchedule, Rhythm, Role, Team, Workspace
from inbox.team import rights
from inbox.team.rights import Access

MORNING = time(7)  # in the workspace's time zone
MOST = 20  # schedules of a workspace


@dataclass(frozen=True, slots=True)
class Due:
    """A report whose time has come: about the period, to these people, each with their own rights."""

    schedule_id: int
    workspace: Workspace
    since: datetime
    until: datetime
    readers: Sequence[tuple[Access, str]]  # and their addresses


async def create(session: AsyncSession, access: Access, rhythm: Rhythm, member_ids: Collection[int], *, now: datetime) -> ReportSchedule:
    """Mail the figures to these members from the next Monday, or first of a month, on."""
    access.need(Role.SUPERVISOR)
    wanted = sorted(set(member_ids))
    known = col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None), col(Member.id).in_(wanted)
    if not wanted or len((await session.scalars(select(col(Member.id)).where(*known))).all()) < len(wanted):
        raise Invalid("Choose at least one member of this workspace.", code="readers")
    workspace = await session.get_one(Workspace, access.workspace_id, with_for_update={"key_share": True})  # one more at a time
    if len(await every(session, access)) >= MOST:
        raise Invalid("A workspace has {most} reports by mail at most: take one away first.", code="schedules", most=MOST)
    following = following_moment(rhythm, now, ZoneInfo(workspace.timezone))
    schedule = ReportSchedule(
        workspace_id=access.workspace_id,
        rhythm=rhythm,
        member_ids=wanted,
        created_by=access.member_id,
        created_at=now,
        next_at=following,
    )
    session.add(schedule)
    await session.flush()
    _record(session, "report.scheduled", access.workspace_id, access.actor, schedule.id, now)
    return schedule


async def every(session: AsyncSession, access: Access) -> Sequence[ReportSchedule]:
    query = select(ReportSchedule).where(col(ReportSchedule.workspace_id) == access.workspace_id)
    return (await session.scalars(query.order_by(col(ReportSchedule.id)))).all()


async def remove(session: AsyncSession, access: Access, schedule_id: int, *, now: datetime) -> None:
    """No more of these."""
    access.need(Role.SUPERVISOR)
    mine = col(ReportSchedule.id) == schedule_id, col(ReportSchedule.workspace_id) == access.workspace_id
    if not (await session.scalars(delete(ReportSchedule).where(*mine).returning(col(ReportSchedule.id)))).all():
        raise NotFound("There is no such report by mail.")
    _record(session, "report.cancelled", access.workspace_id, access.actor, schedule_id, now)


async def claim(session: AsyncSession, *, now: datetime, limit: int = 10) -> list[Due]:
    """Take the reports whose time has come and set their next; commit before any is sent: one may be lost then, none comes twice."""
    query = select(ReportSchedule).where(col(ReportSchedule.next_at) <= now).order_by(col(ReportSchedule.next_at), col(ReportSchedule.id))
    found: list[Due] = []
    for schedule in (await session.scalars(query.limit(limit).with_for_update(skip_locked=True))).all():
        workspace = await session.get_one(Workspace, schedule.workspace_id)
        zone = ZoneInfo(workspace.timezone)
        until = datetime.combine(now.astimezone(zone).date(), time.min, zone)
        until = until - timedelta(days=until.weekday()) if schedule.rhythm == Rhythm.WEEKLY else until.replace(day=1)
        since = _midnight_before(until, schedule.rhythm)
        schedule.next_at = following_moment(schedule.rhythm, now, zone)
        found.append(Due(schedule.id, workspace, since, until, await _readers(session, schedule)))
    await session.flush()
    return found


async def settle(session: AsyncSession, due: Due, *, error: str | None, now: datetime) -> None:
    """Write down what became of it."""
    schedule = await session.get(ReportSchedule, due.schedule_id)
    if schedule is not None:
        schedule.mailed_at, schedule.error = now, error
        _record(session, "report.mailed", due.workspace.id, "system", due.schedule_id, now)


def following_moment(rhythm: Rhythm, now: datetime, zone: ZoneInfo) -> datetime:
    """The next Monday's, or first of a month's, morning in the zone after now, in UTC."""
    day = now.astimezone(zone).date()
    while True:
        moment = datetime.combine(day, MORNING, zone)
        is_its_day = day.weekday() == 0 if rhythm == Rhythm.WEEKLY else day.day == 1
        if is_its_day and moment > now:
            return moment.astimezone(UTC)
        day += timedelta(days=1)


async def names(session: AsyncSession, access: Access) -> dict[str, dict[int, str]]:
    """What the channels and teams of a report are called."""
    channels = select(col(Channel.id), col(Channel.name)).where(
        col(Channel.workspace_id) == access.workspace_id, rights.sees(access, col(Channel.id))
    )
    teams = select(col(Team.id), col(Team.name)).where(col(Team.workspace_id) == access.workspace_id)
    return {
        name: {row[0]: row[1] for row in (await session.execute(query)).all()} for name, query in (("channel", channels), ("team", teams))
    }


def _midnight_before(until: datetime, rhythm: Rhythm) -> datetime:
    return until - timedelta(days=7) if rhythm == Rhythm.WEEKLY else (until - timedelta(days=1)).replace(day=1)


async def _readers(session: AsyncSession, schedule: ReportSchedule) -> list[tuple[Access, str]]:
    query = (
        select(Member, col(Account.email))
        .join(Account, col(Account.id) == col(Member.account_id))
        .where(
            col(Member.workspace_id) == schedule.workspace_id,
            col(Member.id).in_(schedule.member_ids),
            col(Member.removed_at).is_(None),
        )
    )
    return [(rights.of(row[0]), row[1]) for row in (await session.execute(query.order_by(col(Member.id)))).all()]


def _record(session: AsyncSession, kind: str, workspace_id: int, actor: str, schedule_id: int, now: datetime) -> None:
    events.record(session, kind, workspace_id=workspace_id, at=now, actor=actor, schedule=schedule_id)
