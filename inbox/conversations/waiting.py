"""What a person says about a message: it waits for an answer, or needs none; and takes back."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import status
from inbox.errors import Conflict
from inbox.models import Conversation, Direction, Message, Outcome, Role, Status, Wait
from inbox.promptness import corrections, waits
from inbox.team.rights import Access

ENDED = {Status.RESOLVED, Status.SPAM}


async def begin(session: AsyncSession, access: Access, conversation: Conversation, message: Message, *, now: datetime) -> None:
    """This message waits for an answer. Nothing happens if its author waits already; a resolved conversation opens again."""
    access.need(Role.AGENT)
    if message.direction != Direction.IN or message.identity_id is None or message.is_history or message.automatic:
        raise Conflict(
            "Nobody waits behind this message: it is our own, automatic, or from before the channel was connected.", code="no_wait"
        )
    if message.deleted_at is not None or message.hidden_at is not None:
        raise Conflict("This message is gone: it waits for no answer.", code="no_wait")
    if conversation.status in ENDED:
        await status.move(session, access, conversation, Status.OPEN, now=now)
    if not await _waits(session, conversation, message.identity_id):
        await waits.open_by_hand(session, message, actor=access.actor, now=now)


async def end(session: AsyncSession, access: Access, conversation: Conversation, message: Message, *, now: datetime) -> None:
    """This message needs no answer: its author waits no longer."""
    access.need(Role.AGENT)
    if message.identity_id is not None:
        outcome, author = Outcome.NOT_NEEDED, message.identity_id
        await waits.close(session, conversation, outcome, actor=access.actor, now=now, identity_id=author)


async def take_back(session: AsyncSession, access: Access, conversation: Conversation, message: Message, *, now: datetime) -> None:
    """What was last said about the wait of this message's author does not hold: it is as if it had not been said."""
    access.need(Role.AGENT)
    if message.identity_id is not None:
        await corrections.take_back(session, conversation, actor=access.actor, now=now, identity_id=message.identity_id)


async def _waits(session: AsyncSession, conversation: Conversation, identity_id: int) -> bool:
    query = select(col(Wait.id)).where(
        col(Wait.conversation_id) == conversation.id, col(Wait.identity_id) == identity_id, col(Wait.closed_at).is_(None)
    )
    return await session.scalar(query.limit(1)) is not None
