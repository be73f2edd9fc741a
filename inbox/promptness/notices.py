"""What a member is told in the app: the alerts behind the bell, and what they do about them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, distinct, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid, NotFound
from inbox.models import (
    Alert,
    AlertKind,
    AlertNotice,
    AlertState,
    Conversation,
    Episode,
    Identity,
    Member,
    Role,
    Trouble,
    TroubleNotice,
    Wait,
)
from inbox.team import rights
from inbox.team.rights import Access

LONGEST_SNOOZE = timedelta(days=7)
KEPT = timedelta(days=90)  # an alert that was raised, or was not
SHOWN = timedelta(days=2)  # behind the bell; the log and the programs' interface have the others

RETURN = text(
    """
    WITH back AS (SELECT alert_id, member_id FROM alert_notice WHERE snoozed_until <= :now
                   ORDER BY alert_id, member_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE alert_notice SET snoozed_until = NULL, seen_at = NULL
      FROM back JOIN alert ON alert.id = back.alert_id
           LEFT JOIN wait ON wait.id = alert.wait_id LEFT JOIN episode ON episode.id = alert.episode_id
     WHERE alert_notice.alert_id = back.alert_id AND alert_notice.member_id = back.member_id
    RETURNING alert.id, alert.workspace_id, alert_notice.member_id, coalesce(wait.conversation_id, episode.conversation_id),
              coalesce(wait.channel_id, episode.channel_id)
    """
)

FORGET = text(
    """
    DELETE FROM alert USING (
        SELECT old.id FROM alert AS old LEFT JOIN wait ON wait.id = old.wait_id LEFT JOIN episode ON episode.id = old.episode_id
         WHERE old.at < :old AND (coalesce(wait.closed_at, episode.resolved_at) < :old OR episode.is_void) ORDER BY old.at LIMIT 2000
    ) AS over WHERE alert.id = over.id RETURNING alert.id
    """
)

# Of the wait or the episode that an alert is about.
CONVERSATION = func.coalesce(Wait.conversation_id, Episode.conversation_id)
CHANNEL = func.coalesce(Wait.channel_id, Episode.channel_id)
ENDED = func.coalesce(Wait.closed_at, Episode.resolved_at)
RESTS = func.coalesce(or_(col(Episode.is_void), col(Episode.paused_since).is_not(None)), False)
SUBJECT = func.coalesce(Alert.wait_id, -col(Alert.episode_id))


@dataclass(frozen=True, slots=True)
class Told:
    """An alert as people and programs read it."""

    id: int
    kind: AlertKind
    step: str
    conversation_id: int
    channel_id: int
    wait_id: int | None
    episode_id: int | None  # of which the resolution is due, when no answer is
    who: str  # waits
    opened_at: datetime  # since when
    due_at: datetime
    raised_at: datetime
    late: bool
    closed_at: datetime | None  # answered, or resolved: nothing is to be done any more
    rests: bool  # the episode is pending, snoozed, or none any more
    acknowledged_at: datetime | None
    acknowledged_by: int | None
    seen_at: datetime | None = None
    snoozed_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None and not self.rests and self.acknowledged_at is None

    @property
    def subject(self) -> int:
        """What it is about, the same for every step: waits from 1 up, episodes from -1 down."""
        return self.wait_id if self.wait_id is not None else -(self.episode_id or 0)

    @property
    def about(self) -> str:
        return "answer" if self.wait_id is not None else "resolution"


async def list_mine(session: AsyncSession, access: Access, *, now: datetime, limit: int = 30) -> Sequence[Told]:
    """The member's newest alerts that nobody has acknowledged and whose customer still waits; each matter once, by its latest step."""
    notice = and_(col(AlertNotice.alert_id) == Alert.id, col(AlertNotice.member_id) == access.member_id)
    query = _listing(access).join(AlertNotice, notice).where(*_live(now))
    query = query.add_columns(col(AlertNotice.seen_at), col(AlertNotice.snoozed_until))
    newest = query.ext(distinct_on(SUBJECT)).order_by(SUBJECT, col(Alert.at).desc())
    found = [Told(*row) for row in await session.execute(newest)]
    return sorted(found, key=lambda told: (told.due_at, told.id))[:limit]


async def list_all(
    session: AsyncSession, access: Access, *, since: datetime, after: int = 0, open_only: bool = False, limit: int = 100
) -> Sequence[Told]:
    """Alerts of the channels that may be seen, by id; for programs."""
    query = _listing(access).where(col(Alert.raised_at) >= since, col(Alert.id) > after)
    if open_only:
        query = query.where(ENDED.is_(None), RESTS.is_(False), col(Alert.acknowledged_at).is_(None))
    return [Told(*row) for row in await session.execute(query.order_by(col(Alert.id)).limit(limit))]


async def some(session: AsyncSession, alert_ids: Collection[int]) -> Sequence[Told]:
    """These alerts, whoever may see them: for messages to those who were chosen when they were raised."""
    query = _every().where(col(Alert.id).in_(alert_ids), col(Alert.state) == AlertState.RAISED)
    return [Told(*row) for row in await session.execute(query.order_by(col(Alert.due_at), col(Alert.id)))]


async def unseen(session: AsyncSession, member_ids: Collection[int], channel_ids: Collection[int], *, now: datetime) -> Mapping[int, int]:
    """How many customers' alerts, on these channels, and troubles of Parley's own, each of these members has not looked at yet."""
    query = (
        select(col(AlertNotice.member_id), func.count(distinct(SUBJECT)))
        .join(Alert, col(Alert.id) == AlertNotice.alert_id)
        .outerjoin(Wait, col(Wait.id) == Alert.wait_id)
        .outerjoin(Episode, col(Episode.id) == Alert.episode_id)
        .where(col(AlertNotice.member_id).in_(member_ids), col(AlertNotice.seen_at).is_(None), *_live(now))
        .where(func.coalesce(col(Wait.channel_id), col(Episode.channel_id)).in_(channel_ids))
        .group_by(col(AlertNotice.member_id))
    )
    found = Counter({row[0]: row[1] for row in await session.execute(query)})
    troubled = (
        select(col(TroubleNotice.member_id), func.count())
        .join(Trouble, col(Trouble.id) == TroubleNotice.trouble_id)
        .join(Member, col(Member.id) == TroubleNotice.member_id)
        .where(col(TroubleNotice.member_id).in_(member_ids), col(TroubleNotice.seen_at).is_(None))
        .where(col(Trouble.ended_at).is_(None), col(Member.role) == Role.ADMIN)
        .group_by(col(TroubleNotice.member_id))
    )
    found.update({row[0]: row[1] for row in await session.execute(troubled)})
    return found


async def see(session: AsyncSession, access: Access, *, now: datetime) -> None:
    """The member has looked at their alerts, and an admin at what is wrong with Parley."""
    mine = (col(AlertNotice.member_id) == access.member_id, col(AlertNotice.seen_at).is_(None))
    seen = await session.scalars(update(AlertNotice).where(*mine).values(seen_at=now).returning(col(AlertNotice.alert_id)))
    wrong = (col(TroubleNotice.member_id) == access.member_id, col(TroubleNotice.seen_at).is_(None))
    known = await session.scalars(update(TroubleNotice).where(*wrong).values(seen_at=now).returning(col(TroubleNotice.trouble_id)))
    if [*seen, *known]:
        events.record(session, "alert.seen", workspace_id=access.workspace_id, at=now, actor=access.actor, member=access.member_id)


async def get(session: AsyncSession, access: Access, alert_id: int) -> Told:
    """An alert on a channel that the member may see."""
    row = (await session.execute(_listing(access).where(col(Alert.id) == alert_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such alert, or you may not see it.")
    return Told(*row)


async def acknowledge(session: AsyncSession, access: Access, told: Told, *, now: datetime) -> None:
    """Take care of it: further steps of its chain are not told to anybody. Once is enough, whoever does it."""
    access.need(Role.AGENT)
    await session.execute(
        update(Alert)
        .where(_same(told), col(Alert.due_at) == told.due_at, col(Alert.state) == AlertState.PLANNED)
        .values(state=AlertState.STOPPED)
    )
    raised = (_same(told), col(Alert.state) == AlertState.RAISED, col(Alert.acknowledged_at).is_(None))
    taken = update(Alert).where(*raised).values(acknowledged_at=now, acknowledged_by=access.member_id)
    if (await session.scalars(taken.returning(col(Alert.id)))).all():
        _record(session, access, told, "alert.acknowledged", now, wait=told.wait_id, episode=told.episode_id)


async def snooze(session: AsyncSession, access: Access, told: Told, *, until: datetime, now: datetime) -> None:
    """Hide a member's alert until then; when its customer still waits, it comes back as new."""
    if until.tzinfo is None or not now < until <= now + LONGEST_SNOOZE:
        raise Invalid("An alert can be put off until a time to come, with its time zone, within seven days.", code="snooze")
    mine = (col(AlertNotice.alert_id) == Alert.id, _same(told), col(AlertNotice.member_id) == access.member_id)
    hidden = update(AlertNotice).where(*mine).values(snoozed_until=until)
    if not (await session.scalars(hidden.returning(col(AlertNotice.alert_id)))).all():
        raise NotFound("There is no such alert for you.")
    _record(session, access, told, "alert.snoozed", now, member=access.member_id, until=until.isoformat())


async def come_back(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Show the alerts again whose members wanted them at this time, each once; how many."""
    rows = sorted(tuple(row) for row in await session.execute(RETURN, {"now": now, "limit": limit}))
    for alert_id, workspace_id, member_id, conversation_id, channel_id in rows:
        where = {"workspace_id": workspace_id, "conversation_id": conversation_id, "channel_id": channel_id}
        events.record(session, "alert.returned", at=now, actor="system", alert=alert_id, member=member_id, **where)
    return len(rows)


async def forget(session: AsyncSession, now: datetime) -> int:
    """Delete alerts of what has ended, and messages about them, that are older than 90 days; how many alerts."""
    gone = (await session.execute(FORGET, {"old": now - KEPT})).all()
    await session.execute(text("DELETE FROM alert_delivery WHERE created_at < :old"), {"old": now - KEPT})
    return len(gone)


def _live(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """What is to be shown behind the bell: nobody has taken care of it, the customer still waits, and it is not put off."""
    return (
        col(Alert.raised_at) > now - SHOWN,
        ENDED.is_(None),
        RESTS.is_(False),
        col(Alert.acknowledged_at).is_(None),
        or_(col(AlertNotice.snoozed_until).is_(None), col(AlertNotice.snoozed_until) <= now),
    )


def _listing(access: Access) -> Select[tuple[object, ...]]:
    mine = (col(Alert.workspace_id) == access.workspace_id, col(Alert.state) == AlertState.RAISED)
    return _every().where(*mine, rights.sees(access, CHANNEL))


def _every() -> Select[tuple[object, ...]]:
    return (
        select(
            col(Alert.id),
            col(Alert.kind),
            col(Alert.step),
            CONVERSATION,
            CHANNEL,
            col(Alert.wait_id),
            col(Alert.episode_id),
            func.coalesce(Identity.name, Conversation.author_name, ""),
            func.coalesce(Wait.opened_at, Episode.began_at),
            col(Alert.due_at),
            col(Alert.raised_at),
            col(Alert.late),
            ENDED,
            RESTS,
            col(Alert.acknowledged_at),
            col(Alert.acknowledged_by),
        )
        .outerjoin(Wait, col(Wait.id) == Alert.wait_id)
        .outerjoin(Identity, col(Identity.id) == Wait.identity_id)
        .outerjoin(Episode, col(Episode.id) == Alert.episode_id)
        .outerjoin(Conversation, col(Conversation.id) == Episode.conversation_id)
    )  # pyright: ignore[reportReturnType]  # SQLAlchemy knows up to ten columns by type


def _same(told: Told) -> ColumnElement[bool]:
    """The alerts about the same wait, or the same episode."""
    return col(Alert.wait_id) == told.wait_id if told.wait_id is not None else col(Alert.episode_id) == told.episode_id


def _record(session: AsyncSession, access: Access, told: Told, kind: str, now: datetime, **data: object) -> None:
    events.record(
        session, kind, workspace_id=access.workspace_id, at=now, actor=access.actor, conversation_id=told.conversation_id,
        channel_id=told.channel_id, alert=told.id, **data,
    )  # fmt: skip
