"""What came in and could not be read: kept with its reason, until a person or a better parser replays it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Batch
from inbox.conversations import receive, rejects
from inbox.errors import Conflict, Invalid, NotFound
from inbox.files import Files
from inbox.models import Channel, DeadLetter

keep = rejects.keep


async def find(
    session: AsyncSession, workspace_id: int | None = None, *, channel_id: int | None = None, before: int | None = None, limit: int = 50
) -> Sequence[DeadLetter]:
    """Those not replayed yet, newest first; `before` is the id of the last one of the page before."""
    query = select(DeadLetter).where(col(DeadLetter.replayed_at).is_(None))
    if workspace_id is not None:
        query = query.where(col(DeadLetter.workspace_id) == workspace_id)
    if channel_id is not None:
        query = query.where(col(DeadLetter.channel_id) == channel_id)
    if before is not None:
        query = query.where(col(DeadLetter.id) < before)
    return (await session.scalars(query.order_by(col(DeadLetter.id).desc()).limit(limit))).all()


async def get(session: AsyncSession, letter_id: int, workspace_id: int | None = None) -> DeadLetter:
    letter = await session.get(DeadLetter, letter_id)
    if letter is None or (workspace_id is not None and letter.workspace_id != workspace_id):
        raise NotFound("There is no such dead letter.")
    return letter


async def replay(
    session: AsyncSession, letter: DeadLetter, batch: Batch, *, now: datetime, files: Files | None = None, actor: str = "system"
) -> receive.Received:
    """Take in what the connector has read out of the payload after all; it stays a dead letter if any of it is still unreadable."""
    if batch.rejected:
        raise Invalid("This still cannot be read: {reason}", code="still_unreadable", reason=batch.rejected[0].reason)
    claim = update(DeadLetter).where(col(DeadLetter.id) == letter.id, col(DeadLetter.replayed_at).is_(None)).values(replayed_at=now)
    if await session.scalar(claim.returning(col(DeadLetter.id))) is None:
        raise Conflict("This dead letter was already replayed.")
    channel = await session.get_one(Channel, letter.channel_id)
    received = await receive.receive(session, channel, batch, now=now, move_cursor=False, files=files)
    events.record(
        session,
        "dead_letter.replayed",
        workspace_id=letter.workspace_id,
        at=now,
        actor=actor,
        channel_id=letter.channel_id,
        dead_letter=letter.id,
    )
    return received
