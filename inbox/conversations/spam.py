"""Conversations that the platform's own moderation, or a colleague by it, takes for spam: moved there, and back on second thoughts."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.conversations.incoming import Origin
from inbox.models import Status
from inbox.promptness import moves, targets

# Somebody else's words, or an answer of ours, keep a conversation where it is: it is more than the spam in it.
BURY = text(
    """
    WITH mine AS (SELECT id, status FROM conversation
                   WHERE id = ANY(:ids) AND status <> 'spam'
                     AND NOT EXISTS (SELECT FROM message
                                      WHERE conversation_id = conversation.id AND hidden_at IS NULL AND deleted_at IS NULL)
                   ORDER BY id FOR NO KEY UPDATE)
    UPDATE conversation SET status = 'spam', snoozed_until = NULL, resolved_at = :now FROM mine WHERE conversation.id = mine.id
    RETURNING conversation.id, mine.status
    """
)
RESTORE = text(
    """
    UPDATE conversation SET status = 'open', resolved_at = NULL WHERE id = ANY(:ids) AND status = 'spam'
    RETURNING id, 'spam'
    """
)
MOVED = text(
    """
    SELECT DISTINCT ON (conversation_id) conversation_id, actor FROM event
     WHERE conversation_id = ANY(:ids) AND kind = 'conversation.moved' ORDER BY conversation_id, id DESC
    """
)


async def moderated(session: AsyncSession, origin: Origin, *, spammed: Collection[int], restored: Collection[int], now: datetime) -> None:
    """Move conversations in which nothing but spam is left; bring back what the platform, and no person, had moved."""
    actor = f"channel:{origin.id}"
    if spammed:
        await bury(session, origin.workspace_id, origin.id, spammed, actor=actor, now=now)
    if restored:
        movers = await _last_movers(session, restored)
        ids = [number for number, mover in movers.items() if number in restored and mover == actor]
        await restore(session, origin.workspace_id, origin.id, ids, actor=actor, now=now)


async def bury(session: AsyncSession, workspace_id: int, channel_id: int, ids: Collection[int], *, actor: str, now: datetime) -> None:
    """Move those of these conversations in which nothing but spam is left."""
    rows = await session.execute(BURY, {"ids": sorted(ids), "now": now})
    await _moved(session, workspace_id, channel_id, [tuple(row) for row in rows], Status.SPAM, actor, now)


async def restore(session: AsyncSession, workspace_id: int, channel_id: int, ids: Collection[int], *, actor: str, now: datetime) -> None:
    """Bring those of these conversations back that are spam."""
    rows = await session.execute(RESTORE, {"ids": sorted(ids)})
    await _moved(session, workspace_id, channel_id, [tuple(row) for row in rows], Status.OPEN, actor, now)


async def _last_movers(session: AsyncSession, ids: Collection[int]) -> dict[int, str]:
    """Who moved each conversation last, by the log."""
    found: dict[int, str] = {row[0]: row[1] for row in await session.execute(MOVED, {"ids": sorted(ids)})}
    for event in events.recorded(session):  # not yet written
        if event.kind == "conversation.moved" and event.conversation_id is not None:
            found[event.conversation_id] = event.actor
    return found


async def _moved(
    session: AsyncSession, workspace_id: int, channel_id: int, rows: list[tuple[int, str]], status: Status, actor: str, now: datetime
) -> None:
    for conversation_id, before in sorted(rows):
        events.record(
            session,
            "conversation.moved",
            workspace_id=workspace_id,
            at=now,
            actor=actor,
            conversation_id=conversation_id,
            channel_id=channel_id,
            status=status.value,
            before=before,
            snoozed_until=None,
        )
    await moves.note(session, [(row[0], status) for row in sorted(rows)], at=now)
    await targets.settle_episodes(session, workspace_id, [row[0] for row in rows], now=now, actor=actor)
