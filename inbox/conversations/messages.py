"""The messages of one conversation, one at a time: whoever may see the conversation may see them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import NotFound
from inbox.models import Conversation, Direction, Message

MOST_NEWS = 20


async def get(session: AsyncSession, conversation: Conversation, message_id: int) -> Message:
    """A message of this conversation."""
    found = await _find(session, conversation, message_id)
    if found is None:
        raise NotFound("There is no such message in this conversation.")
    return found


async def reply(session: AsyncSession, conversation: Conversation, message_id: int) -> Message:
    """One of the team's own messages in this conversation."""
    found = await _find(session, conversation, message_id, col(Message.direction) == Direction.OUT)
    if found is None:
        raise NotFound("There is no such reply in this conversation.")
    return found


async def news(session: AsyncSession, conversation: Conversation, *, after: int) -> Sequence[int]:
    """The first messages from outside after one that was read, by their ids."""
    newer = (col(Message.conversation_id) == conversation.id, col(Message.id) > after, col(Message.direction) == Direction.IN)
    return (await session.scalars(select(col(Message.id)).where(*newer).order_by(col(Message.id)).limit(MOST_NEWS))).all()


async def _find(session: AsyncSession, conversation: Conversation, message_id: int, *more: ColumnElement[bool]) -> Message | None:
    here = (col(Message.id) == message_id, col(Message.conversation_id) == conversation.id)
    return await session.scalar(select(Message).where(*here, *more))
