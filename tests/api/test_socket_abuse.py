"""What no page of ours sends: the live page's socket and the chat's end it with a code, log no fault, and go on for everybody else."""

import asyncio
import json
import logging
import random
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import delete, update
from structlog.testing import capture_logs
from websockets import frames
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api import wire
from api.deps import COOKIE, House
from api.watcher import MOST_BYTES, Watcher
from inbox.models import AccountSession, Throttle
from tests.api.office import SECONDS, Office, opened
from tests.api.visitor import SITE, visiting
from tests.make import Make


@dataclass(frozen=True)
class Target:
    """One of the two sockets: how to open it, what is sent to it in peace, and how to see that others are served."""

    address: str  # ws://…
    headers: dict[str, str]
    polite: list[dict[str, Any]]
    works: Callable[[], Any]
    forget: Callable[[], Any]  # how often somebody has come

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[ClientConnection]:
        await self.forget()
        async with connect(self.address, additional_headers=self.headers, proxy=None, max_size=None) as connection:
            yield connection

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """The socket behind its handshake, byte by byte."""
        host, port = self.address.split("/")[2].split(":")
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that who reads nothing is soon noticed
        near.setblocking(False)
        await asyncio.get_running_loop().sock_connect(near, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=near, limit=4096)
        path = "/" + self.address.split("/", 3)[3]
        headers = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **self.headers}
        writer.write("\r\n".join([f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode())
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


@pytest.fixture
async def office(house: House) -> AsyncIterator[Office]:
    async with opened(house) as office:
        yield office


@pytest.fixture(params=["live", "chat"])
async def target(office: Office, request: pytest.FixtureRequest) -> AsyncIterator[Target]:
    address = office.address.replace("http", "ws")

    async def forget() -> None:
        await office.do(lambda session: session.execute(delete(Throttle)))

    if request.param == "live":
        headers = {"Cookie": f"{COOKIE}={await office.token(office.agent)}", "Origin": office.address}
        async with office.page(office.agent, rows=()) as page:

            async def work() -> None:
                words = secrets.token_hex(4)
                await office.say(words)
                await page.hear(lambda op: words in op.get("html", ""))

            show = {"t": "show", "view": "open", "rows": [1], "views": ["open"], "conversation": 1, "after": 0}
            polite = [show, {"t": "here", "conversation": 1, "typing": True}, {"t": "ping"}]
            yield Target(f"{address}/w/{office.workspace.id}/live", headers, polite, work, forget)
        return
    async with office.house.database.transaction() as session:
        key, config = secrets.token_hex(8), {"allowed_origins": [SITE]}
        await Make(session).channel(office.workspace, platform="widget", key=key, account_id="widget", public_config=config)
    async with visiting(office.address, key) as visitor:

        async def talk() -> None:
            await visitor.say(secrets.token_hex(4))

        polite = [{"type": "hello"}, {"type": "message", "key": "k" * 12, "text": "Hi"}, {"type": "seen", "message": 1}, {"type": "ping"}]
        yield Target(f"{address}/widget/{key}/socket", {"Origin": SITE}, polite, talk, forget)


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[Any]]]:
    """What was logged as a fault of ours so far."""
    caplog.set_level(logging.INFO)
    with capture_logs() as entries:
        yield lambda: [
            *(record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR),
            *(entry for entry in entries if entry["log_level"] in {"error", "critical"}),
        ]


async def code_of(connection: ClientConnection) -> int:
    async with asyncio.timeout(SECONDS):
        with suppress(ConnectionClosed):
            while True:
                await connection.recv()
    return connection.close_code or 0


NONSENSE: list[tuple[int, str | bytes]] = [
    *((1003, text) for text in ("", "{", "null", "[]", "7", '"ping"', "{}", "[" * 50_000, "\x00", '{"t":"pin', '{"t":7}', '{"type":[]}')),
    *((1003, text) for text in ('{"t":"nothing"}', '{"type":"nothing"}', '{"t":"\\ud800"}', '{"type":"\\ud800"}', '{"t":"ping\\u0000"}')),
    (1003, b"\x00\xff"),
    (1003, b'{"t":"ping"}'),
    (1009, "x" * 200_000),
    (1009, "x" * 1_100_000),
    (1009, b"x" * 1_100_000),
]


