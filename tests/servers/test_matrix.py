"""Matrix against a real Synapse."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.matrix import Matrix, ids
from inbox.contract import (
    Action,
    Attachment,
    AuthError,
    ConversationKind,
    CursorExpired,
    Event,
    EventKind,
    Permanent,
    Reply,
)
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message, Reaction
from tests.connectors.test_runner import Theatre
from tests.make import Make
from tests.servers.synapse import Person, Synapse

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _servers_on_this_machine():
    http.allow(["127.0.0.1"])
    yield
    http.allow(())


@pytest.fixture
def us(synapse: Synapse):
    person = synapse.person("support")
    yield person
    person.close()


@pytest.fixture
def anna(synapse: Synapse):
    person = synapse.person("anna")
    yield person
    person.close()


@pytest.fixture
def bernd(synapse: Synapse):
    person = synapse.person("bernd")
    yield person
    person.close()


def settings(synapse: Synapse, us: Person, **more: Any) -> dict[str, Any]:
    return {"homeserver": synapse.address, "access_token": us.token, "invites_from": ["localhost"], **more}


@asynccontextmanager
async def connected(synapse: Synapse, us: Person, **more: Any) -> AsyncIterator[Matrix]:
    matrix = Matrix(Matrix.Config.model_validate(settings(synapse, us, **more)))
    try:
        yield matrix
    finally:
        await matrix.aclose()


async def start(matrix: Matrix) -> str:
    """The cursor of now."""
    async with aclosing(matrix.stream(None)) as stream, asyncio.timeout(60):
        cursor = (await anext(stream)).cursor
    assert cursor
    return cursor


async def some(matrix: Matrix, cursor: str, wanted: Callable[[list[Event]], bool]) -> list[Event]:
    """What the stream brings after the cursor, until it is what is wanted."""
    found: list[Event] = []
    async with aclosing(matrix.stream(cursor)) as stream, asyncio.timeout(60):
        async for batch in stream:
            assert list(batch.rejected) == []
            found += batch.events
            if wanted(found):
                return found
    raise AssertionError("the stream ended")


def so_many(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= count


async def test_a_message_comes_in_and_its_answer_goes_out_under_it(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us, topic="Ask away")
    async with connected(synapse, us) as matrix:
        account = await matrix.check()
        assert (account.id, account.is_self) == (us.id, True)
        cursor = await start(matrix)
        question = anna.say(room, "Is it open?", **{"m.mentions": {"user_ids": [us.id]}})
        (event,) = await some(matrix, cursor, so_many(1))
        assert (event.message_id, event.thread_id, event.text) == (ids.join(room, question), "", "Is it open?")
        assert (event.conversation_kind, event.mentions) == (ConversationKind.COMMENTS, (us.id,))
        assert event.post is not None
        assert (event.post.id, event.post.title, event.post.text, event.post.is_room) == (room, "Help", "Ask away", True)
        assert event.author is not None
        assert (event.author.id, "admin" in event.author.roles) == (anna.id, True)
        reply = Reply("key-1", "", "Until eight.", parent_id=event.message_id, recipient=anna.id, post_id=room)
        receipt = await matrix.send(reply)
        echo = (await some(matrix, cursor, so_many(2)))[1]
    assert (echo.message_id, echo.client_key, echo.parent_id) == (receipt.message_id, "key-1", event.message_id)
    assert echo.author is not None
    assert echo.author.is_self
    told = anna.timeline(room)[-1]["content"]
    assert (told["body"], told["m.relates_to"]["m.in_reply_to"], told["m.mentions"]) == (
        "Until eight.",
        {"event_id": question},
        {"user_ids": [anna.id]},
    )


async def test_an_answer_sent_again_is_there_once_also_after_the_homeserver_restarts(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    question = ids.join(room, anna.say(room, "Is it open?"))
    files = (Attachment("plan.txt", "text/plain", b"first floor"), Attachment("map.png", "image/png", b"PNG"))
    reply = Reply("key:1/ü", "", "Here is the plan.", parent_id=question, attachments=files)
    async with connected(synapse, us) as matrix:
        first = await matrix.send(reply)
        again = await matrix.send(reply)
        synapse.stop()
        synapse.start()
        last = await matrix.send(reply)
        assert first.message_id == again.message_id == last.message_id
        timeline = anna.timeline(room)
        assert [event["content"]["body"] for event in timeline] == ["Is it open?", "Here is the plan.", "plan.txt", "map.png"]
        assert [event["content"]["msgtype"] for event in timeline[2:]] == ["m.file", "m.image"]
        assert await matrix.fetch_file(timeline[2]["content"]["url"]) == b"first floor"


async def test_edits_deletions_and_reactions_come_in_and_what_takes_them_back(synapse: Synapse, us: Person, anna: Person, bernd: Person):
    room = anna.room("Help", us, bernd)
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        question = anna.say(room, "Is it opn?")
        edit = anna.edit(room, question, "Is it open?")
        bernd.edit(room, question, "Mallory was here")
        heart, thumb = bernd.react(room, question, "❤️"), bernd.react(room, question, "👍")
        events = await some(matrix, cursor, so_many(4))
        about = ids.join(room, question)
        assert [(event.kind, event.message_id, event.text) for event in events] == [
            (EventKind.MESSAGE, about, "Is it opn?"),
            (EventKind.EDIT, about, "Is it open?"),
            (EventKind.REACTION, about, "❤️"),
            (EventKind.REACTION, about, "👍"),
        ]
        before = await cursor_after(matrix, cursor)
        bernd.redact(room, thumb)
        bernd.redact(room, heart)
        anna.redact(room, edit)
        anna.redact(room, question)
        events = await some(matrix, before, so_many(4))  # as after a restart: only the cursor knows what is taken back
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.REACTION, about, "❤️"),  # the other one stays
        (EventKind.REACTION, about, ""),
        (EventKind.EDIT, about, ""),  # it was deleted meanwhile
        (EventKind.DELETE, about, ""),
    ]
    assert [event.author.id for event in events if event.author] == [bernd.id, bernd.id, anna.id, anna.id]


async def cursor_after(matrix: Matrix, cursor: str) -> str:
    """The cursor after everything that there is after this one."""
    async with aclosing(matrix.stream(cursor)) as stream, asyncio.timeout(60):
        async for batch in stream:
            if batch.cursor is not None:
                return batch.cursor
    raise AssertionError("the stream ended")


async def test_an_edit_taken_back_brings_the_words_before_it_back(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        question = anna.say(room, "First")
        anna.edit(room, question, "Second")
        third = anna.edit(room, question, "Third")
        cursor = await cursor_after(matrix, cursor)
        anna.redact(room, third)
        (event,) = await some(matrix, cursor, so_many(1))
    assert (event.kind, event.message_id, event.text) == (EventKind.EDIT, ids.join(room, question), "Second")


async def test_a_thread_keeps_together_and_is_answered_in(synapse: Synapse, us: Person, anna: Person, bernd: Person):
    room = anna.room("Help", us, bernd)
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        root = anna.say(room, "Who has the key?")
        fallback = {"rel_type": "m.thread", "event_id": root, "is_falling_back": True, "m.in_reply_to": {"event_id": root}}
        first = bernd.say(room, "Not me", **{"m.relates_to": fallback})
        true = {"rel_type": "m.thread", "event_id": root, "is_falling_back": False, "m.in_reply_to": {"event_id": first}}
        anna.say(room, "Sure?", **{"m.relates_to": true})
        events = await some(matrix, cursor, so_many(3))
        thread = ids.join(room, root)
        assert [(event.thread_id, event.parent_id) for event in events] == [("", None), (thread, thread), (thread, ids.join(room, first))]
        await matrix.send(Reply("key-1", thread, "We have it.", parent_id=events[2].message_id, post_id=room))
        (echo,) = (await some(matrix, cursor, so_many(4)))[3:]
    assert (echo.thread_id, echo.parent_id) == (thread, events[2].message_id)


async def test_a_direct_chat_is_accepted_and_nothing_said_since_the_invitation_is_lost(synapse: Synapse, us: Person, anna: Person):
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        room = anna.chat(us)
        for number in range(60):  # more than one answer shows
            anna.say(room, f"Number {number}")
        events = await some(matrix, cursor, so_many(60))
        assert [event.text for event in events] == [f"Number {number}" for number in range(60)]
        assert {(event.thread_id, event.conversation_kind, event.post) for event in events} == {(room, ConversationKind.DIRECT, None)}
        assert {event.author.roles for event in events if event.author} == {()}  # who opens a chat is its admin
        receipt = await matrix.send(Reply("key-1", room, "Hello!", parent_id=events[-1].message_id))
        cursor = await cursor_after(matrix, cursor)
        anna.ask("POST", f"/rooms/{room}/receipt/m.read/{ids.split(receipt.message_id).event}")
        seen = (await some(matrix, cursor, lambda events: any(event.kind == EventKind.READ for event in events)))[-1]
    assert (seen.kind, seen.message_id, seen.author and seen.author.id) == (EventKind.READ, receipt.message_id, anna.id)


async def test_an_invitation_by_somebody_who_is_not_listed_is_left_to_people(synapse: Synapse, us: Person, anna: Person, bernd: Person):
    anna.chat(us)
    async with connected(synapse, us, invites_from=[bernd.id]) as matrix:
        cursor = await start(matrix)
        room = bernd.chat(us)
        bernd.say(room, "Hello")
        (event,) = await some(matrix, cursor, so_many(1))
    assert event.author is not None
    assert event.author.id == bernd.id
    assert us.ask("GET", "/joined_rooms")["joined_rooms"] == [room]


async def test_an_encrypted_room_shows_that_something_was_said_and_takes_no_open_answer(synapse: Synapse, us: Person, anna: Person):
    encryption = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = anna.room("Secret", us, initial_state=[encryption])
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        anna.put(room, "m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "s"})
        (event,) = await some(matrix, cursor, so_many(1))
        assert "cannot be read here" in event.text
        with pytest.raises(Permanent, match="encrypted"):
            await matrix.send(Reply("key-1", "", "Hello", parent_id=event.message_id, post_id=room))
    assert anna.timeline(room) == []


async def test_files_are_named_and_fetched_with_the_token(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        address = anna.upload("crack.png", b"PNG and so on", "image/png")
        info = {"size": 13, "mimetype": "image/png"}
        anna.say(room, "crack.png", msgtype="m.image", url=address, info=info)
        anna.say(room, "See the crack", msgtype="m.image", url=address, info=info, filename="crack.png")
        events = await some(matrix, cursor, so_many(2))
        assert [event.text for event in events] == ["", "See the crack"]
        assert [event.attachments for event in events] == [(Attachment("crack.png", "image/png", url=address, size=13),)] * 2
        assert await matrix.fetch_file(address) == b"PNG and so on"
        with pytest.raises(Permanent):
            await matrix.fetch_file("mxc://localhost/nothing")


async def test_250_messages_of_two_rooms_are_caught_up_in_order_none_lost_none_twice(synapse: Synapse, us: Person, anna: Person):
    rooms = [anna.room("One", us), anna.room("Two", us)]
    async with connected(synapse, us) as matrix:
        anna.say(rooms[0], "Before")
        cursor = await start(matrix)
        for number in range(250):
            anna.say(rooms[number % 2], f"Number {number}")
        events = await some(matrix, cursor, so_many(250))
        assert len({event.id for event in events}) == len(events) == 250
        for place, room in enumerate(rooms):
            texts = [event.text for event in events if event.post and event.post.id == room]
            assert texts == [f"Number {number}" for number in range(place, 250, 2)]
        again = await some(matrix, cursor, so_many(250))  # what was not acknowledged comes again
        assert [event.id for event in again] == [event.id for event in events]


async def test_a_first_synchronisation_brings_what_was_asked_for_and_an_unknown_place_is_said_to_be(
    synapse: Synapse, us: Person, anna: Person
):
    room = anna.room("Help", us)
    for number in range(30):
        anna.say(room, f"Number {number}")
    for history, expected in ((10, [f"Number {number}" for number in range(20, 30)]), (0, [])):
        async with connected(synapse, us, history=history) as matrix, aclosing(matrix.stream(None)) as stream:
            batch = await anext(stream)
            assert [event.text for event in batch.events] == expected
            assert batch.cursor
    async with connected(synapse, us) as matrix:
        with pytest.raises(CursorExpired):
            await anext(matrix.stream(json.dumps({"since": "what?"})))


async def test_actions_show_in_the_room_and_again_is_not_twice(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    question = ids.join(room, anna.say(room, "Is it open?"))
    async with connected(synapse, us) as matrix:
        cursor = await start(matrix)
        receipt = await matrix.send(Reply("key-1", "", "Until nine.", parent_id=question, post_id=room))
        for _ in range(2):
            await matrix.act(Action.LIKE, question)
            await matrix.act(Action.EDIT, receipt.message_id, "Until eight.")
            await matrix.act(Action.DELETE, receipt.message_id)
        events = await some(matrix, cursor, so_many(3))
        with pytest.raises(Permanent):
            await matrix.act(Action.DELETE, question)  # without the right to
    assert [(event.kind, event.text) for event in events if event.kind != EventKind.MESSAGE] == [
        (EventKind.REACTION, "👍"),
        (EventKind.EDIT, "Until eight."),
        (EventKind.DELETE, ""),
    ]


async def test_a_room_that_we_may_not_write_in_and_a_token_that_is_over_are_told_apart(synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help")
    async with connected(synapse, us) as matrix:
        with pytest.raises(Permanent):
            await matrix.send(Reply("key-1", "", "Hello", post_id=room))
        us.ask("POST", "/logout")
        with pytest.raises(AuthError):
            await matrix.send(Reply("key-1", "", "Hello", post_id=room))
        with pytest.raises(AuthError):
            await matrix.check()


class Office(Theatre):
    """An inbox that reads the account."""

    async def connect(self, synapse: Synapse, us: Person) -> Channel:
        config = self.house.vault.encrypt(json.dumps(settings(synapse, us)))
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace(undo_seconds=0)
            return await make.channel(workspace, platform="matrix", config=config, state=ChannelState.CONNECTING, account_id="")

    async def bodies(self) -> list[str]:
        shown = select(col(Message.body)).where(col(Message.direction) == Direction.IN).order_by(col(Message.at), col(Message.id))
        async with self.house.database.transaction() as session:
            return list(await session.scalars(shown))

    async def until_said(self, *said: str) -> None:
        async def reached() -> bool:
            return await self.bodies() == list(said)

        await self.until(reached)

    async def answer(self, body: str) -> None:
        async with self.house.database.transaction() as session:
            conversation = await session.scalar(select(Conversation))
            assert conversation is not None
            now = self.house.clock()
            await replies.queue(session, conversation, None, body=body, client_key=secrets.token_hex(4), now=now, send_at=now)


@pytest.fixture
def office(house: House) -> Office:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    return Office(house)


async def test_through_the_inbox_and_back(office: Office, synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    channel = await office.connect(synapse, us)
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        question = anna.say(room, "Is it opn?", **{"m.mentions": {"user_ids": [us.id]}})
        await office.until_said("Is it opn?")
        anna.edit(room, question, "Is it open?")
        anna.react(room, question, "🙏")
        await office.until_said("Is it open?")
        await office.answer("Until eight.")
        await office.until_delivery(Delivery.SENT)
        anna.say(room, "Thank you for that")
        await office.until_said("Is it open?", "Thank you for that")
        anna.redact(room, question)

        async def is_deleted() -> bool:
            gone = select(func.count()).select_from(Message).where(col(Message.deleted_at).is_not(None))
            return await office.ask(gone) == 1

        await office.until(is_deleted)
    assert [event["content"].get("body") for event in anna.timeline(room)] == [None, "* Is it open?", "Until eight.", "Thank you for that"]
    assert await office.ask(select(func.count()).select_from(Conversation)) == 1
    assert await office.ask(select(func.count()).select_from(Reaction)) == 1
    assert await office.ask(select(func.count()).select_from(Message)) == 3  # the echo is the reply
    assert await office.ask(select(func.count()).select_from(Message).where(col(Message.native))) == 0


async def test_what_happens_while_the_inbox_is_down_or_refuses_comes_once_and_in_order(
    office: Office, synapse: Synapse, us: Person, anna: Person
):
    room = anna.room("Help", us)
    channel = await office.connect(synapse, us)
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        anna.say(room, "Before")
        await office.until_said("Before")
    said = [f"Number {number}" for number in range(250)]
    for one in said:
        anna.say(room, one)
    await office.change(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57P03'; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        async with office.host():
            await asyncio.sleep(3)  # it tries, and each time the commit fails
            assert await office.bodies() == ["Before"]
            await office.change("DROP TRIGGER refuse ON message; DROP FUNCTION refuse")
            await office.until_said("Before", *said)
    finally:
        await office.change("DROP TRIGGER IF EXISTS refuse ON message; DROP FUNCTION IF EXISTS refuse")


async def test_a_homeserver_that_restarts_while_it_is_read_loses_nothing(office: Office, synapse: Synapse, us: Person, anna: Person):
    room = anna.room("Help", us)
    channel = await office.connect(synapse, us)
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        anna.say(room, "Before")
        await office.until_said("Before")
        synapse.stop()
        await office.until_state(channel, ChannelState.FAILING)
        synapse.start()
        anna.say(room, "After")
        await office.until_said("Before", "After")
        await office.until_state(channel, ChannelState.HEALTHY)


async def test_a_token_that_is_over_asks_for_a_person_and_with_a_new_one_nothing_is_missing(
    office: Office, synapse: Synapse, us: Person, anna: Person
):
    room = anna.room("Help", us)
    channel = await office.connect(synapse, us)
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        anna.say(room, "Before")
        await office.until_said("Before")
        fresh = us.another_session()
        us.ask("POST", "/logout")
        await office.until_state(channel, ChannelState.BROKEN)
        anna.say(room, "Meanwhile")
        us.token = fresh
        config = office.house.vault.encrypt(json.dumps(settings(synapse, us)))
        async with office.house.database.transaction() as session:
            await session.execute(update(Channel).values(config=config, state=ChannelState.CONNECTING))
        await office.until_said("Before", "Meanwhile")
