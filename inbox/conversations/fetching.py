"""Files that are still at a platform: which one is fetched next, and what became of it.

Fetching begins after the commit that brought the message: nobody waits for a file. A claim is the next try put off, so that no other
process fetches the same file meanwhile, and a process that dies costs only one try.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Attachment, Channel, Message
from inbox.models.conversations import FETCH_TRIES

FIRST_PAUSE = timedelta(minutes=2)  # until the second try; doubles, so that six tries take an hour

CLAIM = text(
    f"""
    WITH due AS (
        SELECT id FROM attachment
         WHERE sha256 IS NULL AND url IS NOT NULL AND fetch_tries < {FETCH_TRIES} AND (fetch_at IS NULL OR fetch_at <= :now)
           AND message_id IS NOT NULL AND NOT EXISTS (SELECT FROM installation WHERE held)
           AND NOT EXISTS (SELECT FROM message WHERE message.id = message_id AND deleted_at IS NOT NULL)
         ORDER BY fetch_at NULLS FIRST, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE attachment SET fetch_tries = fetch_tries + 1, fetch_at = :now + :pause * power(2, fetch_tries)
      FROM due WHERE attachment.id = due.id
    RETURNING attachment.*
    """  # noqa: S608  # built from the constant above
)


async def claim(session: AsyncSession, now: datetime, *, limit: int) -> Sequence[Attachment]:
    """Take files to fetch now, the newest try last."""
    query = select(Attachment).from_statement(CLAIM).execution_options(populate_existing=True)
    return (await session.scalars(query, {"now": now, "limit": limit, "pause": FIRST_PAUSE})).all()


async def channel(session: AsyncSession, attachment: Attachment) -> Channel:
    """The channel that the file's message came by: its connector knows addresses of the platform's own kind."""
    query = select(Channel).join(Message, col(Message.channel_id) == col(Channel.id)).where(col(Message.id) == attachment.message_id)
    return (await session.scalars(query)).one()


async def keep(session: AsyncSession, attachment: Attachment, *, digest: str, size: int, media_type: str, now: datetime) -> None:
    """The file is here. The platform's word for what it is counts only where the message had none."""
    known = attachment.media_type not in {"", "application/octet-stream"}
    values = {"sha256": digest, "size": size, "media_type": attachment.media_type if known else media_type}
    await _settle(session, attachment, now, **values)


async def give_up(session: AsyncSession, attachment: Attachment, now: datetime) -> None:
    """It will not come: the link stays."""
    await _settle(session, attachment, now, fetch_tries=FETCH_TRIES)


async def _settle(session: AsyncSession, attachment: Attachment, now: datetime, **values: Any) -> None:
    unfetched = update(Attachment).where(col(Attachment.id) == attachment.id, col(Attachment.sha256).is_(None))
    message_id = await session.scalar(unfetched.values(**values).returning(col(Attachment.message_id)))
    if message_id is None:  # erased meanwhile, or another process was quicker
        return
    message = await session.get_one(Message, message_id)
    where = {"workspace_id": message.workspace_id, "conversation_id": message.conversation_id, "channel_id": message.channel_id}
    events.record(session, "message.completed", **where, at=now, actor="system", message=message.id)