async def test_what_is_no_frame_of_ours_ends_its_socket_alone_with_a_code(target: Target, faults: Callable[[], list[Any]]):
    for code, nonsense in NONSENSE:
        async with target.opened() as connection:
            await connection.send(nonsense)
            assert await code_of(connection) == code, nonsense[:20]
    await target.works()
    assert faults() == []


async def test_fields_of_any_type_and_size_are_taken_or_end_the_socket(target: Target, faults: Callable[[], list[Any]]):
    odd = (
        None,
        True,
        -1,
        0,
        2**63,
        10**30,
        1e308,
        "",
        "\x00",
        "x" * 5000,
        [],
        [[]],
        {},
        [2**64],
        ["\x00"] * 600,
        {"a": "b"},
        "٣",
        "team:٣",
    )
    for frame, field, value in [(polite, field, value) for polite in target.polite for field in polite for value in odd]:
        async with target.opened() as connection:
            with suppress(ConnectionClosed):
                await connection.send(json.dumps(target.polite[0]))
                await connection.send(json.dumps(frame | {field: value}))
    await target.works()
    assert faults() == []


async def test_frames_that_were_damaged_on_the_way_are_taken_or_end_the_socket(target: Target, faults: Callable[[], list[Any]]):
    chance = random.Random(7)
    for _ in range(40):
        async with target.opened() as connection:
            await connection.send(json.dumps(target.polite[0]))
            text = bytearray(json.dumps(chance.choice(target.polite)).encode())
            for _ in range(chance.randrange(1, 6)):
                text[chance.randrange(len(text))] = chance.randrange(128)
            with suppress(ConnectionClosed):
                await connection.send(text.decode())
    await target.works()
    assert faults() == []


async def test_a_thousand_frames_at_once_end_the_socket(target: Target, faults: Callable[[], list[Any]]):
    frame = frames.Frame(frames.Opcode.TEXT, json.dumps(target.polite[-1]).encode()).serialize(mask=True)
    hello = frames.Frame(frames.Opcode.TEXT, json.dumps(target.polite[0]).encode()).serialize(mask=True)
    async with target.raw() as (reader, writer):
        writer.write(hello + frame * 1000)
        assert await close_code(reader) == 1008
    await target.works()
    assert faults() == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frames.Frame(frames.Opcode.TEXT, b"\xff\xfe").serialize(mask=True), 1007),
        (frames.Frame(frames.Opcode.TEXT, b"{}").serialize(mask=False), 1002),
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode that does not exist
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # the rest of nothing
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009),  # eight exabytes will follow
        (b"\x89\xff" + struct.pack("!Q", 200) + bytes(204), 1002),  # a ping that is too long
        (frames.Frame(frames.Opcode.CLOSE, b"\x00").serialize(mask=True), 1002),
        (frames.Frame(frames.Opcode.CLOSE, struct.pack("!H", 4999)).serialize(mask=True), 4999),
    ],
    ids=["no text", "unmasked", "no such opcode", "the rest of nothing", "too long", "long ping", "half a code", "a close"],
)
async def test_bytes_that_are_no_websocket_end_the_socket(target: Target, faults: Callable[[], list[Any]], data: bytes, code: int):
    async with target.raw() as (reader, writer):
        writer.write(data)
        assert await close_code(reader) == code
    await target.works()
    assert faults() == []


