"""The way in where several batches of one channel come at the same time."""

import asyncio
import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive, summaries
from inbox.db import Database
from inbox.models import Channel, Conversation, DeadLetter, DeferredChange, Message
from inbox.promptness import waits
from tests.inbox.conversations.test_receive import BERND, everything, said, take
from tests.make import MONDAY, Make

AUTHORS = [*(Author(id=f"a{number}", name=f"A{number}") for number in range(5)), Author(id="us", name="Us", is_self=True)]
MESSAGES = 60
ROWS = """SELECT id, contact_id, last_message_at, last_message_id, last_inbound_id, snippet, author_name, last_author, message_count,
                 waiting_since, waiting_count FROM conversation ORDER BY id"""
WAITS = "SELECT conversation_id, identity_id, opened_at, closed_at, outcome FROM wait ORDER BY conversation_id, identity_id, opened_at"


@pytest.fixture
async def channel(database: Database) -> Channel:
    async with database.transaction() as session:
        return await Make(session).channel(await Make(session).workspace())


async def test_an_answer_that_comes_at_the_same_time_as_its_question_is_tied_to_it(database: Database, channel: Channel):
    async def question() -> None:
        async with database.transaction() as session:
            await take(session, channel, said("Is it vegan?", number="question", thread_id="t2"))

    async with database.transaction() as session:
        await take(session, channel, said("I ask that too", number="answer", author=BERND, after=5, parent_id="question"))
        asking = asyncio.create_task(question())
        await asyncio.wait([asking], timeout=0.5)  # it waits; where it did not, it would be over by now
    await asking
    async with database.transaction() as session:
        answer, asked = await everything(session, Message)
        assert (answer.external_id, answer.parent_id) == ("answer", asked.id)


async def test_a_batch_that_stood_in_the_way_of_another_is_tried_again(database: Database, channel: Channel):
    async with database.transaction() as session:
        await take(session, channel, said("I ask that too", number="answer", author=BERND, parent_id="question"))
        await take(session, channel, said("Hello", number="m1", thread_id="t2"))
        answer, hello = await everything(session, Conversation)

    async def question() -> None:
        async with database.transaction() as session:  # of its own, so that everything it holds is let go before the second try
            batch = Batch([said("Is it vegan?", number="question", thread_id="t2", after=9)])
            await receive.receive(session, channel, batch, now=MONDAY + timedelta(seconds=60))

    hold = text("SELECT id FROM conversation WHERE id = :id FOR UPDATE")
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL deadlock_timeout = '1min'"))  # so that the batch is the one that has to go
        await session.execute(hold, {"id": answer.id})
        asking = asyncio.create_task(question())
        async with asyncio.timeout(30):
            waits = 0
            while not waits:
                async with database.transaction() as other:
                    waits = await other.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        await session.execute(hold, {"id": hello.id})
    await asking
    async with database.transaction() as session:
        assert {message.external_id: message.parent_id for message in await everything(session, Message)}["answer"] is not None
        assert not await everything(session, DeadLetter)


@pytest.mark.parametrize("seed", range(4))
async def test_what_comes_in_any_order_from_six_writers_is_there_once_and_adds_up(database: Database, channel: Channel, seed: int):
    batches = list(_batches(random.Random(seed)))
    now = MONDAY + timedelta(seconds=600)

    async def write() -> None:
        while batches:
            batch = Batch(batches.pop())
            async with database.transaction() as session:
                await receive.receive(session, channel, batch, now=now)

    await asyncio.gather(*(write() for _ in range(6)))
    async with database.transaction() as session:
        messages = {message.external_id: message for message in await everything(session, Message)}
        assert messages.keys() == {f"m{number}" for number in range(MESSAGES)}
        assert [one for one in messages.values() if one.parent_external_id and one.parent_id != messages[one.parent_external_id].id] == []
        assert [*await everything(session, DeadLetter), *await everything(session, DeferredChange)] == []
        rows, waiting = (await session.execute(text(ROWS))).all(), (await session.execute(text(WAITS))).all()
        kinds = list(await session.scalars(text("SELECT kind FROM event")))
        assert (kinds.count("message.received"), kinds.count("conversation.created")) == (MESSAGES, len(rows))
        await summaries.refresh(session, [row[0] for row in rows])
        await waits.rebuild(session, channel.workspace_id, now=now)
        assert (rows, waiting) == ((await session.execute(text(ROWS))).all(), (await session.execute(text(WAITS))).all())


def _batches(chance: random.Random) -> list[list[Event]]:
    """Messages that answer each other across few threads, what happens to them, and some of all that twice; in no order at all."""
    happened = [_message(chance, number) for number in range(MESSAGES)]
    happened += [_change(chance, number, chance.choice(happened[:MESSAGES])) for number in range(MESSAGES // 2)]
    happened += chance.sample(happened, MESSAGES // 3)
    chance.shuffle(happened)
    batches: list[list[Event]] = []
    while happened:
        size = chance.choice([1, 1, 2, 5, 20])
        batches.append(happened[:size])
        happened = happened[size:]
    return batches


def _message(chance: random.Random, number: int) -> Event:
    answered = chance.randrange(MESSAGES)
    parent = f"m{answered}" if answered != number and chance.random() < 0.4 else None
    where = {"thread_id": f"t{chance.randrange(8)}", "parent_id": parent}
    return said(f"Text {number}", number=f"m{number}", author=chance.choice(AUTHORS), after=chance.randrange(300), **where)


def _change(chance: random.Random, number: int, of: Event) -> Event:
    kind, words = chance.choice([(EventKind.EDIT, "Changed"), (EventKind.DELETE, ""), (EventKind.MODERATION, "hide"), (EventKind.READ, "")])
    when = MONDAY + timedelta(seconds=300 + number)
    return Event(
        id=f"c{number}", kind=kind, message_id=of.message_id, thread_id=of.thread_id, at=when, author=chance.choice(AUTHORS), text=words
    )
