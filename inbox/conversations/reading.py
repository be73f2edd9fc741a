"""How far each member has read."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, cast, column, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.models import Conversation, Reading, Status
from inbox.team.rights import Access

MANY = 100  # the page says "99+"


async def mark(session: AsyncSession, access: Access, conversation: Conversation, *, message_id: int, now: datetime) -> None:
    """Everything up to this message is read; 0 marks the conversation unread on purpose."""
    if access.member_id is None:
        return
    values = {
        "workspace_id": conversation.workspace_id,
        "conversation_id": conversation.id,
        "member_id": access.member_id,
        "message_id": message_id,
        "at": now,
    }
    new = insert(Reading).values(**values)
    further = None if message_id == 0 else col(Reading.message_id) < message_id  # reading never goes back by itself
    upsert = new.on_conflict_do_update(
        index_elements=["conversation_id", "member_id"], set_={"message_id": message_id, "at": now}, where=further
    )
    if await session.scalar(upsert.returning(col(Reading.member_id))) is not None:
        changes.record(session, conversation, "conversation.read", actor=access.actor, now=now, member=access.member_id, message=message_id)


async def unread(session: AsyncSession, workspace_id: int, channels: Collection[int], members: Collection[int]) -> dict[int, int]:
    """How many open conversations of these channels hold something that each member has not read; counted up to MANY."""
    member = column("member", BigInteger)
    each = func.unnest(cast(list(members), ARRAY(BigInteger))).table_valued(member, name="reader")
    read = (
        select(col(Reading.message_id))
        .where(col(Reading.conversation_id) == Conversation.id, col(Reading.member_id) == each.c.member)
        .scalar_subquery()
    )
    found = (
        select(col(Conversation.id))
        .where(
            col(Conversation.workspace_id) == workspace_id,
            col(Conversation.status) == Status.OPEN,
            col(Conversation.channel_id).in_(channels),
            col(Conversation.last_inbound_id) > func.coalesce(read, 0),
        )
        .limit(MANY)
        .correlate(each)
        .subquery()
    )
    counted = select(func.count().label("count")).select_from(found).lateral("counted")
    query = select(each.c.member, counted.c.count).select_from(each).join(counted, true())
    return {row[0]: row[1] for row in (await session.execute(query)).all()}
