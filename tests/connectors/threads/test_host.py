"""Threads in the inbox: the host, the fake and the database together."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from connectors import http
from inbox import channels
from inbox.models import Channel, ChannelState, Message
from tests.connectors.meta.fake import TOKEN, escaped, serving, signature
from tests.connectors.test_runner import Theatre
from tests.connectors.threads.fake import USER, ProfileApi, config, replied
from tests.connectors.threads.test_threads import AGO, NOW
from tests.make import Make


class Profile(Theatre):
    """A profile's channel, with the host that runs it."""

    api: ProfileApi
    address: str

    async def opened(self, **values: str) -> Channel:
        async with self.house.database.transaction() as session:
            made = Make(session)
            sealed = self.house.vault.encrypt(json.dumps(config(self.address)))
            return await made.channel(await made.workspace(), platform="threads", config=sealed, **{"account_id": "", **values})

    async def stored(self, channel: Channel) -> dict[str, str]:
        return channels.opened(self.house.vault, await self.row(channel))


@pytest.fixture
async def profile(house: House) -> AsyncIterator[Profile]:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    profile = Profile(house)
    profile.api = ProfileApi()
    async with serving(profile.api) as profile.address:
        yield profile
    http.allow(())


async def test_what_was_missed_comes_in_and_the_account_is_known(profile: Profile):
    profile.api.post(at=AGO)
    profile.api.reply("7", "When?", at=AGO)
    channel = await profile.opened()
    async with profile.host():
        await profile.until(lambda: profile.ask(select(col(Message.id)).where(col(Message.external_id) == "7")))
        await profile.until_state(channel, ChannelState.HEALTHY)
    assert (await profile.row(channel)).account_id == USER


async def test_a_token_that_was_renewed_is_kept(profile: Profile):
    profile.api.expires_at = int((NOW + timedelta(days=20)).timestamp())
    channel = await profile.opened()

    async def is_kept() -> bool:
        return (await profile.stored(channel)) == config(profile.address) | {"access_token": profile.api.next_token}

    async with profile.host():
        await profile.until(is_kept)
    profile.api.next_token = TOKEN
    async with profile.host():  # another process begins with it
        await profile.until(is_kept)


async def test_a_token_that_died_asks_somebody_to_connect_again(profile: Profile):
    profile.api.token = "another"
    channel = await profile.opened(account_id=USER)
    async with profile.host():
        await profile.until_state(channel, ChannelState.BROKEN)
    assert "connect the account again" in ((await profile.row(channel)).error or "")


async def test_one_address_serves_two_profiles_of_one_workspace(profile: Profile, client: httpx.AsyncClient):
    first = await profile.opened(account_id=USER)
    async with profile.house.database.transaction() as session:
        sealed = profile.house.vault.encrypt(json.dumps(config(profile.address) | {"user_id": "78902"}))
        workspace = {"platform": "threads", "config": sealed, "account_id": "78902", "workspace_id": first.workspace_id}
        second = await Make(session).channel(first, **workspace)  # type: ignore[arg-type]  # only its workspace matters
    body = escaped([replied("7", "Mine"), replied("8", "Theirs", owner="78902"), replied("9", "Nobody's", owner="1")])
    answer = await client.post(f"/hooks/{first.key}", content=body, headers={"X-Hub-Signature-256": signature(body)})
    assert (answer.status_code, answer.text) == (200, "EVENT_RECEIVED")
    refused = await client.post(f"/hooks/{first.key}", content=body + b" ", headers={"X-Hub-Signature-256": signature(body)})
    assert refused.status_code == 401
    async with profile.house.database.transaction() as session:
        found = {(message.channel_id, message.body) for message in await session.scalars(select(Message))}
    assert found == {(first.id, "Mine"), (second.id, "Theirs")}
