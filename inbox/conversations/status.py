"""Where a conversation stands: open, pending, snoozed, resolved or spam."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.errors import Invalid
from inbox.models import Conversation, LogEvent, Outcome, Role, Status
from inbox.promptness import corrections, moves, targets, waits
from inbox.team.rights import Access

ENDS = {Status.RESOLVED: Outcome.NOT_NEEDED, Status.SPAM: Outcome.SPAM}  # what becomes of the waits that are still open
LONGEST_SNOOZE = timedelta(days=3660)  # a time past the year 9999 in UTC could be written and never be read again


async def move(
    session: AsyncSession,
    access: Access,
    conversation: Conversation,
    status: Status,
    *,
    now: datetime,
    until: datetime | None = None,
    takes_back: bool = False,
) -> None:
    """Move a conversation. Snoozing needs a time to wake; resolving closes waits as not needed, spam as spam.

    `takes_back`: the move before was a mistake, and no figure counts it.
    """
    access.need(Role.AGENT)
    if status == Status.SNOOZED:
        _check_sleep(until, now)
    row = await session.scalar(
        select(Conversation).where(col(Conversation.id) == conversation.id).with_for_update().execution_options(populate_existing=True)
    )
    until = until if status == Status.SNOOZED else None
    if row is None or (row.status == status and row.snoozed_until == until):
        return
    before = row.status
    row.status, row.snoozed_until = status, until
    row.resolved_at = now if status in ENDS else None
    await session.flush()
    told: dict[str, Any] = {"status": status.value, "before": before.value, "snoozed_until": until.isoformat() if until else None}
    if takes_back:
        told["taken_back"] = True
    changes.record(session, conversation, "conversation.moved", actor=access.actor, now=now, **told)
    if takes_back:
        await moves.take_back(session, conversation.id, status, at=now)
    elif status != before:
        await moves.note(session, [(conversation.id, status)], at=now)
    if status in ENDS:
        await waits.close(session, conversation, ENDS[status], actor=access.actor, now=now)
    await targets.settle_episodes(session, conversation.workspace_id, [conversation.id], now=now, actor=access.actor)


async def take_back(session: AsyncSession, access: Access, conversation: Conversation, *, now: datetime) -> None:
    """The last move was a mistake: back to where the conversation stood, and whoever waited then waits on. Out of a sleep it wakes."""
    access.need(Role.AGENT)
    moved = select(LogEvent).where(col(LogEvent.conversation_id) == conversation.id, col(LogEvent.kind) == "conversation.moved")
    last = await session.scalar(moved.order_by(col(LogEvent.id).desc()).limit(1))
    if last is None or last.data["status"] != conversation.status:
        return
    before = Status(last.data["before"])
    status = Status.OPEN if before == Status.SNOOZED else before
    is_undoing = last.data["status"] != last.data["before"] and not last.data.get("taken_back")  # no sleep's new end, nor an undoing
    await move(session, access, conversation, status, now=now, takes_back=is_undoing)
    await corrections.take_back(session, conversation, actor=access.actor, now=now, decided_at=last.at)


def _check_sleep(until: datetime | None, now: datetime) -> None:
    if until is None or until <= now:
        raise Invalid("Say when the conversation should come back: a time still to come.", code="snooze_past")
    if until - now > LONGEST_SNOOZE:
        raise Invalid("A conversation sleeps for ten years at most.", code="snooze_far")
