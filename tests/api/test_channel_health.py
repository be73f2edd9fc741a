"""A channel that reads and does not send: where one sees it, and what ends it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

import connectors
from api.deps import House
from inbox import channels
from inbox.contract import AuthError
from inbox.conversations import health
from inbox.models import Channel, ChannelState, Workspace
from tests.api.people import Person, browser, found, person
from tests.api.platform import Harbour, HarbourConfig

WORDS = "The password for sending is wrong."


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(connectors, "addresses", lambda: {"harbour": "tests.api.platform:Harbour"})
    connectors.find.cache_clear()
    Harbour.problem = None
    yield
    connectors.find.cache_clear()


@pytest.fixture
async def workspace(house: House) -> Workspace:
    return await found(house)


@pytest.fixture
async def admin(house: House, workspace: Workspace) -> Person:
    return await person(house, workspace)


@pytest.fixture
async def channel(house: House, admin: Person, platform: None) -> Channel:
    async with house.database.transaction() as session:
        config = HarbourConfig.model_validate({"address": "port@example.org", "token": "hidden"})
        channel = await channels.add(
            session, house.vault, admin.access, platform="harbour", name="Harbour", config=config, now=house.clock()
        )
        channel.state = ChannelState.HEALTHY
        await session.flush()
        await health.sending_failed(session, channel, WORDS, code="AuthError", now=house.clock())
    return channel


async def test_its_page_and_the_list_say_that_it_reads_and_does_not_send(app: FastAPI, admin: Person, channel: Channel):
    address = f"/w/{channel.workspace_id}/settings/channels"
    async with browser(app, admin) as client:
        for page in (await client.get(address), await client.get(f"{address}/{channel.id}")):
            assert "Reads, but does not send" in page.text
            assert f"Replies do not leave: {WORDS}" in page.text
        client.headers["accept-language"] = "de"
        assert "Antworten gehen nicht hinaus" in (await client.get(f"{address}/{channel.id}")).text


async def test_a_check_that_works_ends_it_and_one_that_fails_does_not(app: FastAPI, admin: Person, channel: Channel):
    address = f"/w/{channel.workspace_id}/settings/channels/{channel.id}"
    async with browser(app, admin) as client:
        Harbour.problem = AuthError("No.")
        assert "Replies do not leave" in (await client.post(f"{address}/check")).text
        Harbour.problem = None
        assert "Replies do not leave" not in (await client.post(f"{address}/check")).text
        assert "Replies do not leave" not in (await client.get(address)).text
