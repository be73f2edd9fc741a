"""The way in: messages a second, beside one hand-written statement of psycopg that writes the same rows and decides nothing.

The baseline inserts the same inbound keys, contacts, identities, threads, conversations, messages, waits, episodes and events, with the
same indexes, foreign keys and triggers, in one transaction for each batch. It neither cleans, nor looks for echoes, edits and orphans, nor
knows who expects an answer. Both send binary parameters on a warm connection; rounds of both alternate, and the median of the ratios
counts.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import count

import psycopg

from bench.figures import Context, Row, at_least
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Workspace

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THREADS = 2000
GOALS = {1: 0.4, 10: 0.4, 100: 0.7, 500: 0.7}
BATCHES = {1: 60, 10: 24, 100: 6, 500: 2}  # in one round
ROUNDS = 5
WRITERS = 8
WARMING = 4  # rounds, until each of the eight connections has prepared and planned its statements: ten times, and a round is three
WORDS = """where is my parcel it should have come on monday and nobody answers the phone could you please have a look thanks"""

STATEMENT = """
    WITH new AS MATERIALIZED (
        SELECT nextval('message_id_seq') AS id, event.*
          FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
               AS event (event_id, message_id, thread, author, name, body, at)),
    claimed AS (
        INSERT INTO inbound (workspace_id, channel_id, event_id, received_at)
        SELECT %s, %s, event_id, %s FROM new ORDER BY event_id ON CONFLICT DO NOTHING),
    people AS (
        INSERT INTO identity (workspace_id, channel_id, contact_id, external_id, name, created_at)
        SELECT %s, %s, nextval('contact_id_seq'), author, name, %s FROM (SELECT DISTINCT author, name FROM new ORDER BY author) AS authors
        ON CONFLICT (channel_id, external_id) DO UPDATE SET name = excluded.name
        RETURNING id, external_id, contact_id, name, xmax = 0 AS is_new),
    contacts AS (
        INSERT INTO contact (id, workspace_id, name, created_at) OVERRIDING SYSTEM VALUE
        SELECT contact_id, %s, name, %s FROM people WHERE is_new),
    threads AS (
        INSERT INTO thread (workspace_id, channel_id, external_id, conversation_id)
        SELECT %s, %s, thread, nextval('conversation_id_seq') FROM (SELECT DISTINCT thread FROM new ORDER BY thread) AS named
        ON CONFLICT (channel_id, external_id) DO UPDATE SET external_id = excluded.external_id
        RETURNING external_id, conversation_id, xmax = 0 AS is_new),
    totals AS (
        SELECT conversation_id, threads.is_new, min(people.contact_id) AS contact_id, min(people.id) AS identity_id, min(new.name) AS name,
               count(*) AS messages, min(new.id) AS first_id, max(new.id) AS last_id, min(at) AS first_at, max(at) AS last_at,
               (array_agg(body ORDER BY new.id DESC))[1] AS body
          FROM new JOIN threads ON threads.external_id = thread JOIN people ON people.external_id = author GROUP BY 1, 2),
    begun AS (
        INSERT INTO conversation (id, workspace_id, channel_id, kind, subject, contact_id, created_at, last_message_at, last_message_id,
                                  last_inbound_id, snippet, author_name, last_author, message_count, waiting_since, waiting_count)
               OVERRIDING SYSTEM VALUE
        SELECT conversation_id, %s, %s, 'direct', '', contact_id, %s, last_at, last_id, last_id, left(body, 140), name, name, messages,
               first_at, 1 FROM totals WHERE is_new),
    continued AS (
        UPDATE conversation
           SET last_message_at = last_at, last_message_id = last_id, last_inbound_id = last_id, snippet = left(body, 140),
               last_author = name, message_count = message_count + messages, waiting_since = coalesce(waiting_since, first_at),
               waiting_count = 1
          FROM totals WHERE NOT is_new AND conversation.id = conversation_id),
    messages AS (
        INSERT INTO message (id, workspace_id, channel_id, conversation_id, external_id, thread_external_id, direction, identity_id,
                             author_name, body, quoted, at, received_at, expects_since) OVERRIDING SYSTEM VALUE
        SELECT new.id, %s, %s, conversation_id, message_id, thread, 'in', people.id, new.name, body, '', at, %s, at
          FROM new JOIN threads ON threads.external_id = thread JOIN people ON people.external_id = author
        RETURNING id, conversation_id, identity_id),
    waits AS (
        INSERT INTO wait (workspace_id, channel_id, conversation_id, identity_id, metric, opened_at, opened_by, received_at, message_count)
        SELECT %s, %s, conversation_id, identity_id, 'first', first_at, first_id, %s, messages FROM totals ORDER BY conversation_id
        ON CONFLICT (conversation_id, identity_id) WHERE closed_at IS NULL
        DO UPDATE SET message_count = wait.message_count + excluded.message_count
        RETURNING id, conversation_id, identity_id, opened_at, xmax = 0 AS is_new),
    asked AS (
        INSERT INTO episode (workspace_id, channel_id, conversation_id, ordinal, kind, began_at, received_at)
        SELECT %s, %s, conversation_id, 1, 'direct', first_at, %s FROM totals WHERE is_new),
    here AS (UPDATE channel SET last_event_at = %s, last_success_at = %s, lag_seconds = 0 WHERE id = %s)
    INSERT INTO event (at, workspace_id, channel_id, kind, conversation_id, actor, data)
    SELECT %s, %s, %s, 'conversation.created', conversation_id, 'identity:' || identity_id, '{"kind": "direct"}' FROM totals WHERE is_new
    UNION ALL
    SELECT %s, %s, %s, 'message.received', conversation_id, 'identity:' || identity_id,
           jsonb_build_object('message', id, 'identity', identity_id) FROM messages
    UNION ALL
    SELECT %s, %s, %s, 'wait.opened', conversation_id, 'channel:1',
           jsonb_build_object('wait', id, 'identity', identity_id, 'opened_at', opened_at) FROM waits WHERE is_new
