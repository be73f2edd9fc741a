"""An account on Debian's own prosody; whoever it talks with has slixmpp, a client that is not ours."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import pytest

from connectors import http
from connectors.xmpp import Xmpp, ids, wire
from inbox.contract import (
    Action,
    Ambiguous,
    Attachment,
    AuthError,
    Batch,
    ConversationKind,
    Event,
    EventKind,
    Permanent,
    Reply,
    Transient,
)
from tests.servers.prosody import PASSWORD, ROOMS, Prosody
from tests.servers.wire import faulty
from tests.servers.xmpp_client import Person

pytestmark = pytest.mark.servers

UNICODE = "👩‍👩‍👧 مرحبا e\u0301 <b>&amp; Zażółć 𝔘𝔫𝔦 \"'\n\ttwo"
NO_STORE = '<no-store xmlns="urn:xmpp:hints"/>'
STORE = '<store xmlns="urn:xmpp:hints"/>'


@pytest.fixture(autouse=True)
def _servers_on_this_machine(prosody: Prosody, monkeypatch: pytest.MonkeyPatch):
    http.allow(["127.0.0.1"])
    monkeypatch.setattr(wire, "trusted", lambda: prosody.trust)
    yield
    http.allow(())


@pytest.fixture
def us(prosody: Prosody) -> str:
    return prosody.account("support")


@pytest.fixture
async def anna(prosody: Prosody, room: str) -> AsyncIterator[Person]:
    """Somebody who is in the room already."""
    async with prosody.person(prosody.account("anna"), room) as person:
        yield person


@pytest.fixture
def room() -> str:
    return f"bread-{secrets.token_hex(3)}@{ROOMS}"


def settings(prosody: Prosody, us: str, **more: Any) -> dict[str, Any]:
    return {"address": us, "password": PASSWORD, "host": "127.0.0.1", "port": prosody.port, "nick": "shop", **more}


@asynccontextmanager
async def connected(prosody: Prosody, us: str, **more: Any) -> AsyncIterator[Xmpp]:
    xmpp = Xmpp(Xmpp.Config.model_validate(settings(prosody, us, **more)))
    try:
        yield xmpp
    finally:
        await xmpp.aclose()


class Ear:
    """A stream, read as far as somebody wants to hear."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.cursor, self.gaps = stream, None, 0
        self.shown: list[Event] = []  # the history
        self.passed: dict[str, int] = {}

    async def hears(self, count: int) -> list[Event]:
        found: list[Event] = []
        async with asyncio.timeout(60):
            while len(found) < count:
                batch: Batch = await anext(self.stream)
                assert list(batch.rejected) == []
                found += batch.events
                self.cursor = batch.cursor
                self.gaps += batch.gap
                for why, times in batch.passed_over.items():
                    self.passed[why] = self.passed.get(why, 0) + times
        return found


@asynccontextmanager
async def reading(xmpp: Xmpp, cursor: str | None = None, archives: int = 2) -> AsyncIterator[Ear]:
    """A stream that has caught up: it has told of each archive."""
    async with aclosing(xmpp.stream(cursor)) as stream:  # type: ignore[type-var]
        ear = Ear(stream)
        async with asyncio.timeout(60):
            while cursor is None and len(json.loads(ear.cursor or "{}").get("archives", {})) < archives:
                batch: Batch = await anext(stream)
                ear.cursor = batch.cursor
                ear.shown += batch.events
        yield ear


