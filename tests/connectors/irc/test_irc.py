"""A nick on IRC, before a server that behaves as the documents say. Against a real one: tests/servers/test_irc.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from connectors import http
from connectors.irc import Irc, lines, parse
from connectors.irc.config import IrcConfig
from connectors.irc.lines import Line
from inbox.contract import Ambiguous, AuthError, Batch, ConversationKind, Event, Permanent, Reply, Transient
from tests.connectors.conformance import MORNING
from tests.connectors.irc import fake

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def server() -> fake.Server:
    return fake.Server()


@pytest.fixture
async def connector(server: fake.Server) -> AsyncIterator[Irc]:
    http.allow(["127.0.0.0/8"])
    async with fake.running(server) as port:
        found = Irc(
            IrcConfig.model_validate({"host": "127.0.0.1", "port": port, "tls": False, "nick": fake.NICK, "channels": "#bread, #Rolls"})
        )
        yield found
        await found.aclose()
    http.allow([])


async def heard(stream: Any, number: int = 1) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(10):
        while len(events) < number:
            events += (await anext(stream)).events
    return events


async def test_what_is_said_in_a_channel_is_of_a_room_and_what_is_said_to_us_is_direct(server: fake.Server, connector: Irc):
    account = await connector.check()
    assert (account.id, account.is_self) == (fake.NICK, True)
    async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        first: Batch = await anext(stream)
        server.say("Anna", "#Bread", "breadshop: is \x02it\x0f \x0304,12open\x03?", fake.tags("m1", 5))
        server.say("Anna", fake.NICK, "Psst")
        server.say("breadshop2", "#bread", "\x01ACTION bakes\x01")
        room, direct, action = await heard(stream, 3)
    assert (list(first.events), first.gap) == ([], False)
    assert "JOIN #bread,#Rolls" in server.got
    assert (room.id, room.thread_id, room.text, room.mentions) == ("m1", "", "breadshop: is it open?", (fake.NICK,))
    assert room.at == MORNING + timedelta(seconds=5)
    assert room.post is not None
    assert (room.post.id, room.post.title, room.post.is_room) == ("#bread", "#Bread", True)
    assert room.conversation_kind is ConversationKind.COMMENTS
    assert (direct.thread_id, direct.private, direct.conversation_kind) == ("anna", True, ConversationKind.DIRECT)
    assert (action.text, action.mentions) == ("* breadshop2 bakes", ())


async def test_whoever_was_there_before_has_a_gap_since_nobody_keeps_what_was_said(server: fake.Server, connector: Irc):
    async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        cursor = (await anext(stream)).cursor
        server.say("anna", fake.NICK, "The last")
        await heard(stream)
        server.hang_up()
        with pytest.raises(Transient):
            await heard(stream)
    async with aclosing(connector.stream(cursor)) as stream:  # type: ignore[type-var]
        again = await anext(stream)
        server.say("anna", fake.NICK, "Back?")
        (event,) = await heard(stream)
    assert (again.gap, event.text) == (True, "Back?")


async def test_other_things_are_counted_and_never_answered(server: fake.Server, connector: Irc):
    async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        await anext(stream)
        server.tell(
            ":NickServ!s@services NOTICE breadshop :This nick is registered",
            ":anna!u@h PRIVMSG breadshop :\x01VERSION\x01",
            ":anna!u@h QUIT :Bye",
        )
        server.say("anna", fake.NICK, "Hello")
        passed: dict[str, int] = {}
        async with asyncio.timeout(10):
            while not (batch := await anext(stream)).events:
                passed |= batch.passed_over
    assert passed.keys() >= {"NOTICE", "CTCP", "QUIT"}
    assert server.said == []


async def test_a_ping_is_answered_and_a_taken_nick_gets_a_sign(server: fake.Server, connector: Irc):
    server.taken, server.greets = {fake.NICK}, ["PING :42"]
    account = await connector.check()
    assert (account.name, server.nick) == ("breadshop_", "breadshop_")
    await connector.send(Reply("key", "anna", "Hello"))
    assert "PONG :42" in server.got


async def test_an_answer_goes_into_the_room_by_name_or_to_the_person(server: fake.Server, connector: Irc):
    room = Reply("one", "", "At nine.", parent_id="m1", recipient="anna", post_id="#bread")
    receipt = await connector.send(room)
    await connector.send(Reply("two", "anna", "Just for you"))
    await connector.send(Reply("three", "", "In private", parent_id="m1", recipient="anna", post_id="#bread", private=True))
    assert receipt.message_id == "sent/one"
    assert server.said == [("#bread", "anna: At nine."), ("anna", "Just for you"), ("anna", "In private")]


async def test_a_long_answer_is_parted_between_words_and_no_line_is_too_long(server: fake.Server, connector: Irc):
    text = "Zażółć gęślą jaźń 👩‍👩‍👧 " * 60 + "\nand a line\r\n\r\nQUIT"
    await connector.send(Reply("key", "anna", text))
    assert " ".join(" ".join(words for _, words in server.said).split()) == " ".join(text.split())
    longest = max(len(f":breadshop!{'u' * 10}@{'h' * 63} PRIVMSG anna :{words}\r\n".encode()) for _, words in server.said)
    assert 400 < longest <= 512
    assert not any(line.startswith("QUIT") for line in server.got)


@pytest.mark.parametrize("target", ["anna,bernd", "an na", "anna\r\nQUIT", ""])
async def test_where_nobody_can_be_is_refused(server: fake.Server, connector: Irc, target: str):
    with pytest.raises(Permanent):
        await connector.send(Reply("key", target, "Hello"))
    assert server.said == []


async def test_a_channel_that_lets_nobody_in_says_so(server: fake.Server, connector: Irc):
    server.greets = [":irc.example 474 breadshop #bread :Cannot join channel (+b)"]
    with pytest.raises(Permanent, match="474"):
        async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
            await heard(stream)


async def test_what_was_in_doubt_when_the_connection_broke_is_ambiguous_and_the_next_connects_anew(server: fake.Server, connector: Irc):
    server.on_message = lambda target: ["hang up"]
    with pytest.raises(Ambiguous):
        await connector.send(Reply("key", "anna", "Hello"))
    server.on_message = lambda target: []
    await connector.send(Reply("key two", "anna", "Hello again"))
    assert server.said == [("anna", "Hello again")]


async def test_a_connection_that_is_half_open_is_noticed(server: fake.Server, connector: Irc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.irc.connection.SILENCE", 0.05)
    server.is_deaf = True
    with pytest.raises(Transient):
        async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
            await heard(stream)
    assert "PING :there" in server.got


async def test_a_line_without_a_command_is_kept_and_its_neighbours_come_in(server: fake.Server, connector: Irc):
    async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        await anext(stream)
        server.tell(":irc.example", "")
        server.say("anna", fake.NICK, "Hello")
        batches: list[Batch] = []
        async with asyncio.timeout(10):
            while not batches or not batches[-1].events:
                batches.append(await anext(stream))
    assert [one.raw for batch in batches for one in batch.rejected] == [b":irc.example"]


async def test_too_much_that_nobody_reads_ends_the_connection(server: fake.Server, connector: Irc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.irc.connection.WAITING", 5)
    await connector.check()
    for number in range(20):
        server.say("anna", fake.NICK, f"Message {number}")
    with pytest.raises((Transient, Ambiguous)):
        await connector.send(Reply("key", "anna", "Hello"))
    async with aclosing(connector.stream("connected")) as stream:  # type: ignore[type-var]
        assert (await anext(stream)).gap


@pytest.mark.parametrize(
    ("account", "password", "error"),
    [("shop", fake.PASSWORD, None), ("shop", "wrong", AuthError)],
)
async def test_signing_in_is_before_anything_else(server: fake.Server, account: str, password: str, error: type[Exception] | None):
    http.allow(["127.0.0.0/8"])
    async with fake.running(server) as port:
        config = {"host": "127.0.0.1", "port": port, "tls": False, "nick": fake.NICK, "account": account, "password": password}
        connector = Irc(IrcConfig.model_validate(config))
        if error:
            with pytest.raises(error) as refused:
                await connector.check()
            assert password not in str(refused.value)
        else:
            await connector.check()
            assert server.got.index("CAP END") > server.got.index("AUTHENTICATE PLAIN")
        await connector.aclose()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b":a!b@c PRIVMSG #x :hi there\r\n", Line("PRIVMSG", ("#x", "hi there"), "a!b@c")),
        (b"@a=b\\sc\\:;d :x  PING :\r\n", Line("PING", ("",), "x", {"a": "b c;", "d": ""})),
        (b":a PRIVMSG #x :sch\xf6n\r\n", Line("PRIVMSG", ("#x", "schön"), "a")),  # an old client
        (b":a PRIVMSG #x ::-)\n", Line("PRIVMSG", ("#x", ":-)"), "a")),
        (b"001 us hello\r\n", Line("001", ("us", "hello"))),
    ],
)
def test_lines_are_read(raw: bytes, expected: Line):
    assert lines.read(raw) == expected


def test_without_an_id_of_the_server_the_same_words_are_said_twice():
    line = lines.read(b":anna!u@h PRIVMSG #bread :Hello")
    assert parse.message(line, "shop", NOW).id != parse.message(line, "shop", NOW).id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nick", "1st"),
        ("nick", "a b"),
        ("nick", "a\r\nQUIT"),
        ("channels", "bread"),
        ("channels", "#a\r\nQUIT"),
        ("password", "a\nb"),
        ("account", "x"),
    ],
)
def test_settings_that_cannot_be_are_refused(field: str, value: str):
    with pytest.raises(ValidationError):
        IrcConfig.model_validate({"host": "irc.example", "nick": "shop", field: value})
