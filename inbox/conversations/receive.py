"""The way in: a batch of a platform's events becomes conversations, messages, waits and log events, in the caller's transaction.

Everything is done as a set, in two round trips however many events there are: lock, look up and draw ids; then write. If the set cannot
be written because of some event's data, halves of it are tried, until the event at fault is alone: it becomes a dead letter, and its
neighbours come in.
"""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.pq import TransactionStatus
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Batch, Event
from inbox.conversations import gaps, incoming, intake, passed_over, rejects
from inbox.conversations.incoming import Incoming, Origin
from inbox.conversations.intake import Received
from inbox.conversations.newcomers import Overtaken
from inbox.db import Row, driver
from inbox.files import Files
from inbox.models import Channel, ChannelState
from inbox.pipelines import Send, pipeline

# An event's own data is at fault: too long for an index, not what a column takes, in conflict with what is there.
UNSTORABLE = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.ProgramLimitExceeded)

# Another batch has settled the same new people meanwhile, or stood in the way: looked at again, what it did is known.
OVERTAKEN = (psycopg.errors.UniqueViolation, psycopg.errors.ForeignKeyViolation, psycopg.errors.DeadlockDetected, Overtaken)
TRIES = 3

MARK = """
    UPDATE channel
       SET cursor = CASE WHEN %s THEN coalesce(%s, channel.cursor) ELSE channel.cursor END,
           last_event_at = greatest(channel.last_event_at, %s), last_success_at = greatest(channel.last_success_at, %s),
           lag_seconds = coalesce(%s, channel.lag_seconds), gap_at = coalesce(%s, channel.gap_at),
           state = CASE WHEN channel.state = 'connecting' OR (%s AND channel.state = 'failing') THEN 'healthy' ELSE channel.state END,
           error = CASE WHEN %s THEN NULL ELSE channel.error END,
           failures = CASE WHEN %s THEN 0 ELSE channel.failures END,
           next_try_at = CASE WHEN %s THEN NULL ELSE channel.next_try_at END,
           silent_since = CASE WHEN %s::timestamptz > channel.silent_since THEN NULL ELSE channel.silent_since END
      FROM (SELECT id, state, last_event_at, silent_since FROM channel WHERE id = %s FOR NO KEY UPDATE) AS before
     WHERE channel.id = before.id AND (%s::bigint IS NULL OR channel.fence = %s)
    RETURNING before.state, before.last_event_at, before.silent_since IS NOT NULL AND channel.silent_since IS NULL
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
    late: bool = False,
    files: Files | None = None,
) -> Received:
    """Take a batch in. `fence`: the lease of the stream it came by, None for a webhook, which never moves the cursor either.

    `late`: it was missed and fetched by itself, so it tells nothing of the channel's delay, nor whether its stream works.
    Raises `LeaseLost` when another process has taken the channel meanwhile: the caller's transaction must not commit.
    """
    source = "webhook" if fence is None else "stream"
    if "\0" in (batch.cursor or ""):
        raise ValueError("the connector's cursor holds a NUL character")
    digests = await _store_files(batch.events, files)
    is_first = fence is not None and now - channel.connected_at < incoming.FIRST_SYNC
    origin = Origin.of(channel, is_live=not (late or is_first or channel.state == ChannelState.CONNECTING))
    cleaned: list[Incoming] = []
    for event in batch.events:
        try:
            cleaned.append(incoming.read(event, origin, digests, now=now))
        except Exception as error:  # whatever a connector has put into an event: it must not cost its neighbours
            await _reject(session, channel, event, f"{type(error).__name__}: {error}", source=source, now=now)
    for rejected in batch.rejected:
        await rejects.keep(session, channel, source=source, raw=rejected.raw, reason=rejected.reason, now=now)
    taking = _Taking(session, await driver(session), channel, origin, source, now)
    mark = _Mark(origin, batch, cleaned, now, fence, move_cursor, works=fence is not None and not late, is_late=late)
    received = await _take(taking, cleaned, mark) if cleaned else Received()
    await _read_mark(taking, batch, mark)
    if batch.passed_over:
        await passed_over.count(session, channel, batch.passed_over, now=now)
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


@dataclass(slots=True)
class _Taking:
    """What stays the same while a batch is taken in, in one piece or in several."""

    session: AsyncSession
    connection: AsyncConnection[Row]
    channel: Channel
    origin: Origin
    source: str
    now: datetime


async def _take(taking: _Taking, batch: Sequence[Incoming], mark: "_Mark | None", *, tries: int = TRIES) -> Received:
    """Write the events as one set. `mark` leaves with the whole set."""
    connection = taking.connection
    within = connection.pgconn.transaction_status != TransactionStatus.IDLE
    last = None if mark is None else mark.leave
    try:
        written = await intake.write(connection, taking.origin, batch, now=taking.now, within=within, last=last)
    except (*OVERTAKEN, *UNSTORABLE) as error:
        await _roll_back(connection, within=within)
        if tries > 1 and isinstance(error, OVERTAKEN):
            return await _take(taking, batch, mark, tries=tries - 1)
        if isinstance(error, psycopg.errors.DeadlockDetected):  # no event's fault
            raise
        if mark is not None:
            mark.before = None  # it was rolled back too
        return await _take_apart(taking, batch, error)
    return await intake.finish(taking.session, connection, written)


async def _take_apart(taking: _Taking, batch: Sequence[Incoming], error: Exception) -> Received:
    """Some event of the set cannot be stored: try the halves, until it is alone and becomes a dead letter."""
    if len(batch) == 1:
        raw = (batch[0].raw or "").encode()
        await rejects.keep(taking.session, taking.channel, source=taking.source, raw=raw, reason=_reason(error), now=taking.now)
        return Received()
    middle = len(batch) // 2
    first = await _take(taking, batch[:middle], None)
    second = await _take(taking, batch[middle:], None)
    return Received(first.conversations | second.conversations, first.messages + second.messages, first.duplicates + second.duplicates)


def _reason(error: Exception) -> str:
    return (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)


async def _roll_back(connection: AsyncConnection[Row], *, within: bool) -> None:
    """Undo the set that failed, and only that; `within` a transaction that has done something else before.

    The driver believes statements prepared that the failed pipeline never reached. It forgets them all when it sees a ROLLBACK that it has
    not sent before in these words.
    """
    what = "ROLLBACK TO SAVEPOINT batch" if within else "ROLLBACK"
    await connection.execute(sql.SQL("{} -- {}").format(sql.SQL(what), sql.Literal(secrets.token_hex(8))))
    if within:
        await connection.execute("RELEASE SAVEPOINT batch")


class _Mark:
    """The place to go on from and the channel's health, told in the batch's transaction; last, since every batch of the channel does it."""

    def __init__(
        self,
        origin: Origin,
        batch: Batch,
        cleaned: Sequence[Incoming],
        now: datetime,
        fence: int | None,
        move_cursor: bool,
        *,
        works: bool,
        is_late: bool,
    ) -> None:
        newest = max(cleaned, key=lambda event: event.at, default=None)
        is_news = newest is not None and newest.at >= origin.connected_at and not is_late
        lag = max(0.0, (now - newest.at).total_seconds()) if newest is not None and is_news else None
        last = newest.at if newest else None
        self.works = works
        self.before: AsyncCursor[Row] | None = None  # once it is sent
        self._values = (
            move_cursor, batch.cursor, last, now, lag, now if batch.gap else None,
            works, works, works, works, last, origin.id, fence, fence,
        )  # fmt: skip

    def leave(self, send: Send) -> None:
        self.before = send(MARK, self._values)


async def _read_mark(taking: _Taking, batch: Batch, mark: _Mark) -> None:
    """Learn that the lease is still ours, and tell the log what has become of the channel."""
    if mark.before is None:  # the set was written in pieces, or not at all
        async with pipeline(taking.connection) as send:
            mark.leave(send)
    before = None if mark.before is None else await mark.before.fetchone()
    if before is None:
        raise LeaseLost(f"another process reads channel {taking.origin.id} now")
    state, last_event_at, is_heard = before
    if batch.gap:
        await gaps.found(taking.session, taking.channel, since=last_event_at, now=taking.now)
    if is_heard:
        _record(taking, "channel.heard")
    if state == ChannelState.CONNECTING:
        _record(taking, "channel.changed", fields=["state"])
    elif mark.works and state == ChannelState.FAILING:
        _record(taking, "channel.recovered")


async def _reject(session: AsyncSession, channel: Channel, event: Event, reason: str, *, source: str, now: datetime) -> None:
    raw = incoming.dumps(event.raw if event.raw is not None else repr(event)).encode()
    await rejects.keep(session, channel, source=source, raw=raw, reason=reason, now=now)


def _record(taking: _Taking, kind: str, **data: Any) -> None:
    origin = taking.origin
    actor = f"channel:{origin.id}"
    events.record(taking.session, kind, workspace_id=origin.workspace_id, at=taking.now, actor=actor, channel_id=origin.id, **data)
