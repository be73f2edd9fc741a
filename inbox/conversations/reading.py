"""How far each member has read."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.conversations import changes
from inbox.models import Conversation, Reading, Status
from inbox.questions import Question
from inbox.team import rights
from inbox.team.rights import Access

MANY = 100  # the page says "99+"
UNREAD = b"""
    SELECT reader.member, (
        SELECT count(*) FROM (
            SELECT 1 FROM conversation
             WHERE workspace_id = %(workspace)s AND status = 'open' AND channel_id = ANY(%(channels)s::bigint[])
               AND last_inbound_id > coalesce(
                   (SELECT message_id FROM reading WHERE conversation_id = conversation.id AND member_id = reader.member), 0)
             LIMIT %(many)s
        ) AS found
    ) FROM unnest(%(members)s::bigint[]) AS reader (member)
"""


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
    return await questions.ask(session, Question(UNREAD, given, _by_member))


def counting(access: Access) -> Question[int]:
    """The same for the member who asks, in the channels that they may see."""
    return Question(_counting(access.sees_everything), rights.asker(access), lambda found: found[0][0])


@cache
def _counting(everything: bool) -> bytes:
    of = Conversation
    mine = (col(Reading.conversation_id) == of.id, col(Reading.member_id) == bindparam("member"))
    read = func.coalesce(select(col(Reading.message_id)).where(*mine).scalar_subquery(), 0)
    unread = (
        select(col(of.id))
        .where(col(of.workspace_id) == bindparam("workspace"), col(of.status) == Status.OPEN, col(of.last_inbound_id) > read)
        .where(rights.visible(col(of.channel_id), everything=everything))
        .limit(MANY)
    )
    return questions.compiled(select(func.count()).select_from(unread.subquery()))


def _by_member(found: Sequence[tuple[Any, ...]]) -> dict[int, int]:
    return {row[0]: row[1] for row in found}
