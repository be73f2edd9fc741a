"""What a member is told in the app: the alerts behind the bell, and what they do about them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, distinct, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid, NotFound
from inbox.models import Alert, AlertKind, AlertNotice, AlertState, Identity, Role, Wait
from inbox.team import rights
from inbox.team.rights import Access

LONGEST_SNOOZE = timedelta(days=7)
KEPT = timedelta(days=90)  # an alert that was raised, or was not
SHOWN = timedelta(days=2)  # behind the bell; the log and the programs' interface have the others

RETURN = text(
    """
    WITH back AS (SELECT alert_id, member_id FROM alert_notice WHERE snoozed_until <= :now
                   ORDER BY alert_id, member_id LIMIT 500 FOR UPDATE SKIP LOCKED)
    UPDATE alert_notice SET snoozed_until = NULL, seen_at = NULL FROM back, alert, wait
     WHERE alert_notice.alert_id = back.alert_id AND alert_notice.member_id = back.member_id
       AND alert.id = back.alert_id AND wait.id = alert.wait_id
    RETURNING alert.id, alert.workspace_id, alert_notice.member_id, wait.conversation_id, wait.channel_id
    """
)


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as people and programs read it."""

    id: int
    kind: AlertKind
    step: str
    conversation_id: int
    channel_id: int
    wait_id: int
    who: str  # waits
    opened_at: datetime
    due_at: datetime
    raised_at: datetime
    late: bool
    closed_at: datetime | None  # of the wait: nothing is to be done any more
    acknowledged_at: datetime | None
    acknowledged_by: int | None
    seen_at: datetime | None = None
    snoozed_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and self.acknowledged_at is None


async def list_mine(session: AsyncSession, access: Access, *, now: datetime, limit: int = 30) -> Sequence[Told]:
    """The member's newest alerts that nobody has acknowledged and whose customer still waits; each wait once, by its latest step."""
    notice = and_(col(AlertNotice.alert_id) == Alert.id, col(AlertNotice.member_id) == access.member_id)
    query = _listing(access).join(AlertNotice, notice).where(*_live(now))
    query = query.add_columns(col(AlertNotice.seen_at), col(AlertNotice.snoozed_until))
    newest = query.ext(distinct_on(col(Alert.wait_id))).order_by(col(Alert.wait_id), col(Alert.at).desc())
    found = [Told(*row) for row in await session.execute(newest)]
    return sorted(found, key=lambda told: (told.due_at, told.id))[:limit]


async def list_all(
    session: AsyncSession, access: Access, *, since: datetime, after: int = 0, open_only: bool = False, limit: int = 100
) -> Sequence[Told]:
    """Alerts of the channels that may be seen, by id; for programs."""
    query = _listing(access).where(col(Alert.raised_at) >= since, col(Alert.id) > after)
    if open_only:
        query = query.where(col(Wait.closed_at).is_(None), col(Alert.acknowledged_at).is_(None))
    return [Told(*row) for row in await session.execute(query.order_by(col(Alert.id)).limit(limit))]


async def some(session: AsyncSession, alert_ids: Collection[int]) -> Sequence[Told]:
    """These alerts, whoever may see them: for messages to those who were chosen when they were raised."""
    query = _every().where(col(Alert.id).in_(alert_ids), col(Alert.state) == AlertState.RAISED)
    return [Told(*row) for row in await session.execute(query.order_by(col(Alert.due_at), col(Alert.id)))]


