"""Taking back what a person said about a wait: nothing is rewritten, a further line of the log says what no longer holds."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.db import Row
from inbox.models import Conversation, LogEvent, Message
from inbox.promptness import strands, waits

SAID = ("wait.opened", "wait.closed", "wait.corrected", strands.DIVIDED)


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
    standing = _standing(await _log(session, conversation))
    here = await _here(session, conversation, standing)
    standing = [row for row in standing if row[1] == "wait.closed" or row[3]["message"] in here]
    if identity_id is not None:
        wrong = [row for row in standing if row[3]["identity"] == identity_id][-1:]
    else:
        wrong = [row for row in standing if row[1] == "wait.closed" and row[2] == decided_at]
    for row in wrong:
        _record(session, conversation, row, actor, now)
    if wrong:
        await waits.refold(session, [conversation.id], now=now, actor=actor)
    return len(wrong)


async def _log(session: AsyncSession, conversation: Conversation) -> list[Row]:
    """What was said by hand, in the conversation and, before it was split off, in the one that it left."""
    names = [conversation.id, *(conversation.split_from or ())]
    told = select(col(LogEvent.conversation_id), col(LogEvent.kind), col(LogEvent.at), col(LogEvent.data)).where(
        col(LogEvent.conversation_id).in_(names), col(LogEvent.kind).in_(SAID)
    )
    logs: dict[int, list[Row]] = defaultdict(list)
    for row in await session.execute(told.order_by(col(LogEvent.id))):
        logs[row[0] or 0].append(tuple(row))
    return strands.Flow(origins={conversation.id: conversation.split_from or []}).log(conversation.id, logs)


async def _here(session: AsyncSession, conversation: Conversation, standing: Sequence[Row]) -> set[int]:
    """Of the messages that were said to wait, those that are in the conversation now: the others are none of its business any more."""
    named = {row[3]["message"] for row in standing if row[1] == "wait.opened"}
    query = select(col(Message.id)).where(col(Message.id).in_(named), col(Message.conversation_id) == conversation.id)
    return set(await session.scalars(query)) if named else set()


def _standing(log: Sequence[Row]) -> list[Row]:
    """What was said by hand and was not taken back, in the order of saying."""
    said: list[Row] = []
    for row in log:
        _, kind, _, data = row
        if kind == "wait.corrected":
            said = [other for other in said if _correction(other) != data]
        elif data.get("decided") or data.get("by_hand"):
            said.append(row)
    return said


def _correction(row: Row) -> dict[str, Any]:
    _, kind, at, data = row
    if kind == "wait.opened":
        return {"identity": data["identity"], "message": data["message"], "opened_at": data["opened_at"]}
    return {"identity": data["identity"], "closed_at": at.isoformat()}


def _record(session: AsyncSession, conversation: Conversation, row: Row, actor: str, now: datetime) -> None:
    events.record(
        session,
        "wait.corrected",
        workspace_id=conversation.workspace_id,
        at=now,
        actor=actor,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        **_correction(row),
    )