async def test_a_chat_and_a_room_are_heard_and_answered(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp:
        account = await xmpp.check()
        assert (account.id, account.is_self) == (us, True)
        async with reading(xmpp) as ear:
            said = anna.say(us, UNICODE)
            (direct,) = await ear.hears(1)
            assert (direct.message_id, direct.thread_id, direct.text) == (ids.join(ids.IN, said, anna.address), anna.address, UNICODE)
            assert (direct.conversation_kind, direct.post, direct.private) == (ConversationKind.DIRECT, None, True)
            anna.say(room, "shop: are you open?", room=True)
            (asked,) = await ear.hears(1)
            assert (asked.text, asked.thread_id, asked.mentions) == ("shop: are you open?", "", (us,))
            assert asked.post is not None
            assert (asked.post.id, asked.post.is_room, asked.post.url) == (room, True, f"xmpp:{room}?join")
            assert asked.author is not None
            assert (asked.author.name, asked.author.is_self, "owner" in asked.author.roles) == (anna.nick, False, True)
            receipt = await xmpp.send(Reply("key-1-of-ours", direct.thread_id, UNICODE, parent_id=direct.message_id))
            told = await anna.hears("key-1-of-ours")
            assert (told.findtext("{jabber:client}body"), told.get("from", "").partition("/")[0]) == (UNICODE, us)
            reply = told.find("{urn:xmpp:reply:0}reply")
            assert reply is not None
            assert (reply.get("id"), reply.get("to")) == (said, anna.address)
            assert receipt.message_id == ids.join(ids.OUT, "key-1-of-ours", anna.address)
            recipient = asked.author.id
            receipt = await xmpp.send(Reply("key-2-of-ours", "", "Yes", parent_id=asked.message_id, recipient=recipient, post_id=room))
            told = await anna.hears("key-2-of-ours")
            assert told.findtext("{jabber:client}body") == f"{anna.nick}: Yes"
            echoes = await ear.hears(1)
            if echoes[0].thread_id:  # the answer to Anna, which the archive has too
                echoes = await ear.hears(1)
            assert (echoes[0].message_id, echoes[0].client_key, echoes[0].text) == (receipt.message_id, "key-2-of-ours", "Yes")
            assert echoes[0].parent_id == asked.message_id
            assert echoes[0].author is not None
            assert echoes[0].author.is_self


async def test_edits_retractions_reactions_and_answers_come_in_and_only_from_their_writers(
    prosody: Prosody, us: str, anna: Person, room: str
):
    async with (
        prosody.person(prosody.account("bernd"), room) as bernd,
        connected(prosody, us, rooms=room) as xmpp,
        reading(xmpp) as ear,
    ):
        said = anna.say(room, "Is it opn?", room=True)
        (asked,) = await ear.hears(1)
        entry = ids.split(asked.message_id).id
        anna.say(room, "Is it open?", f'<replace xmlns="urn:xmpp:message-correct:0" id="{said}"/>', room=True)
        bernd.say(room, "Mallory was here", f'<replace xmlns="urn:xmpp:message-correct:0" id="{said}"/>', room=True)
        bernd.say(room, "", f'<retract xmlns="urn:xmpp:message-retract:1" id="{entry}"/>', STORE, room=True)
        reaction = f'<reactions xmlns="urn:xmpp:reactions:0" id="{entry}"><reaction>🙏</reaction></reactions>'
        bernd.say(room, "", reaction, STORE, room=True)
        bernd.say(room, "I think so", f'<reply xmlns="urn:xmpp:reply:0" id="{entry}" to="{room}/{anna.nick}"/>', room=True)
        await bernd.settled()
        anna.say(room, "", f'<retract xmlns="urn:xmpp:message-retract:1" id="{entry}"/>', STORE, room=True)
        events = await ear.hears(4)
        assert {(event.kind, event.message_id, event.text) for event in events if event.kind != EventKind.MESSAGE} == {
            (EventKind.EDIT, asked.message_id, "Is it open?"),
            (EventKind.REACTION, asked.message_id, "🙏"),
            (EventKind.DELETE, asked.message_id, ""),
        }
        (answer,) = [event for event in events if event.kind == EventKind.MESSAGE]
        assert (answer.text, answer.parent_id) == ("I think so", asked.message_id)
        assert ear.passed["about a message that is not found, or somebody else's"] == 2


async def test_in_a_chat_too_and_what_has_arrived_and_was_read(prosody: Prosody, us: str, anna: Person):
    async with connected(prosody, us) as xmpp, reading(xmpp, archives=1) as ear:
        said = anna.say(us, "Is it opn?")
        (asked,) = await ear.hears(1)
        anna.say(us, "Is it open?", f'<replace xmlns="urn:xmpp:message-correct:0" id="{said}"/>')
        events = await ear.hears(1)  # what two connections say at once comes in either order
        receipt = await xmpp.send(Reply("key-1-of-ours", anna.address, "Until eight."))
        ours = (await anna.hears("Until eight.")).get("id")
        anna.say(us, "", f'<reactions xmlns="urn:xmpp:reactions:0" id="{ours}"><reaction>👍</reaction></reactions>', STORE)
        anna.say(us, "", f'<received xmlns="urn:xmpp:receipts" id="{ours}"/>')
        anna.say(us, "", f'<displayed xmlns="urn:xmpp:chat-markers:0" id="{ours}"/>')
        anna.say(us, "", f'<retract xmlns="urn:xmpp:message-retract:1" id="{said}"/>', STORE)
        events += await ear.hears(5)
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.EDIT, asked.message_id, "Is it open?"),
        (EventKind.MESSAGE, receipt.message_id, "Until eight."),
        (EventKind.REACTION, receipt.message_id, "👍"),
        (EventKind.DELIVERY, receipt.message_id, "delivered"),
        (EventKind.READ, receipt.message_id, ""),
        (EventKind.DELETE, asked.message_id, ""),
    ]
    assert events[1].client_key == "key-1-of-ours"


