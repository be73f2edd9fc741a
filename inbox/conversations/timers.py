"""What happens by itself when its time comes: snoozed conversations wake, and what was to be kept for a while goes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.models import Status
from inbox.promptness import moves, targets

PORTION = 5000  # rows in one statement: nobody waits behind a long one

WAKE = text(
    """
    WITH due AS (SELECT id, snoozed_until FROM conversation WHERE snoozed_until <= :now AND status = 'snoozed'
                    AND id = coalesce(:only, id) ORDER BY id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE conversation SET status = 'open', snoozed_until = NULL FROM due WHERE conversation.id = due.id
    RETURNING conversation.id, conversation.workspace_id, conversation.channel_id
    """
)
DUE = text("SELECT id FROM conversation WHERE snoozed_until <= :now AND status = 'snoozed' ORDER BY id LIMIT 500")
# Within a day, whatever the row says: no process can read a time past the year 9999. What is due and cannot wake does not hurry anybody.
NEXT = text("SELECT least(min(snoozed_until), :now + interval '1 day') FROM conversation WHERE snoozed_until > :now AND status = 'snoozed'")
PASSING = (text("DELETE FROM presence WHERE until < :now"), text("DELETE FROM throttle WHERE window_ends_at < :now"))
RAW = text(
    """
    UPDATE inbound SET raw = NULL
     WHERE (channel_id, event_id) IN (
        SELECT inbound.channel_id, event_id FROM inbound JOIN channel ON channel.id = inbound.channel_id
         WHERE raw IS NOT NULL AND received_at < :now - make_interval(days => least(coalesce(channel.raw_days, :days), 36525))
         LIMIT :portion)
    """
)
# A row without words stays: its id keeps a platform's later sync from bringing them back, and no figure changes. Legal hold keeps all: what
# somebody wrote, and what was said to them.
DELETED = """
    message.deleted_at < :before AND NOT EXISTS (
        SELECT FROM identity JOIN contact ON contact.id = identity.contact_id
         WHERE identity.id = message.identity_id AND contact.legal_hold)
    AND NOT EXISTS (
        SELECT FROM conversation JOIN contact ON contact.id = conversation.contact_id
         WHERE conversation.id = message.conversation_id AND contact.legal_hold)
"""
WORDS = text(
    f"""
    UPDATE message SET body = '', html = NULL, quoted = '', envelope = NULL
     WHERE id IN (SELECT id FROM message WHERE (body <> '' OR html IS NOT NULL OR quoted <> '' OR envelope IS NOT NULL) AND {DELETED}
                   ORDER BY id LIMIT :portion FOR UPDATE SKIP LOCKED)
    """  # noqa: S608  # built from the constant above
)
# What it was to say instead is as much a word of the message.
CHANGES = text(
    f"""
    UPDATE moderation SET text = ''
     WHERE id IN (SELECT moderation.id FROM message JOIN moderation ON moderation.message_id = message.id
                   WHERE moderation.text <> '' AND moderation.state NOT IN ('queued', 'acting') AND {DELETED}
                   ORDER BY moderation.id LIMIT :portion FOR UPDATE OF moderation SKIP LOCKED)
    """  # noqa: S608
)
DELETED_FILES = text(
    f"""
    DELETE FROM attachment
     WHERE id IN (SELECT attachment.id FROM message JOIN attachment ON attachment.message_id = message.id WHERE {DELETED} LIMIT :portion)
    """  # noqa: S608
)
LOG = text("DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at < :before ORDER BY id LIMIT :portion)")


async def wake_snoozed(session: AsyncSession, now: datetime, *, only: int | None = None) -> int:
    """Open the conversations whose time has come, or `only` one of them, each by one process only; how many."""
    rows = sorted(tuple(row) for row in await session.execute(WAKE, {"now": now, "only": only}))
    for conversation_id, workspace_id, channel_id in rows:
        events.record(
            session,
            "conversation.moved",
            workspace_id=workspace_id,
            at=now,
            actor="system",
            conversation_id=conversation_id,
            channel_id=channel_id,
            status=Status.OPEN.value,
            before=Status.SNOOZED.value,
        )
    await moves.note(session, [(row[0], Status.OPEN) for row in rows], at=now)
    for workspace_id in sorted({row[1] for row in rows}):
        await targets.settle_episodes(session, workspace_id, [row[0] for row in rows if row[1] == workspace_id], now=now)
    return len(rows)


async def due_to_wake(session: AsyncSession, now: datetime) -> Sequence[int]:
    """The conversations whose time has come."""
    return (await session.scalars(DUE, {"now": now})).all()


async def next_snoozed(session: AsyncSession, now: datetime) -> datetime | None:
    """When the next snoozed conversation wakes, or a day from now when that is later."""
    return await session.scalar(NEXT, {"now": now})


async def expire(session: AsyncSession, now: datetime) -> None:
    """Forget who was looking, and tries that are long past."""
    for statement in PASSING:
        await session.execute(statement, {"now": now})


async def forget_raw(session: AsyncSession, now: datetime, *, days: int) -> int:
    """Let old raw payloads go; the dedupe keys stay. How many: call again while it is a whole portion."""
    return await _count(session, RAW, {"now": now, "days": days, "portion": PORTION})


async def purge_deleted(session: AsyncSession, now: datetime, *, days: int) -> int:
    """Remove for good what was deleted so long ago, and only hidden since. How many: call again while it is a whole portion."""
    values = {"before": now - timedelta(days=days), "portion": PORTION}
    return max([await _count(session, statement, values) for statement in (WORDS, CHANGES, DELETED_FILES)])


async def shorten_log(session: AsyncSession, now: datetime, *, days: int) -> int:
    """Let old events go; a reader that was away longer is told to reload. How many: call again while it is a whole portion."""
    before = now - timedelta(days=days)
    return await _count(session, LOG, {"before": before, "portion": PORTION})


async def _count(session: AsyncSession, statement: TextClause, values: dict[str, Any]) -> int:
    return cast("CursorResult[Any]", await session.execute(statement, values)).rowcount
