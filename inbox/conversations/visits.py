"""Whether a visitor of the website chat is there or typing, and whether the team is. Moments that pass, not counters."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import visitors
from inbox.models import AccountSession, Identity, Member, Presence, Thread, Visitor, VisitorPresence
from inbox.team import presence
from inbox.team.presence import Person

NO_MEMBER = 0
CONNECTED = timedelta(seconds=100)  # a page in the background may speak only once a minute
LOOKING = timedelta(minutes=2)  # a colleague who looked at a conversation this long ago is there
SIGNED_IN = timedelta(minutes=10)  # a browser's last sign of life is kept to five minutes


async def connected(session: AsyncSession, visitor: Visitor, *, until: datetime) -> None:
    """Note until when the visitor is there."""
    await _note(session, visitor, connected_until=until)


async def typing(session: AsyncSession, visitor: Visitor, *, now: datetime) -> None:
    """Show colleagues that the visitor writes, for a few seconds."""
    await _note(session, visitor, connected_until=now + CONNECTED, typing_until=now + presence.TYPING)
    found = await visitors.conversation_id(session, visitor)
    if found is not None:
        await session.execute(select(func.pg_notify(presence.CHANNEL, f"{visitor.workspace_id} {found}")))


async def spoke(session: AsyncSession, visitor: Visitor, *, now: datetime) -> None:
    """What the visitor typed has come in."""
    await _note(session, visitor, connected_until=now + CONNECTED, typing_until=None)


async def _note(session: AsyncSession, visitor: Visitor, **moments: datetime | None) -> None:
    note = insert(VisitorPresence).values(workspace_id=visitor.workspace_id, visitor_id=visitor.id, **moments)
    await session.execute(note.on_conflict_do_update(index_elements=[col(VisitorPresence.visitor_id)], set_=moments))


async def typing_in(session: AsyncSession, conversation_ids: Collection[int], *, now: datetime) -> Sequence[Person]:
    """The visitors who are writing in these conversations, as the pages show whoever types there."""
    query = (
        select(col(Thread.conversation_id), col(Identity.name), col(VisitorPresence.typing_until))
        .join(Visitor, and_(col(Visitor.channel_id) == col(Thread.channel_id), col(Visitor.external_id) == col(Thread.external_id)))
        .join(Identity, and_(col(Identity.channel_id) == col(Visitor.channel_id), col(Identity.external_id) == col(Visitor.external_id)))
        .join(VisitorPresence, col(VisitorPresence.visitor_id) == col(Visitor.id))
        .where(col(Thread.conversation_id).in_(conversation_ids), col(VisitorPresence.typing_until) > now)
    )
    rows = (await session.execute(query)).all()
    return [Person(number, NO_MEMBER, name, typing=True, until=until) for number, name, until in rows if until is not None]


async def team_is_there(session: AsyncSession, workspace_id: int, *, now: datetime) -> bool:
    """Whether a member looks at a conversation, or has used Parley within the last minutes."""
    looking = exists().where(col(Presence.workspace_id) == workspace_id, col(Presence.until) > now - LOOKING)
    signed_in = exists().where(
        col(Member.workspace_id) == workspace_id,
        col(Member.removed_at).is_(None),
        col(AccountSession.account_id) == col(Member.account_id),
        col(AccountSession.revoked_at).is_(None),
        col(AccountSession.seen_at) > now - SIGNED_IN,
    )
    return bool(await session.scalar(select(or_(looking, signed_in))))


async def colleague_types(session: AsyncSession, conversation_id: int, *, now: datetime) -> bool:
    """Whether a member is writing in this conversation; the visitor is not told who."""
    return any(person.typing for person in await presence.people(session, [conversation_id], now=now))