async def test_a_correction_finds_its_message_in_the_archive_after_a_restart(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp:
        async with reading(xmpp) as ear:
            said = anna.say(room, "Is it opn?", room=True)
            (asked,) = await ear.hears(1)
        for number in range(80):
            anna.say(room, f"Something else {number}", room=True)
        anna.say(room, "Is it open?", f'<replace xmlns="urn:xmpp:message-correct:0" id="{said}"/>', room=True)
        await anna.settled()
        async with reading(xmpp, ear.cursor) as ear:
            events = await ear.hears(81)
    assert (events[-1].kind, events[-1].message_id, events[-1].text) == (EventKind.EDIT, asked.message_id, "Is it open?")


async def test_250_messages_of_a_downtime_come_in_order_none_lost_and_none_twice(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        anna.say(us, "Before")
        await ear.hears(1)
    for number in range(250):
        anna.say(us, f"Direct {number}")
        anna.say(room, f"Room {number}", room=True)
    await anna.settled()
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp, ear.cursor) as ear:
        anna.say(us, "Live")
        events = await ear.hears(501)
    direct, said = ([event.text for event in events if bool(event.thread_id) is is_direct] for is_direct in (True, False))
    assert direct == [*(f"Direct {number}" for number in range(250)), "Live"]
    assert said == [f"Room {number}" for number in range(250)]
    assert (len({event.id for event in events}), ear.gaps) == (501, 0)


async def test_what_is_said_while_it_catches_up_comes_once(prosody: Prosody, us: str, anna: Person):
    async with connected(prosody, us) as xmpp, reading(xmpp, archives=1) as ear:
        anna.say(us, "Before")
        await ear.hears(1)
    for number in range(120):
        anna.say(us, f"Number {number}")
    await anna.settled()
    async with connected(prosody, us) as xmpp, reading(xmpp, ear.cursor) as ear:
        for number in range(120, 240):
            anna.say(us, f"Number {number}")
        events = await ear.hears(240)
    assert [event.text for event in events] == [f"Number {number}" for number in range(240)]


async def test_the_first_time_the_newest_of_each_archive_are_shown(prosody: Prosody, us: str, anna: Person, room: str):
    for number in range(80):
        anna.say(us, f"Number {number}")
    anna.say(room, "In the room", room=True)
    await anna.settled()
    everything = [*(f"Number {number}" for number in range(80)), "In the room"]
    for history, expected in ((70, everything[10:]), (0, [])):  # of the account; the room has one
        async with connected(prosody, us, rooms=room, history=history) as xmpp, reading(xmpp) as ear:
            assert [event.text for event in ear.shown] == expected
            anna.say(us, f"After {history}")
            assert [event.text for event in await ear.hears(1)] == [f"After {history}"]


async def test_a_place_that_the_archive_has_forgotten_leaves_a_gap_and_goes_on_from_its_time(prosody: Prosody, us: str, anna: Person):
    async with connected(prosody, us) as xmpp:
        async with reading(xmpp, archives=1) as ear:
            anna.say(us, "Before")
            await ear.hears(1)
        anna.say(us, "After")
        await anna.settled()
        told = json.loads(ear.cursor or "")
        told["archives"][""][0] = "gone-long-ago"
        async with reading(xmpp, json.dumps(told)) as ear:
            events = await ear.hears(1)
            while events[-1].text != "After":
                events += await ear.hears(1)
    assert ear.gaps == 1


async def test_what_another_client_of_ours_says_and_what_nobody_keeps_is_told_too(prosody: Prosody, us: str, anna: Person, room: str):
    async with prosody.person(us, room) as colleague, connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        native = colleague.say(anna.address, "We are open")
        (event,) = await ear.hears(1)
        assert (event.message_id, event.thread_id) == (ids.join(ids.OUT, native, anna.address), anna.address)
        assert event.author is not None
        assert (event.author.is_self, event.author.id) == (True, us)
        colleague.say(room, "And here", room=True)
        (event,) = await ear.hears(1)
        assert event.author is not None
        assert (event.text, event.author.is_self, event.author.id) == ("And here", True, us)
        anna.say(us, "Off the record", NO_STORE)
        (event,) = await ear.hears(1)
        assert event.text == "Off the record"
        anna.say(us, "", '<composing xmlns="http://jabber.org/protocol/chatstates"/>')
        anna.say(us, "On the record")
        (event,) = await ear.hears(1)
        assert event.text == "On the record"
        anna.say(us, "And on")
        await ear.hears(1)
    assert ear.passed == {"somebody is typing": 1}


async def test_what_is_encrypted_says_so(prosody: Prosody, us: str, anna: Person):
    async with connected(prosody, us) as xmpp, reading(xmpp, archives=1) as ear:
        encrypted = '<encrypted xmlns="eu.siacs.conversations.axolotl"><header sid="1"/><payload>c2VjcmV0</payload></encrypted>'
        anna.say(us, "I sent you an OMEMO encrypted message", encrypted, STORE)
        (event,) = await ear.hears(1)
    assert event.text == "This message is encrypted: it cannot be read here."


async def test_files_go_out_as_links_and_come_in_as_files(prosody: Prosody, us: str, anna: Person):
    files = (Attachment("plan of ours.txt", "text/plain", b"first floor"), Attachment("map.png", "image/png", b"PNG"))
    async with connected(prosody, us) as xmpp, reading(xmpp, archives=1) as ear:
        await xmpp.send(Reply("key-1-of-ours", anna.address, "Here is the plan.", attachments=files))
        await anna.hears("Here is the plan.")
        link = (await anna.hears("plan%20of%20ours.txt")).findtext("{jabber:x:oob}x/{jabber:x:oob}url") or ""
        store = http.Client("The store")
        assert (await store.fetch("GET", link)).content == b"first floor"
        await store.aclose()
        await anna.hears("map.png")
        anna.say(us, link, f'<x xmlns="jabber:x:oob"><url>{link}</url></x>')
        echo, event = await ear.hears(2)
        assert (echo.text, ear.passed["a file of our own reply"]) == ("Here is the plan.", 2)
        (file,) = event.attachments
        assert (event.text, file.name, file.media_type, file.url) == ("", "plan of ours.txt", "text/plain", link)


async def test_ours_can_be_changed_and_taken_back_and_theirs_liked(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        anna.say(room, "When?", room=True)
        anna.say(us, "When?")
        asked = await ear.hears(2)
        for number, event in enumerate(sorted(asked, key=lambda event: event.thread_id)):
            where = {"post_id": room} if not event.thread_id else {}
            receipt = await xmpp.send(Reply(f"key-{number}-of-ours", event.thread_id, "At nin.", parent_id=event.message_id, **where))
            await anna.hears("At nin.")
            for _ in range(2):  # twice is the same as once
                await xmpp.act(Action.EDIT, receipt.message_id, "At nine.")
                told = (await anna.hears("At nine.")).find("{urn:xmpp:message-correct:0}replace")
                assert told is not None
                assert told.get("id") == f"key-{number}-of-ours"
            await xmpp.act(Action.LIKE, event.message_id)
            liked = (await anna.hears("👍")).find("{urn:xmpp:reactions:0}reactions")
            assert liked is not None
            assert liked.get("id") == ids.split(event.message_id).id
            await xmpp.act(Action.DELETE, receipt.message_id)
            gone = (await anna.hears("urn:xmpp:message-retract:1")).find("{urn:xmpp:message-retract:1}retract")
            assert gone is not None
            assert gone.get("id") == ids.split(receipt.message_id).id


async def test_somebody_in_a_room_is_answered_in_private_and_answers_there(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        anna.say(room, "My number is secret", room=True)
        (asked,) = await ear.hears(1)
        assert asked.author is not None
        whom = asked.author.id
        reply = Reply("key-1-of-ours", "", "Tell me here", parent_id=asked.message_id, private=True, recipient=whom, post_id=room)
        receipt = await xmpp.send(reply)
        told = await anna.hears("Tell me here")
        assert (told.get("type"), told.get("from")) == ("chat", f"{room}/shop")
        anna.say(f"{room}/shop", "It is 7", '<x xmlns="http://jabber.org/protocol/muc#user"/>')
        events = await ear.hears(2)
    assert [(event.thread_id, event.text, event.post) for event in events] == [(whom, "Tell me here", None), (whom, "It is 7", None)]
    assert events[0].message_id == receipt.message_id


async def test_threads_of_a_room_stay_together(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        anna.say(room, "About bread", "<thread xmlns='jabber:client'>bread 1</thread>", room=True)
        (asked,) = await ear.hears(1)
        assert asked.thread_id == ids.join(ids.THREAD, "bread 1", room)
        await xmpp.send(Reply("key-1-of-ours", asked.thread_id, "It is fresh", parent_id=asked.message_id, post_id=room))
        assert (await anna.hears("It is fresh")).findtext("{jabber:client}thread") == "bread 1"
        (echo,) = await ear.hears(1)
    assert echo.thread_id == asked.thread_id


async def test_a_reply_in_doubt_is_looked_for_in_the_archive(prosody: Prosody, us: str, anna: Person, room: str):
    chat = Reply("key-1-of-ours", anna.address, "At nine.")
    said = Reply("key-2-of-ours", "", "At nine in the room.", post_id=room)
    for reply in (chat, said):
        async with faulty(prosody.port) as fault, connected(prosody, us, rooms=room, port=fault.port) as xmpp:
            await xmpp.check()
            fault.answering.clear()
            sending = asyncio.create_task(xmpp.send(reply))
            told = await anna.hears(reply.key)  # it is there, and nobody has told us
            for task in fault.tasks:
                task.cancel()
            with pytest.raises(Ambiguous):
                await sending
        entry = told.find("{urn:xmpp:sid:0}stanza-id")
        assert entry is not None
        name = ids.join(ids.ROOM, entry.get("id", ""), room) if reply is said else ids.join(ids.OUT, reply.key, anna.address)
        async with connected(prosody, us, rooms=room) as xmpp:
            found = await xmpp.find_sent(reply)
            assert found is not None
            assert found.message_id == name


async def test_a_reply_that_never_left_is_not_found(prosody: Prosody, us: str, anna: Person):
    reply = Reply("key-1-of-ours", anna.address, "At nine.")
    async with faulty(prosody.port) as fault, connected(prosody, us, port=fault.port) as xmpp:
        await xmpp.check()
        fault.flowing.clear()
        sending = asyncio.create_task(xmpp.send(reply))
        await asyncio.sleep(0)
        for task in fault.tasks:
            task.cancel()
        with pytest.raises((Ambiguous, Transient)):
            await sending
    async with connected(prosody, us) as xmpp:
        assert await xmpp.find_sent(reply) is None


async def test_nobody_there_is_told(prosody: Prosody, us: str, anna: Person, room: str):
    async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
        with pytest.raises(Permanent, match="service-unavailable"):
            await xmpp.send(Reply("key-1-of-ours", "nobody@localhost", "Hello?"))
        with pytest.raises(Permanent, match="do not name the room"):
            await xmpp.send(Reply("key-2-of-ours", "", "Hello?", post_id=f"other@{ROOMS}"))
        (event, *_) = await ear.hears(1)
        assert (event.kind, event.message_id) == (EventKind.DELIVERY, ids.join(ids.OUT, "key-1-of-ours", "nobody@localhost")) or (
            event.kind == EventKind.MESSAGE and event.client_key == "key-1-of-ours"
        )


async def test_who_has_to_be_believed_is(prosody: Prosody, us: str, monkeypatch: pytest.MonkeyPatch):
    async with connected(prosody, us, password="wrong-password") as xmpp:
        with pytest.raises(AuthError) as refused:
            await xmpp.check()
        assert "wrong-password" not in str(refused.value)
    monkeypatch.setattr(wire, "trusted", lambda: httpx.create_ssl_context(trust_env=False))
    async with connected(prosody, us) as xmpp:
        with pytest.raises(Permanent, match="certificate"):
            await xmpp.check()


async def test_a_room_that_is_not_there_is_not_made(prosody: Prosody, us: str):
    room = f"nowhere@{ROOMS}"
    async with connected(prosody, us, rooms=room) as xmpp:
        with pytest.raises(Permanent, match="no such room"):
            await xmpp.check()
    async with connected(prosody, us, rooms=room) as xmpp:
        with pytest.raises(Permanent, match="no such room"):
            await xmpp.check()


async def test_a_taken_nick_gets_a_sign_and_being_put_out_is_noticed(prosody: Prosody, us: str, anna: Person, room: str):
    async with prosody.person(prosody.account("shop")) as other:
        await other.plugin["xep_0045"].join_muc_wait(room, "shop", maxstanzas=0, timeout=20)
        async with connected(prosody, us, rooms=room) as xmpp, reading(xmpp) as ear:
            anna.say(room, "shop_, hello", room=True)
            (event,) = await ear.hears(1)
            assert event.mentions == (us,)
            await anna.plugin["xep_0045"].set_role(room, "shop_", "none")
            with pytest.raises(Transient):
                await ear.hears(1)
