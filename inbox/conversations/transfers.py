"""What it takes to move messages from one conversation to another: nothing comes in or leaves meanwhile, what hangs on them goes along,
and everything that follows from what was said is told anew for both.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import known, summaries
from inbox.db import driver
from inbox.errors import Conflict
from inbox.models import Conversation
from inbox.promptness import strands, targets, waits
from inbox.promptness.strands import Flow
from inbox.team.rights import Access

STILL = text("SELECT pg_advisory_xact_lock(CAST(:channel AS int), bucket) FROM generate_series(0, :last) AS bucket")
LEAVING = text(
    """
    SELECT delivery FROM message WHERE conversation_id = :id AND delivery IN ('queued', 'sending', 'ambiguous') ORDER BY id FOR UPDATE
    """
)
ACTING = text(
    "SELECT state FROM moderation WHERE conversation_id = :id AND state IN ('queued', 'acting', 'ambiguous') ORDER BY id FOR UPDATE"
)

# What hangs on messages goes where they go.
ALONG = (
    text("UPDATE wait SET conversation_id = :id WHERE conversation_id = :into AND opened_by = ANY(:messages)"),
    text("UPDATE attachment SET conversation_id = :id WHERE conversation_id = :into AND message_id = ANY(:messages)"),
    text("UPDATE moderation SET conversation_id = :id WHERE conversation_id = :into AND message_id = ANY(:messages)"),
)


async def hold(session: AsyncSession, *conversations: Conversation) -> None:
    """Let nothing be written to these, in the order in which everybody locks."""
    for channel_id in sorted({conversation.channel_id for conversation in conversations}):
        await session.execute(STILL, {"channel": channel_id & 0x7FFFFFFF, "last": known.BUCKETS - 1})
    ids = sorted({conversation.id for conversation in conversations})
    for number in ids:
        await session.execute(LEAVING, {"id": number})
        await session.execute(ACTING, {"id": number})
    held = select(Conversation).where(col(Conversation.id).in_(ids)).order_by(col(Conversation.id))
    await session.scalars(held.with_for_update().execution_options(populate_existing=True))


async def check_still(session: AsyncSession, conversation: Conversation) -> None:
    """What is with the platform at this moment comes back to where it left from; what is queued goes along, in its order."""
    given = {"id": conversation.id}
    on_their_way = {*await session.scalars(LEAVING, given), *await session.scalars(ACTING, given)}
    if "ambiguous" in on_their_way:
        raise Conflict("Something here may have been sent: say first what became of it.", code="merge_doubt")
    if on_their_way & {"sending", "acting"}:
        raise Conflict("Something is being sent here at this moment: try again in a few seconds.", code="merge_sending")


async def tell(session: AsyncSession, access: Access, one: Conversation, other: Conversation, *, now: datetime) -> None:
    """Bring everything up to date that follows from what was said in two conversations, once the log knows what happened."""
    await session.flush()
    ids = sorted((one.id, other.id))
    await summaries.refresh(session, ids)
    await waits.refold(session, ids, now=now, actor=access.actor)
    await (await driver(session)).execute(waits.WAITING, (ids,))
    await targets.settle(session, one.workspace_id, ids, now=now, actor=access.actor, anew=True)
    await session.refresh(one)
    await session.refresh(other)


async def flow(session: AsyncSession, conversation_id: int) -> Flow:
    """What went into a conversation, and where it and that were before."""
    return await strands.read(await (await driver(session)).execute(strands.FLOWING, ([conversation_id],)))


def around(flow: Flow, conversation_id: int) -> list[int]:
    """The conversation, all that went into it, and where they were: whose logs tell of its messages."""
    return sorted({conversation_id, *tree(flow, conversation_id), *flow.visited.get(conversation_id, ())})


def tree(flow: Flow, conversation_id: int) -> list[int]:
    """The conversation and all that went into it."""
    return [conversation_id, *(joining.id for joining in flow.joinings.get(conversation_id, ()))]


async def ids(session: AsyncSession, statement: Any, given: dict[str, Any]) -> list[Any]:
    """What a statement returns, in order."""
    return sorted(await session.scalars(statement, given))
