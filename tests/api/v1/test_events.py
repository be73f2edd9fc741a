"""The log through /api/v1."""

import asyncio
import time

from sqlalchemy import delete

from inbox import events
from inbox.db import Database
from inbox.models import LogEvent
from tests.api.v1.conftest import Program, World
from tests.make import MONDAY


async def record(database: Database, world: World, kind: str = "template.changed", **data) -> None:
    async with database.transaction() as session:
        events.record(session, kind, workspace_id=world.workspace.id, at=MONDAY, actor="system", **data)


async def test_a_reader_that_goes_on_from_the_last_id_sees_every_event_once(database: Database, world: World, agent: Program):
    for number in range(5):
        await record(database, world, template=number)
    seen, after = [], 0
    while True:
        answer = (await agent("GET", "/events", params={"after": after, "limit": 2})).json()
        if not answer["events"]:
            break
        seen += [event["data"]["template"] for event in answer["events"]]
        after = answer["last"]
    assert seen == [0, 1, 2, 3, 4]


async def test_events_that_a_token_may_not_see_move_it_on_all_the_same(database: Database, world: World, agent: Program):
    await record(database, world, "conversation.assigned", channel_id=world.restricted.id, conversation_id=world.hidden.id)
    answer = (await agent("GET", "/events")).json()
    assert answer["events"] == []
    assert answer["last"] > 0


async def test_a_member_sees_no_drafts_and_readings_of_others(database: Database, world: World, agent: Program):
    for member in (world.agent.id, world.agent.id + 1):
        of = {"channel_id": world.open.id, "conversation_id": world.seen.id}
        await record(database, world, "conversation.read", member=member, message=1, **of)
    found = (await agent("GET", "/events")).json()["events"]
    assert [event["data"]["member"] for event in found] == [world.agent.id]


async def test_a_long_poll_answers_when_something_happens(database: Database, world: World, agent: Program):
    asked = asyncio.create_task(agent("GET", "/events", params={"wait": 20}))
    await asyncio.sleep(0.2)
    assert not asked.done()
    await record(database, world, template=1)
    began = time.monotonic()
    answer = await asked
    assert [event["kind"] for event in answer.json()["events"]] == ["template.changed"]
    assert time.monotonic() - began < 15  # it did not wait to the end


async def test_long_polls_hold_no_connection_while_they_wait(database: Database, world: World, agent: Program):
    many = [asyncio.create_task(agent("GET", "/events", params={"wait": 3})) for _ in range(40)]  # more than the pool has
    await asyncio.sleep(1)
    assert (await agent("GET", "/conversations")).status_code == 200
    assert {answer.status_code for answer in await asyncio.gather(*many)} == {200}


async def test_a_reader_older_than_the_log_is_told_to_begin_anew(database: Database, world: World, agent: Program):
    for number in range(3):
        await record(database, world, template=number)
    async with database.transaction() as session:
        ids = sorted([event.id for event in await events.since(session, 0)])
        await session.execute(delete(LogEvent).where(LogEvent.id < ids[-1]))
    answer = await agent("GET", "/events", params={"after": ids[0]})
    assert (answer.status_code, answer.json()["code"]) == (410, "log_gone")
    assert (await agent("GET", "/events", params={"after": ids[1]})).status_code == 200  # it has seen all that is gone
    assert (await agent("GET", "/events", params={"after": ids[-1] + 5})).status_code == 410  # another log: a restored backup
