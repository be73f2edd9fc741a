"""What every change of a conversation has in common: who did it, and its event."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict
from inbox.models import Conversation, Status


def record(session: AsyncSession, conversation: Conversation, kind: str, /, *, actor: str, now: datetime, **data: Any) -> None:
    """Record an event about a conversation, with the channel that decides who may see it."""
    events.record(
        session,
        kind,
        workspace_id=conversation.workspace_id,
        at=now,
        actor=actor,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        **data,
    )


def check(conversation: Conversation) -> None:
    """Raise Conflict when the conversation, whose row is locked or was just read, went into another one."""
    if conversation.status is Status.MERGED:
        raise Conflict("This conversation was merged into another one meanwhile: open it again.", code="merged")


async def hold(session: AsyncSession, conversation: Conversation) -> None:
    """Keep the conversation from going into another one until the commit; Conflict when it has already."""
    held = select(col(Conversation.status)).where(col(Conversation.id) == conversation.id).with_for_update(read=True, key_share=True)
    if await session.scalar(held) is Status.MERGED:
        raise Conflict("This conversation was merged into another one meanwhile: open it again.", code="merged")
