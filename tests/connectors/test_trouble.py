"""Ten minutes of trouble at the platforms: each is waited for as it asks, none is asked in a busy loop, and no other channel is delayed.

Only the waiting is hurried: whoever sleeps for a second sleeps for `HURRY` of one, and the sum of what was slept is a channel's own clock.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import col

import connectors
from api.deps import House
from connectors import http
from connectors.host.pace import Pace
from inbox.contract import Author, Batch, Capabilities, Event, EventKind, Receipt, Reply
from inbox.models import Channel, ChannelState, LogEvent
from tests.connectors.test_runner import Theatre
from tests.make import Make

TEN_MINUTES = 600.0
HURRY = 1 / 500
PACE = Pace(look=0.5, settle=3600.0, farewell=0.2)  # pauses after failures as in life: 1 s … 5 min
PATIENCE = 0.5  # real seconds until a connector leaves a platform that keeps silent: 20 in life
SILENT = {"a half-open socket": 20.0, "a body that does not end": 20.0}  # seconds of a channel's own clock for each request
EVERYTHING = 8  # messages of each place
REAL_SLEEP = asyncio.sleep


class WeatherConfig(BaseModel):
    url: str
    place: str
    patience: float


class Weather:
    """A platform that is polled: what it says next, or what goes wrong instead."""

    name: ClassVar[str] = "weather"
    title: ClassVar[str] = "Weather"
    Config: ClassVar[type[BaseModel]] = WeatherConfig
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, config: WeatherConfig) -> None:
        self.place = config.place
        self.client = http.Client(self.title, base_url=config.url, timeout=httpx.Timeout(60.0, read=config.patience))

    async def check(self) -> Author:
        return Author("us", "Us", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        while True:
            told = await self.client.fetch_json("GET", f"/{self.place}", params={"after": cursor or "0"})
            cursor = told["cursor"]
            yield Batch([said(self.place, number) for number in told["new"]], cursor)
            await asyncio.sleep(5.0)

    async def send(self, reply: Reply) -> Receipt:
        raise NotImplementedError

    async def aclose(self) -> None:
        await self.client.aclose()


def said(place: str, number: int) -> Event:
    at = datetime(2026, 3, 2, 8, number // 60, number % 60, tzinfo=UTC)
    return Event(f"e{number}", EventKind.MESSAGE, f"m{number}", place, at, Author("anna", "Anna"), f"Rain {number}")


@dataclass
class Sky:
    """The platform: what goes wrong at each place until it is over, how often it was asked, and how often in its first ten minutes."""

    trouble: dict[str, str] = field(default_factory=dict[str, str])
    asked: Counter[str] = field(default_factory=Counter[str])
    in_ten_minutes: dict[str, int] = field(default_factory=dict[str, int])
    passed: Callable[[str], float] = lambda _: 0.0  # on the clock of the channel that reads this place
    over: bool = False

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                place, _, query = line.split()[1].decode().lstrip("/").partition("?")
                if self.passed(place) >= TEN_MINUTES:
                    self.in_ten_minutes.setdefault(place, self.asked[place])
                self.asked[place] += 1
                kind = self.trouble.get(place)
                if kind is None or self.over:
                    await self._tell(writer, place, int(query.partition("=")[2]))
                else:
                    await TROUBLES[kind](reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _tell(self, writer: asyncio.StreamWriter, place: str, after: int) -> None:
        number = min(after + 1, EVERYTHING)
        new = [number] if number > after else []
        await respond(writer, 200, json.dumps({"cursor": str(number), "new": new}))


async def respond(writer: asyncio.StreamWriter, status: int, body: str, **headers: str) -> None:
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    await writer.drain()


async def slowed_down(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await respond(writer, 429, "slowly", **{"retry-after": "30"})


async def broken(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await respond(writer, 502, "bad gateway")


async def half_open(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)  # until the other side gives up


async def dripping(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n{"cursor": ')
    await writer.drain()
    await _reader.read(1)


async def page_of_html(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await respond(writer, 200, "<!doctype html><title>Back soon</title>", **{"content-type": "text/html"})


TROUBLES: dict[str, Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]] = {
    "429 with Retry-After": slowed_down,
    "502": broken,
    "a half-open socket": half_open,
    "a body that does not end": dripping,
    "200 with HTML": page_of_html,
}


class Clock:
    """What each channel's task has slept, in the seconds that it asked for."""

    def __init__(self) -> None:
        self.slept: defaultdict[str, list[float]] = defaultdict(list)

    async def sleep(self, seconds: float, result: Any = None) -> Any:
        task = asyncio.current_task()
        name = task.get_name() if task is not None else ""
        if not name.startswith("channel "):
            return await REAL_SLEEP(seconds, result)
        self.slept[name].append(seconds)
        return await REAL_SLEEP(seconds * HURRY, result)

    def of(self, channel: Channel) -> list[float]:
        return self.slept[f"channel {channel.id}"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


@asynccontextmanager
async def platform(sky: Sky) -> AsyncIterator[str]:
    server = await asyncio.start_server(sky.answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setitem(connectors.BUILT_IN, "weather", "tests.connectors.test_trouble:Weather")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    house.settings.__dict__["allow_private_networks"] = ("127.0.0.1",)
    return Theatre(house)


async def test_ten_minutes_of_trouble_are_waited_out_as_told_and_delay_nobody_else(theatre: Theatre, clock: Clock):
    kinds = dict(zip("abcde", TROUBLES, strict=True))
    sky = Sky(trouble=dict(kinds))
    async with platform(sky) as url:
        bad = {place: await connect(theatre, url, place, PATIENCE if kind in SILENT else 60.0) for place, kind in kinds.items()}
        good = await connect(theatre, url, "fine", 60.0)

        sky.passed = lambda place: sum(clock.of(bad[place])) + sky.asked[place] * SILENT.get(kinds[place], 0.0) if place in bad else 0.0
        async with theatre.host(PACE):
            await until(lambda: reached(theatre, good))  # while everything else is in trouble
            await until(lambda: len(sky.in_ten_minutes) == len(bad))
            sky.over = True
            for channel in bad.values():
                await until(lambda channel=channel: reached(theatre, channel))
    assert clock.of(bad["a"])[:20] == [30.0] * 20  # told to wait so long, twenty times in ten minutes
    assert sky.in_ten_minutes["a"] == 20
    for place in "bcde":  # pauses that grow: at least a second, and longer on average each time
        assert 3 <= sky.in_ten_minutes[place] <= 40, kinds[place]
        assert all(pause >= PACE.first_pause for pause in clock.of(bad[place]))
    assert await theatre.messages() == EVERYTHING * 6
    assert await told(theatre, good) == await told(theatre, bad["a"]) == []  # to be asked to wait is no failure
    for place in "bcde":  # a failure and its end are told once, however often it was tried in between
        kinds_told = await told(theatre, bad[place])
        assert kinds_told[:2] == ["channel.failed", "channel.recovered"]
        assert len(kinds_told) < sky.in_ten_minutes[place]


async def told(theatre: Theatre, channel: Channel) -> list[str]:
    query = select(col(LogEvent.kind)).where(col(LogEvent.channel_id) == channel.id, col(LogEvent.kind).startswith("channel."))
    async with theatre.house.database.transaction() as session:
        return list(await session.scalars(query.order_by(col(LogEvent.id))))


async def connect(theatre: Theatre, url: str, place: str, patience: float) -> Channel:
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        config = theatre.house.vault.encrypt(json.dumps({"url": url, "place": place, "patience": patience}))
        return await make.channel(await make.workspace(), platform="weather", config=config, state=ChannelState.HEALTHY)


async def reached(theatre: Theatre, channel: Channel) -> bool:
    row = await theatre.row(channel)
    return row.cursor == str(EVERYTHING) and row.state == ChannelState.HEALTHY


async def until(condition: Callable[[], Any]) -> None:
    """As `Theatre.until`, with time for a busy machine."""
    async with asyncio.timeout(200):
        while True:
            found = condition()
            if (await found) if asyncio.iscoroutine(found) else found:
                return
            await REAL_SLEEP(0.1)
