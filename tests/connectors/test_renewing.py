"""Secrets that platforms give anew: stored before they are used, and what happens when a process ends in between."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

import connectors
from api.deps import House
from connectors import http
from connectors.host.renewing import Stored
from inbox import channels
from inbox.contract import AuthError, Renews
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Delivery
from tests.api.people import browser, found, person
from tests.connectors.kept import Kept
from tests.connectors.served import serving
from tests.connectors.test_runner import Theatre
from tests.connectors.tiktok.fake import REFRESH, SECRET, US, TikTok
from tests.connectors.twitch import fake as twitch
from tests.connectors.twitch.test_twitch import a_connector
from tests.make import Make


class Account(Theatre):
    """A TikTok account: each of its refresh tokens is good for one time."""

    api: TikTok

    @property
    def config(self) -> dict[str, Any]:
        return {"app_id": "app", "app_secret": SECRET, "business_id": US, "refresh_token": REFRESH, "api_url": self.api.address}

    async def opened(self, **values: Any) -> Channel:
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = values.pop("workspace", None) or await make.workspace(undo_seconds=0)
            sealed = self.house.vault.encrypt(json.dumps(self.config))
            values = {"account_id": "", "state": ChannelState.CONNECTING, **values}
            return await make.channel(workspace, platform="tiktok", config=sealed, **values)

    async def stored(self, channel: Channel) -> dict[str, str]:
        return channels.opened(self.house.vault, await self.row(channel))

    async def answer(self, channel: Channel) -> None:
        async with self.house.database.transaction() as session:
            make = Make(session)
            conversation = await make.conversation(channel)
            await make.message(conversation, thread_external_id="dm:69")
            past = datetime.now(UTC) - timedelta(seconds=1)
            key = f"key{conversation.id}"
            await replies.queue(session, conversation, None, body="At nine.", client_key=key, now=past, anyway=True)

    def lent(self, channel: Channel) -> Stored:
        return Stored(self.house.database, self.house.vault, channel)


@pytest.fixture
async def account(house: House) -> AsyncIterator[Account]:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    account = Account(house)
    account.api = TikTok()
    http.allow(["127.0.0.0/8"])
    async with serving(account.api):
        yield account
    http.allow(())


async def test_every_process_goes_on_with_the_newest_of_tokens_that_are_good_for_one_time(account: Account):
    channel = await account.opened()
    for _ in range(3):
        async with account.host():
            await account.until_state(channel, ChannelState.HEALTHY)
        await account.change("UPDATE channel SET state = 'connecting'")
        assert (await account.stored(channel))["refresh_token"] not in account.api.used
    assert account.api.tokens == 3


async def test_reading_and_sending_in_one_process_take_no_token_from_each_other(account: Account):
    channel = await account.opened(account_id=US)
    async with account.host():
        await account.until_state(channel, ChannelState.HEALTHY)
        for number in range(1, 3):
            await account.answer(channel)
            await account.until_delivery(Delivery.SENT, number)
    assert account.api.tokens == 2  # one to read, one to send


async def test_a_process_that_ends_while_it_stores_a_token_stores_it(account: Account, monkeypatch: pytest.MonkeyPatch):
    channel = await account.opened()
    begun, goes_on, write = asyncio.Event(), asyncio.Event(), Stored._write

    async def slowly(stored: Stored, renewed: Mapping[str, str]) -> None:
        begun.set()
        await goes_on.wait()
        await write(stored, renewed)

    monkeypatch.setattr(Stored, "_write", slowly)
    connector = connectors.find("tiktok")(connectors.find("tiktok").Config.model_validate(account.config))
    assert isinstance(connector, Renews)
    connector.lend(account.lent(channel))
    checking = asyncio.create_task(connector.check())
    async with asyncio.timeout(20):
        await begun.wait()
    asked = list(account.api.requests)
    checking.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await checking
    await connector.aclose()
    assert asked == ["POST /tt_user/oauth2/refresh_token/"]  # it is not used before it is stored
    assert (await account.stored(channel))["refresh_token"] == f"{REFRESH}1"


async def test_a_token_is_stored_when_the_database_comes_back(account: Account, monkeypatch: pytest.MonkeyPatch):
    channel = await account.opened()
    write, away = Stored._write, [OSError(), OSError()]

    async def at_first_away(stored: Stored, renewed: Mapping[str, str]) -> None:
        if away:
            raise away.pop()
        await write(stored, renewed)

    monkeypatch.setattr(Stored, "_write", at_first_away)
    monkeypatch.setattr("connectors.host.renewing.FIRST_PAUSE", 0.001)
    await account.lent(channel).keep({"refresh_token": "newer"})
    assert (await account.stored(channel))["refresh_token"] == "newer"


async def test_what_somebody_has_changed_meanwhile_counts(account: Account):
    channel = await account.opened()
    lent = account.lent(channel)
    reconnected = account.house.vault.encrypt(json.dumps({**account.config, "refresh_token": "by hand"}))
    async with account.house.database.transaction() as session:
        (await session.get_one(Channel, channel.id)).config = reconnected
    await lent.keep({"refresh_token": "renewed"})
    assert (await account.stored(channel))["refresh_token"] == "by hand"
    assert (await lent.newest())["refresh_token"] == "by hand"


async def test_a_check_of_new_settings_stores_the_token_that_it_was_given(account: Account, app: FastAPI):
    workspace = await found(account.house)
    admin = await person(account.house, workspace)
    address = f"/w/{workspace.id}/settings/channels"
    form = {"name": "Ours", **{f"config.{name}": value for name, value in account.config.items()}}
    account.api.scope = "comment.list"
    async with browser(app, admin) as client:
        refused = await client.post(f"{address}/new/tiktok", data=form)
        assert "comment.list.manage" in refused.text
        account.api.scope = TikTok.scope
        sealed = refused.text.split('name="kept" value="')[1].split('"')[0]
        again = {**form, "config.refresh_token": "", "config.app_secret": "", "kept": sealed}  # what was typed is worth nothing now
        assert (await client.post(f"{address}/new/tiktok", data=again)).status_code == 200
        async with account.house.database.transaction() as session:
            channel = await session.get_one(Channel, 1)
        assert (await account.stored(channel))["refresh_token"] == f"{REFRESH}2"
        account.api.scope = "comment.list"
        assert "comment.list.manage" in (await client.post(f"{address}/1/check")).text
    assert (await account.stored(channel))["refresh_token"] == f"{REFRESH}3"


async def test_on_twitch_one_takes_over_what_the_other_has_renewed():
    http.allow(["127.0.0.0/8"])
    served = twitch.Twitch()
    async with twitch.serving(served):
        kept = Kept(access_token=twitch.TOKEN, refresh_token=twitch.REFRESH)
        one, two = (a_connector(served, client_secret=twitch.SECRET, refresh_token=twitch.REFRESH) for _ in range(2))
        for connector in (one, two):
            connector.lend(kept)
        served.token = "ended"
        await one.check()
        await two.check()
        assert kept.renewals == [{"access_token": "renewed-1", "refresh_token": twitch.REFRESH}]
        served.token, served.renews = "ended again", False
        with pytest.raises(AuthError):
            await two.check()
        for connector in (one, two):
            await connector.aclose()
    http.allow(())
