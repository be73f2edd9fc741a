"""The log."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
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
