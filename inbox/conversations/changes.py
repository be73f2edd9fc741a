"""What every change of a conversation has in common: who did it, and its event."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.models import Conversation


def record(session: AsyncSession, conversation: Conversation, kind: str, *, actor: str, now: datetime, **data: Any) -> None:
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
