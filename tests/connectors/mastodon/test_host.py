"""Mastodon in the inbox: the host, the fake and the database together."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.mastodon import reading
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message, Wait
from tests.connectors.mastodon.fake import ANNA, TOKEN, Json, Mastodon, serving
from tests.connectors.test_runner import Theatre
from tests.make import Make


class Account(Theatre):
    """An account's channel, with the host that runs it."""

    api: Mastodon

    async def connect(self, **config: str) -> Channel:
        stored = self.house.vault.encrypt(json.dumps({"server": self.api.address, "access_token": TOKEN, **config}))
        async with self.house.database.transaction() as session:
            made = Make(session)
            return await made.channel(await made.workspace(undo_seconds=0), platform="mastodon", account_id="", config=stored)

    async def bodies(self) -> list[str]:
        async with self.house.database.transaction() as session:
            shown = select(col(Message.body)).where(col(Message.deleted_at).is_(None))
            return list(await session.scalars(shown.order_by(col(Message.at), col(Message.id))))

    async def until_there(self, *bodies: str) -> None:
        async def there() -> bool:
            return list(bodies) == await self.bodies()

        await self.until(there)

    async def answer(self, body: str, question: str) -> None:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=datetime.now(UTC))

    def say(self, text: str, **more: Any) -> Json:
        return self.api.say(ANNA, text, at=datetime.now(UTC), **more)

    def sent(self) -> list[Json]:
        return [status for status in self.api.posted if status["account"]["id"] != ANNA["id"]]


@pytest.fixture
async def account(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    monkeypatch.setattr(reading, "BREATH", 0.0)
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    account = Account(house)
    account.api = Mastodon()
    async with serving(account.api):
        yield account
    http.allow(())


async def test_a_private_question_comes_in_and_its_answer_goes_out_private_and_is_not_shown_twice(account: Account):
    await account.connect()
    async with account.host():
        await account.until(lambda: account.api.ears)
        asked = account.say("When?", visibility="direct")
        await account.until_there("When?")
        await account.answer("At nine.", "When?")
        await account.until(lambda: account.ask(select(col(Message.id)).where(col(Message.delivery) == Delivery.SENT)))
        account.say("Thanks", answering=account.sent()[0], visibility="direct")
        await account.until(lambda: account.ask(select(col(Message.id)).where(col(Message.body) == "Thanks")))
    (sent,) = account.sent()
    assert (sent["visibility"], sent["in_reply_to_id"], [one["acct"] for one in sent["mentions"]]) == (
        "direct",
        asked["id"],
        [ANNA["acct"]],
    )
    reply = await account.ask(select(Message).where(col(Message.direction) == Direction.OUT))
    assert (reply.external_id, reply.native, await account.messages()) == (sent["id"], False, 3)
    assert await account.ask(select(func.count()).select_from(Conversation)) == 1
    assert await account.ask(select(col(Wait.closed_at)).order_by(col(Wait.id)).limit(1)) is not None


async def test_an_edit_and_a_deletion_are_seen(account: Account):
    await account.connect()
    async with account.host():
        await account.until(lambda: account.api.ears)
        one, two = account.say("Whem?"), account.say("Never mind")
        await account.until_there("Whem?", "Never mind")
        account.api.edit(one, "When?")
        account.api.delete(two)
        await account.until_there("When?")


async def test_250_messages_during_a_pause_are_caught_up_in_order_none_lost_and_none_twice(account: Account):
    await account.connect()
    async with account.host():
        await account.until(lambda: account.api.ears)
        account.say("Message 0")
        await account.until_there("Message 0")
    for number in range(1, 251):
        account.say(f"Message {number}")
    async with account.host():
        await account.until_there(*(f"Message {number}" for number in range(251)))


async def test_an_answer_whose_confirmation_got_lost_is_sent_again_and_is_there_once(account: Account):
    await account.connect()
    async with account.host():
        await account.until(lambda: account.api.ears)
        account.say("When?")
        await account.until_there("When?")
        account.api.lost_answers = 2
        account.api.send = lambda raw: None  # the echo would tell too
        await account.answer("At nine.", "When?")
        await account.until(lambda: account.api.requests.count("POST /api/v1/statuses") == 3)
        await account.until(lambda: account.ask(select(col(Message.id)).where(col(Message.delivery) == Delivery.SENT)))
    assert len(account.sent()) == 1
    assert await account.messages() == 2


async def test_a_refused_token_asks_a_person_to_reconnect(account: Account):
    channel = await account.connect(access_token="gone")
    async with account.host():
        await account.until_state(channel, ChannelState.BROKEN)
    assert "access token" in ((await account.row(channel)).error or "")
