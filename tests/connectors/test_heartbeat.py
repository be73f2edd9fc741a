"""The heartbeat: whoever keeps an address hears from Parley while the timer of alerts works, and no longer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.deps import House
from connectors import http
from connectors.host import breaches, heartbeat
from connectors.host.accounts import Accounts
from connectors.host.pace import Pace
from connectors.host.place import Place
from tests.connectors.served import Fake, serving


@dataclass
class Switch(Fake):
    """A dead man's switch."""

    beaten: asyncio.Event = field(default_factory=asyncio.Event)

    async def respond(self, request: Request) -> Response:
        self.beaten.set()
        return PlainTextResponse("OK")

    async def hear(self, beats: int) -> None:
        async with asyncio.timeout(20):
            while len(self.requests) < beats:
                await self.beaten.wait()
                self.beaten.clear()


@pytest.fixture(autouse=True)
def near() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    switch = Switch()
    async with serving(switch):
        yield switch


@pytest.fixture
def place(house: House, switch: Switch) -> Place:
    settings = house.settings.model_copy(update={"heartbeat_url": f"{switch.address}/ping/secret"})
    return Place(house.database, house.files, settings, Accounts(house.vault, settings, house.database), "one", Pace(look=0.02))


@asynccontextmanager
async def beating(place: Place) -> AsyncGenerator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(heartbeat.run(place, stop))
    yield stop
    stop.set()
    place.looked.set()
    await asyncio.wait_for(task, 5)


async def test_the_address_is_asked_for_while_the_timer_works(place: Place, switch: Switch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heartbeat, "MINUTE", 0.05)
    async with beating(place) as stop:
        timer = asyncio.create_task(breaches.run(place, stop))
        await switch.hear(3)
        stop.set()
        await asyncio.wait_for(timer, 5)
    assert set(switch.requests) == {"GET /ping/secret"}


async def test_nobody_hears_from_a_timer_that_stands_still(place: Place, switch: Switch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heartbeat, "MINUTE", 0.02)
    async with beating(place):
        await asyncio.sleep(0.3)  # many minutes of this test
        assert switch.requests == []
        place.looked.set()
        await switch.hear(1)
        await asyncio.sleep(0.3)
        assert len(switch.requests) == 1, "one look is one beat"


async def test_an_address_that_fails_is_asked_again(place: Place, switch: Switch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heartbeat, "MINUTE", 0.02)
    switch.trouble["GET /ping/secret"] = [PlainTextResponse("no", 500)]
    async with beating(place):
        place.looked.set()
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while len(switch.requests) < 2:
                place.looked.set()
                await asyncio.sleep(0.02)


async def test_without_an_address_nothing_is_asked(place: Place, switch: Switch):
    place.settings = place.settings.model_copy(update={"heartbeat_url": ""})
    await asyncio.wait_for(heartbeat.run(place, asyncio.Event()), 1)
    assert switch.requests == []
