"""The baseline of the way in is honest: it writes what we write."""

import random

import psycopg
from sqlalchemy import text

from bench import receive
from bench.figures import Context
from inbox.db import Database

# What a message leaves behind, without the ids: those are drawn in another order.
TABLES = {
    "inbound": "event_id, raw, received_at",
    "contact": "name, email, created_at",
    "identity": "external_id, name, is_self, is_staff, created_at",
    "thread": "external_id",
    "conversation": """kind, status, subject, created_at, last_message_at, snippet, author_name, last_author, message_count, waiting_since,
                       waiting_count""",
    "message": "external_id, thread_external_id, direction, delivery, author_name, body, quoted, at, received_at, expects_since",
    "wait": "metric, opened_at, received_at, message_count, closed_at",
    "episode": "ordinal, kind, began_at, received_at, resolved_at, replies_count, rests",
    "event": "at, kind",
}


async def test_the_baseline_of_the_way_in_writes_the_same_rows(database: Database, tmp_path):
    context = Context(database, tmp_path, full=False)
    mine, reference = await receive._channel(context), await receive._channel(context)
    generator = random.Random(7)
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        for size in (1, 40, 1, 3):
            batch = receive._batch(size, generator)
            await receive._receive(context, mine, batch)
            await receive._insert(connection, reference, batch)
    async with database.transaction() as session:
        for table, columns in TABLES.items():
            told = text(f"SELECT {columns} FROM {table} WHERE workspace_id = :workspace ORDER BY {columns}")
            ours, theirs = [
                [tuple(row) for row in await session.execute(told, {"workspace": channel.workspace_id})] for channel in (mine, reference)
            ]
            seldom = [row for row in ours if row[-1] == "channel.changed"]  # only ours knows that the channel works now
            assert [row for row in ours if row not in seldom] == theirs, table
