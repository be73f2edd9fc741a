"""No reader of the log skips an event, however its writers race."""

import asyncio
import random

import pytest
from sqlalchemy import text

from inbox import events
from inbox.db import Database, driver
from inbox.models import Workspace
from inbox.pipelines import pipeline
from tests.make import MONDAY, Make

WRITERS = 8
EVENTS = 40  # of each writer


@pytest.fixture
async def workspace(database: Database) -> Workspace:
    async with database.transaction() as session:
        return await Make(session).workspace()


async def test_racing_writers_and_readers_that_reconnect_skip_nothing_and_repeat_nothing(database: Database, workspace: Workspace):
    written, read = await _race(database, workspace)
    assert sorted(read) == sorted(written)
    assert len(set(read)) == len(read)


async def test_without_the_lock_of_the_log_readers_skip(database: Database, workspace: Workspace):
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE event DISABLE TRIGGER event_lock"))
    try:
        for _ in range(5):
            written, read = await _race(database, workspace)
            if len(read) < len(written):
                return
    finally:
        async with database.engine.begin() as connection:
            await connection.execute(text("ALTER TABLE event ENABLE TRIGGER event_lock"))
    pytest.fail("five races without the lock, and no reader skipped: the test proves nothing")


async def _race(database: Database, workspace: Workspace) -> tuple[list[int], list[int]]:
    """Numbers written by all the writers, and those that a reader saw who always went on after its last id."""
    async with database.transaction() as session:
        after = await events.last_id(session)
    done = asyncio.Event()
    reading = asyncio.create_task(_read(database, after, done))
    written = await asyncio.gather(*(_write(database, workspace, writer) for writer in range(WRITERS)))
    done.set()
    return [number for numbers in written for number in numbers], await reading


async def _write(database: Database, workspace: Workspace, writer: int) -> list[int]:
    """Each transaction first changes a row of its own, so that its transaction id is older than the ids it takes."""
    generator = random.Random(writer)
    numbers: list[int] = []
    for turn in range(EVENTS):
        number = writer * EVENTS + turn
        async with database.transaction() as session:
            await Make(session).workspace()
            await asyncio.sleep(generator.random() * 0.004)
            data = {"workspace_id": workspace.id, "at": MONDAY, "actor": "system", "fields": [number]}
            events.record(session, "workspace.changed", **data)
            if generator.random() < 0.5:
                async with pipeline(await driver(session)) as send:
                    events.write(session, send)  # as in a transaction that is slow to commit
                await asyncio.sleep(generator.random() * 0.004)
        numbers.append(number)
    return numbers


async def _read(database: Database, after: int, done: asyncio.Event) -> list[int]:
    """A new connection each time, in small pages."""
    seen: list[int] = []
    while True:
        last_look = done.is_set()
        async with database.transaction() as session:
            found = await events.since(session, after, limit=50)
        seen += [event.data["fields"][0] for event in found]
        after = max((event.id for event in found), default=after)
        if last_look and not found:
            return seen
        await asyncio.sleep(0.001)
