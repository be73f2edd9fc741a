"""The way in: a batch of a platform's events becomes conversations, messages, waits and log events, in the caller's transaction.

Everything is done as a set, in three to five round trips however many events there are: look up and lock, settle who and what is new,
draw ids, write. If the set cannot be written because of some event's data, halves of it are tried, until the event at fault is alone: it
becomes a dead letter, and its neighbours come in.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Batch, Event
from inbox.conversations import incoming, intake, rejects
from inbox.conversations.incoming import Incoming
from inbox.conversations.intake import Received
from inbox.db import Row, driver
from inbox.files import Files
from inbox.models import Channel, ChannelState

# An event's own data is at fault: too long for an index, not what a column takes, in conflict with what is there.
UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)

MARK = """
    UPDATE channel
       SET cursor = CASE WHEN %s THEN coalesce(%s, channel.cursor) ELSE channel.cursor END,
           last_event_at = greatest(channel.last_event_at, %s), last_success_at = greatest(channel.last_success_at, %s),
           lag_seconds = coalesce(%s, channel.lag_seconds), gap_at = coalesce(%s, channel.gap_at),
           state = CASE WHEN channel.state = 'connecting' OR (%s AND channel.state = 'failing') THEN 'healthy' ELSE channel.state END,
           error = CASE WHEN %s THEN NULL ELSE channel.error END,
           failures = CASE WHEN %s THEN 0 ELSE channel.failures END,
           next_try_at = CASE WHEN %s THEN NULL ELSE channel.next_try_at END
      FROM (SELECT id, state FROM channel WHERE id = %s FOR NO KEY UPDATE) AS before
     WHERE channel.id = before.id AND (%s::bigint IS NULL OR channel.fence = %s)
    RETURNING before.state
"""


class LeaseLost(Exception):
    """Another process reads this channel now; nothing of the batch may be stored."""


async def receive(
    session: AsyncSession,
    channel: Channel,
    batch: Batch,
    *,
    now: datetime,
    fence: int | None = None,
    move_cursor: bool = True,
    files: Files | None = None,
) -> Received:
    """Take a batch in. `fence`: the lease of the stream it came by, None for a webhook, which never moves the cursor either.

    Raises `LeaseLost` when another process has taken the channel meanwhile: the caller's transaction must not commit.
    """
    source = "webhook" if fence is None else "stream"
    digests = await _store_files(batch.events, files)
    cleaned: list[Incoming] = []
    for event in batch.events:
        try:
            cleaned.append(incoming.read(event, channel, digests, now=now))
        except Exception as error:  # whatever a connector has put into an event: it must not cost its neighbours
            await _reject(session, channel, event, f"{type(error).__name__}: {error}", source=source, now=now)
    for rejected in batch.rejected:
        await rejects.keep(session, channel, source=source, raw=rejected.raw, reason=rejected.reason, now=now)
    received = await _take(session, channel, cleaned, source=source, now=now)
    await _mark_channel(session, channel, batch, cleaned, now=now, fence=fence, move_cursor=move_cursor)
    return received


async def _store_files(batch: Sequence[Event], files: Files | None) -> dict[int, str]:
    """Write contents to disk before the first statement; SHA-256 by the attachment's id() in this process."""
    digests: dict[int, str] = {}
    for event in batch:
        for attachment in event.attachments:
            if attachment.content is not None:
                if files is None:
                    raise TypeError("receive() needs `files` to keep the content of attachments")
                digests[id(attachment)] = await asyncio.to_thread(files.store, attachment.content)
    return digests


async def _take(session: AsyncSession, channel: Channel, batch: Sequence[Incoming], *, source: str, now: datetime) -> Received:
    """Write the events as one set; halve the set when one of them cannot be stored."""
    if not batch:
        return Received()
    connection = await driver(session)
    try:
        return await intake.write(session, connection, channel, batch, now=now)
    except UNSTORABLE as error:
        await _roll_back(connection)
        if len(batch) == 1:
            reason = error.diag.message_primary or str(error)
            await rejects.keep(session, channel, source=source, raw=(batch[0].raw or "").encode(), reason=reason, now=now)
            return Received()
    middle = len(batch) // 2
    first = await _take(session, channel, batch[:middle], source=source, now=now)
    second = await _take(session, channel, batch[middle:], source=source, now=now)
    return Received(first.conversations | second.conversations, first.messages + second.messages, first.duplicates + second.duplicates)


async def _roll_back(connection: AsyncConnection[Row]) -> None:
    """Undo the set that failed, and only that.

    The driver believes statements prepared that the failed pipeline never reached. It forgets them all when it sees a ROLLBACK that it has
    not sent before in these words.
    """
    words = sql.SQL("ROLLBACK TO SAVEPOINT batch -- {}").format(sql.Literal(secrets.token_hex(8)))
    await connection.execute(words)
    await connection.execute("RELEASE SAVEPOINT batch")


async def _mark_channel(
    session: AsyncSession,
    channel: Channel,
    batch: Batch,
    cleaned: Sequence[Incoming],
    *,
    now: datetime,
    fence: int | None,
    move_cursor: bool,
) -> None:
    """Keep the place to go on from, and the channel's health, in the same transaction; last, since every batch of the channel does it."""
    connection = await driver(session)
    newest = max(cleaned, key=lambda event: event.at, default=None)
    lag = None if newest is None or newest.at < channel.connected_at else max(0.0, newest.lag)
    works = fence is not None
    values = (
        move_cursor, batch.cursor, newest.at if newest else None, now, lag, now if batch.gap else None,
        works, works, works, works, channel.id, fence, fence,
    )  # fmt: skip
    before = await (await connection.execute(MARK, values)).fetchone()
    if before is None:
        raise LeaseLost(f"another process reads channel {channel.id} now")
    if batch.gap:
        _record(session, channel, "channel.gap_found", now, gap_at=now.isoformat())
    if before[0] == ChannelState.CONNECTING:
        _record(session, channel, "channel.changed", now, fields=["state"])
    elif works and before[0] == ChannelState.FAILING:
        _record(session, channel, "channel.recovered", now)


async def _reject(session: AsyncSession, channel: Channel, event: Event, reason: str, *, source: str, now: datetime) -> None:
    raw = incoming.dumps(event.raw if event.raw is not None else repr(event)).encode()
    await rejects.keep(session, channel, source=source, raw=raw, reason=reason, now=now)


def _record(session: AsyncSession, channel: Channel, kind: str, now: datetime, **data: Any) -> None:
    actor = f"channel:{channel.id}"
    events.record(session, kind, workspace_id=channel.workspace_id, at=now, actor=actor, channel_id=channel.id, **data)
