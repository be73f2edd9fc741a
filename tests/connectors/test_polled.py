"""Platforms that are asked, in the inbox: the host, their fakes and the database together."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from api.deps import House
from connectors import http
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message
from tests.connectors.discourse import fake as discourse
from tests.connectors.lemmy import fake as lemmy
from tests.connectors.serving import serving
from tests.connectors.test_runner import Theatre
from tests.connectors.trustpilot import fake as trustpilot
from tests.connectors.wordpress import fake as wordpress
from tests.make import Make


@dataclass
class Polled:
    """A platform's fake: how somebody says something there, and the settings of its channel."""

    name: str
    fake: Any
    say: Callable[[str], Any]
    settings: dict[str, Any]
    address: str  # what the setting for it is called
    secret: str

    async def answer(self, request: Request) -> Response:
        return await self.fake.answer(request)


def of_discourse() -> Polled:
    forum = discourse.Forum()
    settings = {"username": discourse.US, "api_key": discourse.KEY}
    return Polled("discourse", forum, lambda text: forum.say(text, at=datetime.now(UTC)), settings, "forum", "api_key")


def of_lemmy() -> Polled:
    server = lemmy.Lemmy()
    return Polled("lemmy", server, lambda text: server.say(text, at=datetime.now(UTC)), {"token": lemmy.TOKEN}, "server", "token")


def of_wordpress() -> Polled:
    site = wordpress.WordPress()
    settings = {"username": "mira", "application_password": wordpress.PASSWORD}
    return Polled("wordpress", site, lambda text: site.say(text, at=datetime.now(UTC)), settings, "site", "application_password")


def of_trustpilot() -> Polled:
    fake = trustpilot.Pilot()
    return Polled("trustpilot", fake, lambda text: fake.say(text, at=datetime.now(UTC)), fake.settings(""), "server", "api_secret")


class Account(Theatre):
    """The platform's channel, with the host that runs it."""

    platform: Polled
    where: str

    async def connect(self, **more: str) -> Channel:
        settings = {**self.platform.settings, self.platform.address: self.where, **more}
        async with self.house.database.transaction() as session:
            made = Make(session)
            stored = self.house.vault.encrypt(json.dumps(settings))
            return await made.channel(await made.workspace(undo_seconds=0), platform=self.platform.name, account_id="", config=stored)

    async def until_there(self, *bodies: str) -> None:
        async def there() -> bool:
            async with self.house.database.transaction() as session:
                shown = select(col(Message.body)).where(col(Message.direction) == Direction.IN).order_by(col(Message.at), col(Message.id))
                return list(await session.scalars(shown)) == list(bodies)

        await self.until(there)

    async def answer(self, body: str, question: str) -> None:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=datetime.now(UTC))


@pytest.fixture(params=[of_discourse, of_lemmy, of_trustpilot, of_wordpress], ids=["discourse", "lemmy", "trustpilot", "wordpress"])
async def account(house: House, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    monkeypatch.setattr("connectors.wordpress.connector.JITTER", (0.002, 0.002))
    monkeypatch.setattr("connectors.reviews.account.INTERVAL", 0.05)
    for name in ("discourse", "lemmy"):
        monkeypatch.setattr(f"connectors.{name}.connector.INTERVAL", 0.05)
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    account = Account(house)
    account.platform = request.param()
    async with serving(account.platform.answer) as account.where:
        yield account
    http.allow(())


async def test_what_was_said_meanwhile_comes_in_order_and_an_answer_goes_out_and_is_not_shown_twice(account: Account):
    await account.connect()
    account.platform.say("Message 0")
    async with account.host():
        await account.until_there("Message 0")
    for number in range(1, 121):
        account.platform.say(f"Message {number}")
    everything = [f"Message {number}" for number in range(121)]
    async with account.host():
        await account.until_there(*everything)
        await account.answer("At nine.", "Message 120")
        await account.until_delivery(Delivery.SENT)
        account.platform.say("Thanks")
        await account.until_there(*everything, "Thanks")
    reply = await account.ask(select(Message).where(col(Message.direction) == Direction.OUT))
    assert (reply.native, reply.body, reply.external_id is not None) == (False, "At nine.", True)
    assert await account.ask(select(func.count()).select_from(Message).where(col(Message.direction) == Direction.OUT)) == 1


async def test_credentials_that_are_refused_ask_a_person_to_reconnect(account: Account):
    account.platform.fake.trouble = {
        f"GET {path}": [wordpress.refused(401, "rest_not_logged_in")] for path in ("users/me", "/session/current.json")
    }
    channel = await account.connect(**{account.platform.secret: "gone"})
    async with account.host():
        await account.until_state(channel, ChannelState.BROKEN)
    assert "gone" not in ((await account.row(channel)).error or "")
