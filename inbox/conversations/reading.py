"""How far each member has read."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.models import Conversation, Reading, Status
from inbox.team import rights
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


async def unread(session: AsyncSession, access: Access) -> int:
    """How many open conversations hold something that the member has not read; counted up to MANY."""
    if access.member_id is None:
        return 0
    mine = (
        select(col(Reading.message_id))
        .where(col(Reading.conversation_id) == Conversation.id, col(Reading.member_id) == access.member_id)
        .scalar_subquery()
    )
    found = (
        select(col(Conversation.id))
        .where(
            col(Conversation.workspace_id) == access.workspace_id,
            col(Conversation.status) == Status.OPEN,
            rights.sees(access, col(Conversation.channel_id)),
            col(Conversation.last_inbound_id) > func.coalesce(mine, 0),
        )
        .limit(MANY)
        .subquery()
    )
    return await session.scalar(select(func.count()).select_from(found)) or 0
