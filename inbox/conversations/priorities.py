"""How urgent the team says that a conversation is; policies may give each priority a target of its own."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.models import Conversation, Priority, Role
from inbox.promptness import targets
from inbox.team.rights import Access


async def set(session: AsyncSession, access: Access, conversation: Conversation, priority: Priority, *, now: datetime) -> None:
    """Say how urgent a conversation is; what its customers may expect follows at once. Saying the same twice changes nothing."""
    access.need(Role.AGENT)
    row = await session.scalar(
        select(Conversation).where(col(Conversation.id) == conversation.id).with_for_update().execution_options(populate_existing=True)
    )
    if row is not None:
        changes.check(row)
    if row is None or row.priority == priority:
        return
    before, row.priority = row.priority, priority
    await session.flush()
    changes.record(
        session, conversation, "conversation.prioritised", actor=access.actor, now=now, priority=priority.value, before=before.value
    )
    await targets.settle(session, conversation.workspace_id, [conversation.id], now=now, actor=access.actor)