@pytest.mark.parametrize("abruptly", [False, True])
async def test_who_leaves_in_the_middle_of_anything_leaves_no_fault_behind(target: Target, faults: Callable[[], list[Any]], abruptly: bool):
    whole = b"".join(frames.Frame(frames.Opcode.TEXT, json.dumps(frame).encode()).serialize(mask=True) for frame in target.polite)
    for end in (0, 1, 5, len(whole) // 2, len(whole) - 1, len(whole)):
        async with target.raw() as (_, writer):
            writer.write(whole[:end])
            if abruptly:  # a reset instead of a farewell
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await target.works()
    assert faults() == []


async def close_code(reader: asyncio.StreamReader) -> int:
    """The code of the close frame that comes in the end."""
    async with asyncio.timeout(SECONDS):
        while True:
            opcode, data = await read_frame(reader)
            if opcode == frames.Opcode.CLOSE:
                return int.from_bytes(data[:2])


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    opcode, length = await reader.readexactly(2)
    if length > 125:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
    return opcode & 15, await reader.readexactly(length)


# Readers that do not read


@asynccontextmanager
async def deaf(office: Office) -> AsyncIterator[tuple[Watcher, asyncio.StreamReader]]:
    """A page that says what it shows, and then reads nothing unless the test does."""
    headers = {"Cookie": f"{COOKIE}={await office.token(office.insider)}", "Origin": office.address}
    address = f"{office.address.replace('http', 'ws')}/w/{office.workspace.id}/live"
    async with Target(address, headers, [], office.token, office.token).raw() as (reader, writer):
        show = json.dumps({"t": "show", "view": "open", "rows": [1], "views": [], "conversation": 1, "after": 0})
        writer.write(frames.Frame(frames.Opcode.TEXT, show.encode()).serialize(mask=True))
        async with asyncio.timeout(SECONDS):
            while not (found := watchers(office, office.insider.id)) or found[0].conversation is None:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        yield found[0], reader
        writer.transport.abort()


def watchers(office: Office, member_id: int) -> list[Watcher]:
    return [watcher for watcher in office.app.state.hub.everybody() if watcher.member_id == member_id]


async def test_a_reader_that_reads_nothing_fills_no_memory_delays_nobody_and_is_told_to_read_again(office: Office):
    await office.say("Hello")
    large = wire.telling(['{"n":"' + "x" * 100_000 + '"}'], 1)
    async with deaf(office) as (watcher, reader), office.page(office.agent, rows=()) as page:
        for _ in range(100):  # 10 MB: more than the system keeps between the two
            watcher.tell(large)
            await asyncio.sleep(0)
        transport = cast("Any", watcher.wire).transport
        assert transport.get_write_buffer_size() <= 64 * 1024 + len(large.bytes)
        assert sum(len(frame.bytes) for frame in watcher._waiting) <= MOST_BYTES
        await office.say("Still here?")
        await page.hear(lambda op: "Still here?" in op.get("html", ""))
        async with asyncio.timeout(SECONDS):
            while (await read_frame(reader))[1] != b'{"refresh":true}':
                pass
        await office.say("And now?")
        async with asyncio.timeout(SECONDS):
            while b"And now?" not in (await read_frame(reader))[1]:
                pass


async def test_a_reader_that_reads_nothing_is_shown_out_as_soon_as_the_others(office: Office):
    await office.say("Hello")
    large = wire.telling(['{"n":"' + "x" * 100_000 + '"}'], 1)
    async with deaf(office) as (watcher, _), office.page(office.insider) as page:
        for _ in range(100):
            watcher.tell(large)
            await asyncio.sleep(0)
        ended = update(AccountSession).values(revoked_at=datetime.now(UTC))
        await office.do(lambda session: session.execute(ended))
        assert await page.end() == 4401
        async with asyncio.timeout(SECONDS):
            while not cast("Any", watcher.wire).disconnected:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)


async def test_a_reader_that_answers_no_ping_is_given_up_though_it_never_reads_what_is_left(house: House):
    async with opened(house, ws_ping_interval=0.3, ws_ping_timeout=0.3) as office:
        await office.say("Hello")
        async with deaf(office) as (watcher, _):
            large = wire.telling(['{"n":"' + "x" * 100_000 + '"}'], 1)
            for _ in range(100):
                watcher.tell(large)
                await asyncio.sleep(0)
            async with asyncio.timeout(SECONDS):
                while watchers(office, office.insider.id):  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0.01)
