"""Taking back what a person said about a wait: nothing is rewritten, a further line of the log says what no longer holds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Conversation, LogEvent
from inbox.promptness import waits

SAID = ("wait.opened", "wait.closed", "wait.corrected")


async def take_back(
    session: AsyncSession,
    conversation: Conversation,
    *,
    actor: str,
    now: datetime,
    identity_id: int | None = None,
    decided_at: datetime | None = None,
) -> int:
    """Take back what was last said by hand about one author's wait, or all that was decided at a moment; how many waits it was."""
    # The lock first: what is said at the same time is either read here or comes after.
    await session.execute(select(col(Conversation.id)).where(col(Conversation.id) == conversation.id).with_for_update(key_share=True))
    log = select(LogEvent).where(col(LogEvent.conversation_id) == conversation.id, col(LogEvent.kind).in_(SAID))
    standing = _standing((await session.scalars(log.order_by(col(LogEvent.id)))).all())
    if identity_id is not None:
        wrong = [event for event in standing if event.data["identity"] == identity_id][-1:]
    else:
        wrong = [event for event in standing if event.kind == "wait.closed" and event.at == decided_at]
    for event in wrong:
        _record(session, conversation, event, actor, now)
    if wrong:
        await waits.refold(session, [conversation.id], now=now, actor=actor)
    return len(wrong)


def _standing(log: Sequence[LogEvent]) -> list[LogEvent]:
    """What was said by hand and was not taken back, in the order of saying."""
    said: list[LogEvent] = []
    for event in log:
        if event.kind == "wait.corrected":
            said = [other for other in said if _correction(other) != event.data]
        elif event.data.get("by_hand") or event.data.get("decided"):
            said.append(event)
    return said


def _correction(event: LogEvent) -> dict[str, Any]:
    if event.kind == "wait.opened":
        return {"identity": event.data["identity"], "message": event.data["message"], "opened_at": event.data["opened_at"]}
    return {"identity": event.data["identity"], "closed_at": event.at.isoformat()}


def _record(session: AsyncSession, conversation: Conversation, event: LogEvent, actor: str, now: datetime) -> None:
    events.record(
        session,
        "wait.corrected",
        workspace_id=conversation.workspace_id,
        at=now,
        actor=actor,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        **_correction(event),
    )
