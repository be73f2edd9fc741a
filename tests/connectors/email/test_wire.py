"""The connection to servers that behave as the standard allows and dovecot does not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from connectors import http
from connectors.email import Email, imap
from connectors.email.config import EmailConfig
from inbox.contract import AuthError, Batch, ConnectorError, Event, Permanent, Transient

SOURCE = b"From: anna@customer.example\r\nMessage-ID: <%d@x.example>\r\n\r\nHello (again\r\n"


@dataclass
class Server:
    """An IMAP server on this machine that says what a test wants it to say."""

    port: int = 0
    capabilities: bytes = b"IMAP4rev1 IDLE"
    greeting: bytes = b"* OK ready"
    refusal: bytes = b""  # the answer to a sign-in, instead of OK
    uids: list[int] = field(default_factory=list)
    after_search: Callable[["Server"], bytes] = lambda _: b""  # untagged lines at the end of a search
    on_idle: Callable[["Server"], bytes] = lambda _: b""  # untagged lines as soon as somebody idles
    asked: list[bytes] = field(default_factory=list)

    def config(self, **changes: object) -> EmailConfig:
        settings: dict[str, object] = {"imap_host": "127.0.0.1", "imap_port": self.port, "imap_security": "none", "timeout": 2}
        return EmailConfig.model_validate(
            {"address": "support@shop.example", "smtp_host": "127.0.0.1", "password": 'hunter2 "quoted"', **settings, **changes}
        )

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting + b"\r\n")
        while line := await reader.readline():
            self.asked.append(line.strip())
            tag, _, command = line.strip().partition(b" ")
            if command == b"IDLE":
                writer.write(b"+ idling\r\n" + self.on_idle(self))
                await reader.readline()
            writer.write(self._untagged(command) + tag + b" " + self._result(command) + b"\r\n")
            await writer.drain()

    def _result(self, command: bytes) -> bytes:
        return self.refusal if self.refusal and command.startswith((b"LOGIN", b"AUTHENTICATE")) else b"OK done"

    def _untagged(self, command: bytes) -> bytes:
        if command == b"CAPABILITY":
            return b"* CAPABILITY " + self.capabilities + b"\r\n"
        if command.startswith((b"EXAMINE", b"SELECT")):
            return b"* %d EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\n" % len(self.uids)  # it does not tell the next UID
        if command.startswith(b"UID SEARCH"):
            lowest = int(command.split()[3].split(b":")[0]) if b"UID SEARCH UID" in command else 0
            found = [uid for uid in self.uids if uid >= lowest] or self.uids[-1:]
            return b"* SEARCH" + b"".join(b" %d" % uid for uid in found) + b"\r\n" + self.after_search(self)
        if command.startswith(b"UID FETCH"):
            wanted = command.split()[2]
            uids = [uid for uid in self.uids if any(_within(uid, part) for part in wanted.split(b","))]
            return b"".join(_item(uid, with_source=b"BODY" in command) for uid in uids)
        return b""


def _within(uid: int, part: bytes) -> bool:
    first, _, last = part.partition(b":")
    return int(first) <= uid <= int(last or first)


def _item(uid: int, *, with_source: bool) -> bytes:
    """Fields in another order than asked for, and a change of flags in between."""
    when = b'INTERNALDATE " 2-Mar-2026 10:00:00 +0100"'
    source = SOURCE % uid
    body = b"BODY[]<0> {%d}\r\n%s " % (len(source), source) if with_source else b""
    return b"* %d FETCH (%s%s RFC822.SIZE %d UID %d)\r\n* 1 FETCH (FLAGS (\\Seen))\r\n" % (uid, body, when, len(source), uid)


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.answer(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(connected(reader, writer)))

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    http.allow(["127.0.0.1"])
    try:
        yield server
    finally:
        http.allow(())
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def some(stream: AsyncIterator[Batch], count: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found.extend((await anext(stream)).events)
    return found


def arriving(uid: int) -> Callable[[Server], bytes]:
    """The server announces this mail, once."""

    def announce(server: Server) -> bytes:
        if uid in server.uids:
            return b""
        server.uids.append(uid)
        return b"* %d EXISTS\r\n" % len(server.uids)

    return announce


async def test_answers_in_any_order_are_read_and_the_time_is_that_of_the_server():
    async with serving(Server(uids=[3, 4, 9])) as server, aclosing(Email(server.config()).stream(None)) as stream:
        events = await some(stream, 3)
    assert [event.id for event in events] == ["3@x.example", "4@x.example", "9@x.example"]
    assert {event.at.isoformat() for event in events} == {"2026-03-02T09:00:00+00:00"}
    assert {event.text for event in events} == {"Hello (again"}


async def test_a_mail_announced_between_the_last_look_and_the_waiting_is_not_forgotten():
    async with serving(Server(uids=[1])) as server:
        connector = Email(server.config(renew=1700))
        async with aclosing(connector.stream(None)) as stream:
            await some(stream, 1)
            server.after_search = arriving(2)  # with the answer to the last look, and not in it
            assert [event.id for event in await some(stream, 1)] == ["2@x.example"]


async def test_thousands_of_lines_at_once_do_not_disturb_the_waiting():
    noise = b"".join(b"* 1 EXPUNGE\r\n" for _ in range(5000))
    async with serving(Server(uids=[1])) as server:
        server.on_idle = lambda server: (noise if 2 not in server.uids else b"") + arriving(2)(server)
        async with aclosing(Email(server.config()).stream(None)) as stream:
            assert [event.id for event in await some(stream, 2)] == ["1@x.example", "2@x.example"]


async def test_a_server_that_cannot_push_is_asked_again_and_again():
    async with serving(Server(uids=[1], capabilities=b"IMAP4rev1")) as server:
        async with aclosing(Email(server.config(poll=0.1)).stream(None)) as stream:
            await some(stream, 1)
            waiting = asyncio.ensure_future(some(stream, 1))
            await asyncio.sleep(0.3)
            server.uids.append(2)
            assert [event.id for event in await waiting] == ["2@x.example"]
        assert any(line.endswith(b"NOOP") for line in server.asked)


@pytest.mark.parametrize(
    ("settings", "changes", "failure"),
    [
        ({"refusal": b"NO [AUTHENTICATIONFAILED] no"}, {}, AuthError),
        ({"refusal": b"NO [ALERT] Application-specific password required"}, {}, AuthError),
        ({"refusal": b"NO [UNAVAILABLE] try later"}, {}, Transient),
        ({"refusal": b"NO [ALERT] Too many simultaneous connections"}, {}, Transient),
        ({"capabilities": b"IMAP4rev1 LOGINDISABLED"}, {}, Permanent),
        ({"greeting": b"* BYE not today"}, {}, Transient),
        ({}, {"password": "with\nbreak"}, Permanent),
    ],
)
async def test_refusals_are_told_apart_and_repeat_no_password(
    settings: dict[str, bytes], changes: dict[str, str], failure: type[ConnectorError]
):
    async with serving(Server(**settings)) as server:  # type: ignore[arg-type]
        config = server.config(**changes)
        with pytest.raises(failure) as raised:
            async with imap.opened(config, config.tokens):
                pass
    assert "hunter2" not in str(raised.value)
    assert all(b"hunter2" not in line for line in server.asked) or "LOGINDISABLED" not in str(settings)


async def test_a_port_where_nobody_listens_is_a_passing_failure():
    async with serving(Server()) as server:
        config = server.config(imap_port=1)
        with pytest.raises(Transient, match="cannot be reached"):
            async with imap.opened(config, config.tokens):
                pass
