"""An account before a server that behaves as the documents say. Against a real one: tests/servers/test_xmpp.py."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors import http
from connectors.xmpp import Xmpp, connection, ids, reading
from connectors.xmpp.config import XmppConfig
from inbox.contract import Action, Ambiguous, Attachment, Batch, CursorExpired, Event, EventKind, Permanent, Reply, Transient
from tests.connectors.xmpp import fake
from tests.connectors.xmpp.fake import ANNA, ROOM, US, Server

BEGINNING = json.dumps({"archives": {"": ["", ""], ROOM: ["", ""]}})
CHAT = Reply("our-key-1", ANNA, "At nine.")


@pytest.fixture(autouse=True)
def _servers_on_this_machine():
    http.allow(["127.0.0.0/8"])
    yield
    http.allow(())


@asynccontextmanager
async def stream(server: Server, cursor: str | None = BEGINNING, **more: Any) -> AsyncIterator[Any]:
    async with fake.connected(server, **more) as xmpp, aclosing(xmpp.stream(cursor)) as batches, asyncio.timeout(20):  # type: ignore[type-var]
        yield batches


async def heard(batches: Any, count: int) -> tuple[list[Event], list[Batch]]:
    events: list[Event] = []
    read: list[Batch] = []
    while len(events) < count:
        read.append(await anext(batches))
        events += read[-1].events
    return events, read


async def settled(batches: Any) -> None:
    """What there was is told, so that somebody listens now."""
    batch: Batch = await anext(batches)
    assert list(batch.events) == []


async def test_the_archives_are_read_page_by_page_and_each_page_moves_the_cursor():
    server = Server(most=10)
    for number in range(35):
        server.say(ANNA, f"<body>Number {number}</body>", entry=f"entry-{number}", seconds=number)
    async with stream(server) as batches:
        events, read = await heard(batches, 35)
    assert [event.text for event in events] == [f"Number {number}" for number in range(35)]
    places = [json.loads(batch.cursor or "")["archives"][""][0] for batch in read if batch.events]
    assert places == ["entry-9", "entry-19", "entry-29", "entry-34"]
    async with stream(server, read[-2].cursor) as batches:
        again, _ = await heard(batches, 5)
    assert [event.id for event in again] == [event.id for event in events[30:]]


async def test_one_bad_message_loses_none_of_its_neighbours_and_can_be_read_again():
    server = Server()
    server.say(ANNA, "<body>Before</body>", entry="one-entry")
    server.say("", "<body>From nobody</body>", entry="two-entry")
    server.archives[US] = [*server.archives.get(US, []), *server.archives.pop("", [])]
    server.say(ANNA, "<body>After</body>", entry="three-entry")
    bad = server.archives[US][1]
    server.archives[US][1] = bad._replace(at="yesterday")
    async with stream(server) as batches:
        events, read = await heard(batches, 2)
    assert [event.text for event in events] == ["Before", "After"]
    (rejected,) = read[-1].rejected
    xmpp = Xmpp(XmppConfig.model_validate(fake.settings(1)))
    again = xmpp.reread(rejected.raw, datetime.now(UTC))
    await xmpp.aclose()
    assert (list(again.events), len(again.rejected)) == ([], 1)


async def test_a_message_without_a_time_is_read_again_with_ours():
    xmpp = Xmpp(XmppConfig.model_validate(fake.settings(1)))
    kept = {"archive": "", "entry": "one", "at": "", "stanza": f'<message from="{ANNA}" id="client-id-1"><body>Hello</body></message>'}
    now = datetime.now(UTC)
    (event,) = xmpp.reread(json.dumps(kept).encode(), now).events
    await xmpp.aclose()
    assert (event.text, event.at) == ("Hello", now)


ODD = (
    "<body/>", "<body>x</body><body>y</body>", "<replace xmlns='urn:xmpp:message-correct:0'/>",
    "<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction/></reactions>", "<reply xmlns='urn:xmpp:reply:0'/><body>x</body>",
    "<x xmlns='jabber:x:oob'/>", "<x xmlns='jabber:x:oob'><url>http://[::1</url></x>", "<origin-id xmlns='urn:xmpp:sid:0'/><body>x</body>",
    "<stanza-id xmlns='urn:xmpp:sid:0'/>", "<received xmlns='urn:xmpp:receipts'/>", "<apply-to xmlns='urn:xmpp:fasten:0'/>",
    "<sent xmlns='urn:xmpp:carbons:2'/>", "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></sent>",
    "<result xmlns='urn:xmpp:mam:2' queryid='x' id='y'/>", "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='x'/><body>x</body>",
    "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body/></fallback><body>x</body>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><item/></x><body>x</body>", "<error/>",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["chat", "groupchat", "error", "headline", "normal", "odd"])
async def test_whatever_a_message_holds_nothing_is_raised_and_its_neighbour_comes_in(kind: str):
    server = Server()
    sender = f"{ROOM}/anna" if kind == "groupchat" else ANNA
    async with stream(server) as batches:
        await settled(batches)
        for number, inner in enumerate(ODD):
            server.say(sender, inner, entry=f"odd-{number}", kind=kind)
            server.tell(server.say(sender, inner, kind=kind, name=f"live-client-{number}"))
        for name in ("", f"{ROOM}/", ROOM, "example.org", "@", "/"):
            server.tell(f'<message from="{name}" type="{kind}"><body>x</body></message>', f'<presence from="{name}" type="{kind}"/>')
            server.tell(f'<iq from="{name}" type="{kind}"/>', f'<iq from="{name}" type="get" id="x"><query xmlns="urn:x"/></iq>')
        server.tell(server.say(ANNA, "<body>The neighbour</body>", entry="neighbour"))
        while "The neighbour" not in [event.text for event in (await anext(batches)).events]:
            pass


async def test_what_an_archive_names_and_does_not_have_is_taken_as_it_came(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SLOW", 0.01)
    server = Server()
    async with stream(server) as batches:
        await settled(batches)
        live = server.say(ANNA, "<body>Slow</body>", entry="slow-entry")
        server.archives.clear()
        server.tell(live)
        (event,), _ = await heard(batches, 1)
        server.tell(live)  # told again, and known
        server.tell(server.say(ANNA, "<body>Next</body>", entry="next-entry"))
        (after,), _ = await heard(batches, 1)
    assert (event.text, event.id, after.text) == ("Slow", f"{US}:slow-entry", "Next")


async def test_a_server_without_an_archive_is_heard_live_and_leaves_a_gap():
    server = Server(keeps=False)
    async with stream(server, None) as batches:
        first: Batch = await anext(batches)
        assert not first.gap
        server.tell(server.say(ANNA, "<body>Hello</body>"), server.say(f"{ROOM}/anna", "<body>Room</body>", kind="groupchat"))
        events, _ = await heard(batches, 2)
    assert [(event.text, event.thread_id) for event in events] == [("Hello", ANNA), ("Room", "")]
    async with stream(server, first.cursor) as batches:
        assert (await anext(batches)).gap
    async with fake.connected(server) as xmpp:
        with pytest.raises(Ambiguous):
            await xmpp.find_sent(CHAT)


async def test_a_place_that_is_forgotten_leaves_a_gap_and_what_came_after_its_time():
    server = Server(forgotten={"gone"})
    for number in range(3):
        server.say(ANNA, f"<body>Number {number}</body>", entry=f"entry-{number}", seconds=number * 60)
    cursor = json.dumps({"archives": {"": ["gone", fake.moment(30)], ROOM: ["", ""]}})
    async with stream(server, cursor) as batches:
        events, read = await heard(batches, 2)
    assert ([event.text for event in events], [batch.gap for batch in read]) == (["Number 1", "Number 2"], [False, True])


@pytest.mark.parametrize("cursor", ["", "x", "[]", "{}", '{"archives": 1}', '{"archives": {"": 1}}', '{"archives": {"": ["x"]}}'])
async def test_a_place_that_cannot_be_read_is_as_good_as_forgotten(cursor: str):
    xmpp = Xmpp(XmppConfig.model_validate(fake.settings(1)))
    with pytest.raises(CursorExpired):
        await anext(xmpp.stream(cursor))  # type: ignore[type-var]
    await xmpp.aclose()


async def test_copies_and_entries_count_only_from_our_own_server():
    server = Server()
    inner = f'<message xmlns="jabber:client" from="{US}/x" to="{ANNA}"><body>Forged</body></message>'
    forged = f'<forwarded xmlns="urn:xmpp:forward:0">{inner}</forwarded>'
    async with stream(server) as batches:
        await settled(batches)
        server.tell(f'<message from="mallory@example.org/x" to="{US}"><sent xmlns="urn:xmpp:carbons:2">{forged}</sent></message>')
        copy = forged.replace("Forged", "From our desk")
        server.tell(f'<message from="{US}" to="{US}/here"><sent xmlns="urn:xmpp:carbons:2">{copy}</sent></message>')
        events, read = await heard(batches, 1)
    assert [event.text for event in events] == ["From our desk"]
    assert events[0].author is not None
    assert (events[0].author.is_self, events[0].thread_id) == (True, ANNA)
    assert sum(batch.passed_over.get("without words", 0) for batch in read) == 1


async def test_nobody_else_adds_to_an_archive():
    server = Server(forges=f'<message from="{ANNA}" to="{US}" id="client-id-0"><body>Forged</body></message>')
    server.say(ANNA, "<body>True</body>", entry="one-entry")
    async with stream(server) as batches:
        events, _ = await heard(batches, 1)
    assert [event.text for event in events] == ["True"]


async def test_only_whoever_wrote_it_takes_it_back_or_corrects_it_in_a_room():
    server = Server()
    room = {"kind": "groupchat"}
    server.say(f"{ROOM}/anna", "<body>One</body>", entry="one-entry", name="client-1", **room)
    changes = (
        '<retract xmlns="urn:xmpp:message-retract:1" id="one-entry"/>',
        '<body>New</body><replace xmlns="urn:xmpp:message-correct:0" id="client-1"/>',
    )
    for who in ("mallory", "anna"):
        for number, inner in enumerate(changes):
            server.say(f"{ROOM}/{who}", inner, entry=f"{who}-{number}", **room)
    async with stream(server) as batches:
        events, read = await heard(batches, 3)
    assert [event.id for event in events[1:]] == [f"{ROOM}:anna-0", f"{ROOM}:anna-1"]
    assert sum(batch.passed_over.get("about a message that is not found, or somebody else's", 0) for batch in read) == 2


async def test_a_silent_server_is_asked_and_left(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "SILENCE", 0.05)
    async with stream(Server(is_deaf=True)) as batches:
        with pytest.raises(Transient):
            await heard(batches, 1)


async def test_a_room_that_has_forgotten_us_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "QUIET", 0.05)
    async with stream(Server(is_out=True)) as batches:
        with pytest.raises(Transient, match="not in a room"):
            await heard(batches, 1)


async def test_what_nobody_rang_for_is_found_after_a_while(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "QUIET", 0.05)
    server = Server()
    async with stream(server) as batches:
        await settled(batches)
        server.say(ANNA, "<body>Unheard</body>", entry="one-entry")
        events, _ = await heard(batches, 1)
    assert events[0].text == "Unheard"


async def test_being_put_out_and_a_lost_connection_end_the_stream():
    for end in (lambda server: server.tell(f'<presence from="{ROOM}/shop" type="unavailable"/>'), Server.hang_up):
        server = Server()
        async with stream(server) as batches:
            await settled(batches)
            end(server)
            with pytest.raises(Transient):
                await heard(batches, 1)


async def test_a_room_that_lets_us_not_in_stops_the_reading_and_no_chat():
    server = Server(on_join=lambda stanza: fake.error(stanza, "registration-required", "auth"))
    async with fake.connected(server) as xmpp:
        with pytest.raises(Permanent, match="only members"):
            await xmpp.check()
        with pytest.raises(Permanent, match="only members"):
            await anext(xmpp.stream(None))  # type: ignore[type-var]
        with pytest.raises(Permanent, match="only members"):
            await xmpp.send(Reply("our-key-1", "", "Hello", post_id=ROOM))
        await xmpp.send(CHAT)
    assert [stanza.findtext("{jabber:client}body") for stanza in server.got if stanza.tag.endswith("message")] == ["At nine."]


async def test_reading_and_answering_have_one_connection():
    server = Server()
    async with fake.running(server) as port:
        config = XmppConfig.model_validate(fake.settings(port))
        one, other = Xmpp(config), Xmpp(config)
        await one.check()
        await other.send(CHAT)
        await one.aclose()
        await other.send(CHAT)
        assert len(server.writers) == 1
        await other.aclose()
        await one.aclose()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply("key", "", "x", private=True), "whom"),
        (Reply("key", "", "x", post_id="other@rooms.example.org"), "name the room"),
        (Reply("key", "", "x"), "name the room"),
        (Reply("key", ANNA, "x", attachments=(Attachment("a", "text/plain", b"x"),)), "takes no files"),
    ],
)
async def test_an_answer_that_cannot_go_anywhere_is_not_sent(reply: Reply, why: str):
    server = Server()
    async with fake.connected(server) as xmpp:
        with pytest.raises(Permanent, match=why):
            await xmpp.send(reply)
    assert not [stanza for stanza in server.got if stanza.tag.endswith("message")]


async def test_what_is_no_message_of_ours_is_not_acted_on():
    async with fake.connected(Server()) as xmpp:
        for action, name in (
            (Action.LIKE, "something"),
            (Action.HIDE, ids.join(ids.IN, "x", ANNA)),
            (Action.EDIT, ids.join(ids.ROOM, "x", ROOM)),
        ):
            with pytest.raises(Permanent):
                await xmpp.act(action, name, "x")


async def test_a_message_of_theirs_with_our_key_is_not_ours():
    server = Server()
    server.say(ANNA, "<body>At nine.</body>", entry="one-entry", name=CHAT.key)
    async with fake.connected(server) as xmpp:
        assert await xmpp.find_sent(CHAT) is None
        server.say(f"{US}/here", "<body>At nine.</body>", entry="two-entry", name=CHAT.key)
        found = await xmpp.find_sent(CHAT)
    assert found is not None
    assert found.message_id == ids.join(ids.OUT, CHAT.key, ANNA)


async def test_passwords_are_never_shown_and_settings_say_what_is_wrong():
    good = fake.settings(5222)
    config = XmppConfig.model_validate(
        {**good, "address": " xmpp:Shop@Example.org ", "rooms": f"{ROOM}, {ROOM.upper()} ,b@x.org", "nick": ""}
    )
    assert (config.address, config.rooms, config.nickname) == (US, f"{ROOM},b@x.org", "shop")
    assert fake.PASSWORD not in repr(config)
    for wrong in (
        {"address": "shop"},
        {"address": "a@b/c"},
        {"rooms": "bread"},
        {"nick": "a\nb"},
        {"password": ""},
        {"password": "a\0b"},
        {"port": 0},
    ):
        with pytest.raises(ValidationError):
            XmppConfig.model_validate({**good, **wrong})


async def test_a_correction_may_be_corrected_by_either_name():
    server = Server()
    room = {"kind": "groupchat"}
    server.say(f"{ROOM}/anna", "<body>One</body>", entry="one-entry", name="client-1", **room)
    for number, target in ((2, "client-1"), (3, "client-2"), (4, "client-1")):
        inner = f'<body>New {number}</body><replace xmlns="urn:xmpp:message-correct:0" id="{target}"/>'
        server.say(f"{ROOM}/anna", inner, entry=f"entry-{number}", name=f"client-{number}", **room)
    async with stream(server) as batches:
        events, _ = await heard(batches, 4)
    assert [(event.kind, event.text) for event in events[1:]] == [(EventKind.EDIT, f"New {number}") for number in (2, 3, 4)]
    assert {event.message_id for event in events} == {ids.join(ids.ROOM, "one-entry", ROOM)}
