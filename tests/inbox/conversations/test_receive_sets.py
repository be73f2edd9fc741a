"""The way in where a set meets others: it is looked at again, undone as a whole, or written in pieces."""

import asyncio

import pytest
from sqlalchemy import text

from inbox.contract import Author, Batch
from inbox.conversations import receive
from inbox.db import Database
from inbox.models import Channel, Conversation, DeadLetter, Identity, Inbound, Message, Wait
from tests.inbox.conversations.test_receive import BERND, everything, said, take
from tests.make import MONDAY, Make

CARLA = Author(id="carla", name="Carla")


@pytest.fixture
async def channel(database: Database) -> Channel:
    async with database.transaction() as session:
        return await Make(session).channel(await Make(session).workspace())


async def test_somebody_whom_another_batch_has_met_meanwhile_is_one_person_and_nothing_is_lost(database: Database, channel: Channel):
    async def second() -> None:
        async with database.transaction() as session:
            await take(session, channel, said("elsewhere", thread_id="t2"))

    async with database.transaction() as session:
        await take(session, channel, said("here"))
        waiting = asyncio.create_task(second())
        await _until_it_waits(database)  # for what becomes of Anna, whom nobody else sees yet
    await waiting
    async with database.transaction() as session:
        assert [person.external_id for person in await everything(session, Identity)] == ["anna"]
        assert sorted(message.body for message in await everything(session, Message)) == ["elsewhere", "here"]
        assert len(await everything(session, Wait)) == 2
        assert not await everything(session, DeadLetter)


async def test_a_refused_event_in_a_transaction_of_its_own_costs_neither_its_neighbours_nor_the_cursor(
    database: Database, channel: Channel
):
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE message ADD CONSTRAINT refused CHECK (body <> 'refused')"))
    try:
        async with database.transaction() as session:
            batch = Batch([said("one"), said("refused", author=CARLA, thread_id="t3"), said("two", author=BERND)], cursor="7")
            received = await receive.receive(session, channel, batch, now=MONDAY, fence=0)
    finally:
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE message DROP CONSTRAINT refused"))
    assert len(received.messages) == 2
    async with database.transaction() as session:
        assert [message.body for message in await everything(session, Message)] == ["one", "two"]
        assert [person.name for person in await everything(session, Identity)] == ["Anna", "Bernd"]
        assert len(await everything(session, Conversation)) == len(await everything(session, DeadLetter)) == 1
        kinds = list(await session.scalars(text("SELECT kind FROM event ORDER BY id")))
        assert (kinds.count("message.received"), kinds.count("conversation.created"), kinds.count("dead_letter.kept")) == (2, 1, 1)
        assert (await session.get_one(Channel, channel.id)).cursor == "7"


async def test_a_cursor_that_cannot_be_stored_is_the_connectors_fault_and_no_events(database: Database, channel: Channel):
    with pytest.raises(ValueError, match="cursor"):
        async with database.transaction() as session:
            await receive.receive(session, channel, Batch([said()], cursor="a\0b"), now=MONDAY, fence=0)
    async with database.transaction() as session:
        assert not await everything(session, Inbound)
        assert not await everything(session, DeadLetter)


async def test_a_wait_grows_by_what_its_author_says_and_another_authors_begins(database: Database, channel: Channel):
    for batch in (
        [said("Hello")],
        [said("Are you there?", after=1), said("Please", after=2)],
        [said("Me too", author=BERND, after=3), said("?", after=4)],
    ):
        async with database.transaction() as session:
            await take(session, channel, *batch)
    async with database.transaction() as session:
        waits = await everything(session, Wait)
        assert [wait.message_count for wait in waits] == [4, 1]
        (conversation,) = await everything(session, Conversation)
        assert (conversation.waiting_count, conversation.waiting_since) == (2, MONDAY)
        kinds = list(await session.scalars(text("SELECT kind FROM event WHERE kind LIKE 'wait.%'")))
        assert kinds == ["wait.opened", "wait.opened"]


async def _until_it_waits(database: Database) -> None:
    async with asyncio.timeout(30):
        waits = None
        while not waits:
            async with database.transaction() as session:
                waits = await session.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