async def unseen(session: AsyncSession, member_ids: Collection[int], channel_ids: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """How many customers' alerts, on these channels, each of these members has not looked at yet."""
    query = (
        select(col(AlertNotice.member_id), func.count(distinct(col(Alert.wait_id))))
        .join(Alert, col(Alert.id) == AlertNotice.alert_id)
        .join(Wait, col(Wait.id) == Alert.wait_id)
        .where(col(AlertNotice.member_id).in_(member_ids), col(AlertNotice.seen_at).is_(None), *_live(now))
        .where(col(Wait.channel_id).in_(channel_ids))
        .group_by(col(AlertNotice.member_id))
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def see(session: AsyncSession, access: Access, *, now: datetime) -> None:
    """The member has looked at their alerts."""
    mine = (col(AlertNotice.member_id) == access.member_id, col(AlertNotice.seen_at).is_(None))
    seen = await session.scalars(update(AlertNotice).where(*mine).values(seen_at=now).returning(col(AlertNotice.alert_id)))
    if seen.all():
        events.record(session, "alert.seen", workspace_id=access.workspace_id, at=now, actor=access.actor, member=access.member_id)


async def acknowledge(session: AsyncSession, access: Access, alert_id: int, *, now: datetime) -> None:
    """Take care of it: further steps of this wait are not told to anybody. Once is enough, whoever does it."""
    access.need(Role.AGENT)
    told = await _get(session, access, alert_id)
    await session.execute(
        update(Alert)
        .where(col(Alert.wait_id) == told.wait_id, col(Alert.due_at) == told.due_at, col(Alert.state) == AlertState.PLANNED)
        .values(state=AlertState.STOPPED)
    )
    raised = (col(Alert.wait_id) == told.wait_id, col(Alert.state) == AlertState.RAISED, col(Alert.acknowledged_at).is_(None))
    taken = update(Alert).where(*raised).values(acknowledged_at=now, acknowledged_by=access.member_id)
    if (await session.scalars(taken.returning(col(Alert.id)))).all():
        _record(session, access, told, "alert.acknowledged", now, wait=told.wait_id)


async def snooze(session: AsyncSession, access: Access, alert_id: int, *, until: datetime, now: datetime) -> None:
    """Hide a member's alert until then; when its customer still waits, it comes back as new."""
    if until.tzinfo is None or not now < until <= now + LONGEST_SNOOZE:
        raise Invalid("An alert can be put off until a time to come, with its time zone, within seven days.", code="snooze")
    told = await _get(session, access, alert_id)
    mine = (col(AlertNotice.alert_id) == Alert.id, col(Alert.wait_id) == told.wait_id, col(AlertNotice.member_id) == access.member_id)
    hidden = update(AlertNotice).where(*mine).values(snoozed_until=until)
    if not (await session.scalars(hidden.returning(col(AlertNotice.alert_id)))).all():
        raise NotFound("There is no such alert for you.")
    _record(session, access, told, "alert.snoozed", now, member=access.member_id, until=until.isoformat())


async def come_back(session: AsyncSession, *, now: datetime) -> int:
    """Show the alerts again whose members wanted them at this time, each once; how many."""
    rows = sorted(tuple(row) for row in await session.execute(RETURN, {"now": now}))
    for alert_id, workspace_id, member_id, conversation_id, channel_id in rows:
        where = {"workspace_id": workspace_id, "conversation_id": conversation_id, "channel_id": channel_id}
        events.record(session, "alert.returned", at=now, actor="system", alert=alert_id, member=member_id, **where)
    return len(rows)


async def forget(session: AsyncSession, now: datetime) -> int:
    """Delete alerts of ended waits, and messages about them, that are older than 90 days; how many alerts."""
    old = text(
        "DELETE FROM alert USING wait WHERE wait.id = alert.wait_id AND wait.closed_at < :old AND alert.at < :old"
        " AND alert.id IN (SELECT id FROM alert WHERE at < :old ORDER BY at LIMIT 2000) RETURNING alert.id"
    )
    gone = (await session.execute(old, {"old": now - KEPT})).all()
    await session.execute(text("DELETE FROM alert_delivery WHERE created_at < :old"), {"old": now - KEPT})
    return len(gone)


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What is to be shown behind the bell: nobody has taken care of it, the customer still waits, and it is not put off."""
    return (
        col(Alert.raised_at) > now - SHOWN,
        col(Wait.closed_at).is_(None),
        col(Alert.acknowledged_at).is_(None),
        or_(col(AlertNotice.snoozed_until).is_(None), col(AlertNotice.snoozed_until) <= now),
    )


def _listing(access: Access) -> Select[tuple[object, ...]]:
    mine = (col(Alert.workspace_id) == access.workspace_id, col(Alert.state) == AlertState.RAISED)
    return _every().where(*mine, rights.sees(access, col(Wait.channel_id)))


def _every() -> Select[tuple[object, ...]]:
    return (
        select(
            col(Alert.id),
            col(Alert.kind),
            col(Alert.step),
            col(Wait.conversation_id),
            col(Wait.channel_id),
            col(Alert.wait_id),
            col(Identity.name),
            col(Wait.opened_at),
            col(Alert.due_at),
            col(Alert.raised_at),
            col(Alert.late),
            col(Wait.closed_at),
            col(Alert.acknowledged_at),
            col(Alert.acknowledged_by),
        )
        .join(Wait, col(Wait.id) == Alert.wait_id)
        .join(Identity, col(Identity.id) == Wait.identity_id)
    )  # pyright: ignore[reportReturnType]  # SQLAlchemy knows up to ten columns by type


async def _get(session: AsyncSession, access: Access, alert_id: int) -> Told:
    row = (await session.execute(_listing(access).where(col(Alert.id) == alert_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such alert, or you may not see it.")
    return Told(*row)


def _record(session: AsyncSession, access: Access, told: Told, kind: str, now: datetime, **data: object) -> None:
    events.record(
        session, kind, workspace_id=access.workspace_id, at=now, actor=access.actor, conversation_id=told.conversation_id,
        channel_id=told.channel_id, alert=told.id, **data,
    )  # fmt: skip
