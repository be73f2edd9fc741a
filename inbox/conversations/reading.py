"""How far each member has read."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.models import Conversation, Reading
from inbox.team.rights import Access

MANY = 100  # the page says "99+"
UNREAD = text("""
    SELECT reader.member, (
        SELECT count(*) FROM (
            SELECT 1 FROM conversation
             WHERE workspace_id = :workspace AND status = 'open' AND channel_id = ANY(CAST(:channels AS bigint[]))
               AND last_inbound_id > coalesce(
                   (SELECT message_id FROM reading WHERE conversation_id = conversation.id AND member_id = reader.member), 0)
             LIMIT :many
        ) AS found
    ) FROM unnest(CAST(:members AS bigint[])) AS reader (member)
""")


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
    given = {"workspace": workspace_id, "channels": list(channels), "members": list(members), "many": MANY}
    return {row[0]: row[1] for row in (await session.execute(UNREAD, given)).all()}
