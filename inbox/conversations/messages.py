"""The messages of one conversation, one at a time: whoever may see the conversation may see them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import NotFound
from inbox.models import Conversation, Delivery, Direction, Message
from inbox.team import rights
from inbox.team.rights import Access

MOST_NEWS = 20


async def get(session: AsyncSession, conversation: Conversation, message_id: int) -> Message:
    """A message of this conversation."""
    found = await _find(session, conversation, message_id)
    if found is None:
        raise NotFound("There is no such message in this conversation.")
    return found


async def visible(session: AsyncSession, access: Access, message_id: int) -> tuple[Conversation, Message]:
    """A message by its number alone, with its conversation, if this member may see it; NotFound says no more than that."""
    message = await session.get(Message, message_id)
    if message is None or message.workspace_id != access.workspace_id:
        raise NotFound("There is no such message, or you may not see it.")
    return await rights.conversation(session, access, message.conversation_id), message


async def reply(session: AsyncSession, conversation: Conversation, message_id: int) -> Message:
    """One of the team's own messages in this conversation."""
    found = await _find(session, conversation, message_id, col(Message.direction) == Direction.OUT)
    if found is None:
        raise NotFound("There is no such reply in this conversation.")
    return found


async def news(session: AsyncSession, conversation: Conversation, member_id: int | None, *, after: int) -> Sequence[int]:
    """The first messages after one that was read, by their ids: what came in, and what others of the team have answered."""
    by_others = and_(
        col(Message.direction) == Direction.OUT,
        col(Message.member_id).is_distinct_from(member_id),
        col(Message.automatic).is_(False),
        col(Message.delivery).not_in([Delivery.UNDONE, Delivery.FAILED]),
    )
    newer = (
        col(Message.conversation_id) == conversation.id,
        col(Message.id) > after,
        col(Message.deleted_at).is_(None),
        col(Message.is_history).is_(False),
        or_(col(Message.direction) == Direction.IN, by_others),
    )
    return (await session.scalars(select(col(Message.id)).where(*newer).order_by(col(Message.id)).limit(MOST_NEWS))).all()


async def _find(session: AsyncSession, conversation: Conversation, message_id: int, *more: ColumnElement[bool]) -> Message | None:
    here = (col(Message.id) == message_id, col(Message.conversation_id) == conversation.id)
    return await session.scalar(select(Message).where(*here, *more))
