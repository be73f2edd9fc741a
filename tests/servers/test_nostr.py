"""Nostr against a real relay, which checks every signature itself."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing

import pytest

from connectors import http
from connectors.nostr import Nostr
from inbox.contract import Action, Event, EventKind, Reply, Transient
from tests.connectors.nostr.fake import Person
from tests.servers.nostrrelay import NostrRelay

pytestmark = pytest.mark.servers
LONG = 120


@pytest.fixture(autouse=True)
def _servers_on_this_machine() -> Iterator[None]:
    http.allow(["127.0.0.1"])
    yield
    http.allow(())


@pytest.fixture
def us() -> Person:
    return Person(secrets.token_hex(8))


@pytest.fixture
def anna() -> Person:
    return Person(secrets.token_hex(8))


def connected(relay: NostrRelay, us: Person, history: int = 40) -> Nostr:
    config = {"relay": relay.address, "private_key": us.secret.hex(), "history": history}
    return Nostr(Nostr.Config.model_validate(config))


async def start(nostr: Nostr) -> str:
    """The cursor of now."""
    async with aclosing(nostr.stream(None)) as stream, asyncio.timeout(LONG):
        async for batch in stream:
            if not batch.events and batch.cursor:
                return batch.cursor
    raise AssertionError("the stream ended")


async def some(nostr: Nostr, cursor: str | None, wanted: Callable[[list[Event]], bool]) -> list[Event]:
    found: list[Event] = []
    async with aclosing(nostr.stream(cursor)) as stream, asyncio.timeout(LONG):
        async for batch in stream:
            assert list(batch.rejected) == []
            assert "an event that its author did not sign" not in batch.passed_over
            found += batch.events
            if wanted(found):
                return found
    raise AssertionError("the stream ended")


async def test_an_answer_comes_in_and_ours_goes_out_under_it_once(nostr_relay: NostrRelay, us: Person, anna: Person):
    now = int(time.time())
    post = nostr_relay.hand_in(us.note("We are open", at=now - 5))
    nostr_relay.hand_in(anna.profile())
    nostr = connected(nostr_relay, us)
    cursor = await start(nostr)
    question = nostr_relay.hand_in(anna.note("When? 👩‍👩‍👧 „Zażółć“\n\t\\ \u2028 </b>", answering=post, at=now))
    (event,) = await some(nostr, cursor, lambda events: len(events) >= 1)
    assert (event.message_id, event.text, event.parent_id) == (question["id"], question["content"], post["id"])
    assert event.post is not None
    assert event.author is not None
    assert (event.post.text, event.author.name) == ("We are open", anna.name.title())
    reply = Reply("key-1", event.thread_id, "At nine. 👍", parent_id=event.message_id)
    receipts = [await nostr.send(reply) for _ in range(2)]
    assert receipts[0].message_id == receipts[1].message_id
    found = await nostr.find_sent(reply)
    assert found is not None
    assert found.message_id == receipts[0].message_id
    events = await some(nostr, cursor, lambda events: len(events) >= 2)
    assert [event.text for event in events] == [question["content"], "At nine. 👍"]


async def test_what_is_said_liked_and_deleted_live_comes_at_once(nostr_relay: NostrRelay, us: Person, anna: Person):
    nostr = connected(nostr_relay, us)
    events: list[Event] = []
    now = int(time.time())
    async with aclosing(nostr.stream(None)) as stream, asyncio.timeout(LONG):

        async def until(count: int) -> None:
            while len(events) < count:
                events.extend((await anext(stream)).events)

        await anext(stream)
        question = anna.note("When?", naming=us, at=now)
        handing = asyncio.get_running_loop().run_in_executor
        await handing(None, nostr_relay.hand_in, question)
        await until(1)
        receipt = await nostr.send(Reply("key-1", question["id"], "At nine.", parent_id=question["id"]))
        await until(2)
        like = anna.react({"id": receipt.message_id, "pubkey": us.key}, at=now + 1)
        await handing(None, nostr_relay.hand_in, like)
        await until(3)
        await handing(None, nostr_relay.hand_in, anna.delete(question, at=now + 2))
        await until(4)
    assert [event.kind for event in events] == [EventKind.MESSAGE, EventKind.MESSAGE, EventKind.REACTION, EventKind.DELETE]
    await nostr.act(Action.DELETE, receipt.message_id)


async def test_250_notes_of_a_downtime_and_a_restart_are_caught_up_in_order_none_lost_none_twice(
    nostr_relay: NostrRelay, us: Person, anna: Person
):
    nostr = connected(nostr_relay, us)
    cursor = await start(nostr)
    began = int(time.time()) - 300
    nostr_relay.hand_in(*(anna.note(f"Number {number}", naming=us, at=began + number) for number in range(250)))
    async with aclosing(nostr.stream(cursor)) as stream:
        await anext(stream)  # crashes before its commit, and the relay restarts
        nostr_relay.stop()
        with pytest.raises(Transient):
            async for _ in stream:
                pass
    with pytest.raises(Transient):
        await anext(nostr.stream(cursor))
    nostr_relay.start()
    events = await some(nostr, cursor, lambda events: len(events) >= 250)
    assert [event.text for event in events] == [f"Number {number}" for number in range(250)]
    assert len({event.id for event in events}) == 250