"""

STATEMENT = " ".join(STATEMENT.split()).replace(", ", ",")  # the driver remembers how to read only what has less than 4,096 characters

numbers = count(1)


async def rows(context: Context) -> list[Row]:
    found: list[Row] = []
    for size in GOALS:
        ours, theirs = await _compare(context, size)
        found.append(at_least(f"receive, batches of {size}", ours, "messages/s", theirs, GOALS[size]))
    found.append(await _parallel(context))
    return found


async def _compare(context: Context, size: int) -> tuple[float, float]:
    """Messages a second of ours and of the baseline, each into a channel of its own."""
    generator = random.Random(size)
    mine, reference = await _channel(context), await _channel(context)
    rates: list[tuple[float, float]] = []
    async with await psycopg.AsyncConnection.connect(context.database.url) as connection:
        for number in range(ROUNDS * (4 if context.full else 1) + 1):
            batches = [_batch(size, generator) for _ in range(BATCHES[size])]
            ours = await _rate(batches, lambda batch: _receive(context, mine, batch))
            theirs = await _rate(batches, lambda batch: _insert(connection, reference, batch))
            if number:  # the first round warms both up
                rates.append((ours, theirs))
    ratio = statistics.median(ours / theirs for ours, theirs in rates)
    theirs = statistics.median(theirs for _, theirs in rates)
    return ratio * theirs, theirs


async def _parallel(context: Context) -> Row:
    """Eight writers on the same conversations, beside one."""
    generator = random.Random(WRITERS)
    channel = await _channel(context)
    rates: list[tuple[float, float]] = []
    for number in range(ROUNDS + WARMING):
        work = [[_batch(100, generator) for _ in range(3)] for _ in range(WRITERS)]
        alone = await _rate([batch for batches in work for batch in batches], lambda batch: _receive(context, channel, batch))
        work = [[_batch(100, generator) for _ in range(3)] for _ in range(WRITERS)]
        began = time.perf_counter()
        await asyncio.gather(*(_one_by_one(batches, lambda batch: _receive(context, channel, batch)) for batches in work))
        together = sum(len(batch) for batches in work for batch in batches) / (time.perf_counter() - began)
        if number >= WARMING:
            rates.append((together, alone))
    ratio = statistics.median(together / alone for together, alone in rates)
    alone = statistics.median(alone for _, alone in rates)
    return at_least("receive, 8 writers on shared conversations ÷ 1 writer", ratio * alone, "messages/s", alone, 1)


async def _channel(context: Context) -> Channel:
    async with context.database.transaction() as session:
        workspace = Workspace(name="Bench", created_at=NOW)
        session.add(workspace)
        await session.flush()
        day = NOW.replace(month=1)
        key = f"bench{next(numbers)}"
        channel = Channel(
            workspace_id=workspace.id, platform="bench", name="Bench", key=key, account_id="us", connected_at=day, created_at=day
        )
        session.add(channel)
    return channel


def _batch(size: int, generator: random.Random) -> list[Event]:
    """Private messages of people who each have a thread of their own."""
    events: list[Event] = []
    for _ in range(size):
        number, person = next(numbers), generator.randrange(THREADS)
        author = Author(id=f"author{person}", name=f"Customer {person}")
        text = " ".join(generator.choices(WORDS.split(), k=12))
        events.append(
            Event(
                id=f"e{number}", kind=EventKind.MESSAGE, message_id=f"m{number}", thread_id=f"t{person}", at=NOW, author=author, text=text
            )
        )
    return events


async def _rate(batches: Sequence[list[Event]], write: Callable[[list[Event]], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await _one_by_one(batches, write)
    return sum(len(batch) for batch in batches) / (time.perf_counter() - began)


async def _one_by_one(batches: Sequence[list[Event]], write: Callable[[list[Event]], Awaitable[None]]) -> None:
    for batch in batches:
        await write(batch)


async def _receive(context: Context, channel: Channel, batch: list[Event]) -> None:
    async with context.database.transaction() as session:
        await receive.receive(session, channel, Batch(batch), now=NOW, move_cursor=False)


async def _insert(connection: psycopg.AsyncConnection, channel: Channel, batch: list[Event]) -> None:
    here = (channel.workspace_id, channel.id)
    columns = (
        [event.id for event in batch],
        [event.message_id for event in batch],
        [event.thread_id for event in batch],
        [event.author.id if event.author else "" for event in batch],
        [event.author.name if event.author else "" for event in batch],
        [event.text for event in batch],
        [event.at for event in batch],
    )
    log = (NOW, *here)
    await connection.execute(
        STATEMENT,
        (
            *columns,
            *here,
            NOW,
            *here,
            NOW,
            here[0],
            NOW,
            *here,
            *here,
            NOW,
            *here,
            NOW,
            *here,
            NOW,
            *here,
            NOW,
            NOW,
            NOW,
            here[1],
            *log,
            *log,
            *log,
        ),
    )
    await connection.commit()
