"""The log."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import db, embedded, events
from inbox.db import Database
from tests.make import MONDAY, Make


async def test_what_is_recorded_is_in_the_log_after_the_commit(database: Database):
    async with database.transaction() as session:
        workspace = await Make(session).workspace()
        events.record(session, "workspace.changed", workspace_id=workspace.id, at=MONDAY, actor="system", fields=["name"])
    async with database.transaction() as session:
        (event,) = await events.since(session, 0)
    assert (event.kind, event.data, event.at) == ("workspace.changed", {"fields": ["name"]}, MONDAY)


async def test_what_is_rolled_back_is_not_in_the_log(database: Database):
    async with database.transaction() as session:
        workspace = await Make(session).workspace()

    async def fail_after_recording() -> None:
        async with database.transaction() as session:
            events.record(session, "workspace.changed", workspace_id=workspace.id, at=MONDAY, actor="system")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_recording()
    async with database.transaction() as session:
        assert not await events.since(session, 0)


async def test_an_event_of_an_unknown_kind_is_refused(session: AsyncSession):
    with pytest.raises(KeyError, match="describe it"):
        events.record(session, "cat.fed", workspace_id=1, at=MONDAY, actor="system")


async def test_a_wake_up_that_is_on_its_way_leaves_before_the_connections_go(server: embedded.Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(db, "WAKE_SECONDS", 0)
    database, others = Database(server.url, pool_size=1), asyncio.all_tasks()
    async with database.engine.connect(), database.engine.connect():  # all that there are
        database.wake()
        for _ in range(5):
            await asyncio.sleep(0)  # it has begun, and waits for a connection
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
    await closing
    assert asyncio.all_tasks() <= others
