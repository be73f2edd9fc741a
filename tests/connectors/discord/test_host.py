"""Discord in the inbox: the host, the fake and the database together."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.discord import live
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message, Wait
from tests.connectors.discord.fake import TOKEN, Discord, serving
from tests.connectors.discord.shapes import ANNA, GENERAL, US, Json
from tests.connectors.test_runner import Theatre
from tests.make import Make


class Account(Theatre):
    """A bot's channel, with the host that runs it."""

    api: Discord

    async def connect(self, **config: str) -> Channel:
        stored = self.house.vault.encrypt(json.dumps({"api_url": self.api.address, "token": TOKEN, **config}))
        async with self.house.database.transaction() as session:
            made = Make(session)
            return await made.channel(await made.workspace(undo_seconds=0), platform="discord", account_id="", config=stored)

    async def bodies(self) -> list[str]:
        async with self.house.database.transaction() as session:
            shown = select(col(Message.body)).where(col(Message.deleted_at).is_(None))
            return list(await session.scalars(shown.order_by(col(Message.at), col(Message.id))))

    async def until_there(self, *bodies: str) -> None:
        async def there() -> bool:
            return list(bodies) == await self.bodies()

        await self.until(there)

    async def until_live(self) -> None:
        await self.until(lambda: self.api.gateway.sessions)
        await self.until(lambda: self.ask(select(col(Channel.id)).where(col(Channel.cursor).contains('"session":['))))

    async def answer(self, body: str, question: str) -> None:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=datetime.now(UTC))

    async def until_sent(self) -> None:
        await self.until(lambda: self.ask(select(col(Message.id)).where(col(Message.delivery) == Delivery.SENT)))

    def ours(self, where: str) -> list[Json]:
        return [one for one in self.api.messages[where].values() if one["author"]["id"] == US["id"]]


@pytest.fixture
async def account(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Account]:
    monkeypatch.setattr(live, "SHORTEST", 0.001)
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    account = Account(house)
    account.api = Discord()
    async with serving(account.api):
        yield account
    http.allow(())


async def test_a_question_comes_in_and_its_answer_goes_out_and_is_not_shown_twice(account: Account):
    await account.connect()
    async with account.host():
        await account.until_live()
        asked = await account.api.say(GENERAL, ANNA, "When?", to=[US])
        await account.until_there("When?")
        await account.answer("At nine.", "When?")
        await account.until_sent()
        await account.api.say(GENERAL, ANNA, "Thanks")
        await account.until(lambda: account.ask(select(col(Message.id)).where(col(Message.body) == "Thanks")))
    (sent,) = account.ours(GENERAL)
    assert sent["message_reference"]["message_id"] == asked["id"]
    reply = await account.ask(select(Message).where(col(Message.direction) == Direction.OUT))
    assert (reply.external_id, reply.native, await account.messages()) == (f"{GENERAL}/{sent['id']}", False, 3)
    assert await account.ask(select(func.count()).select_from(Conversation)) == 1
    assert await account.ask(select(col(Wait.closed_at)).order_by(col(Wait.id)).limit(1)) is not None


async def test_an_edit_and_a_deletion_are_seen(account: Account):
    await account.connect()
    async with account.host():
        await account.until_live()
        one, two = await account.api.say(GENERAL, ANNA, "Whem?"), await account.api.say(GENERAL, ANNA, "Never mind")
        await account.until_there("Whem?", "Never mind")
        await account.api.edit(one, "When?")
        await account.api.delete(two)
        await account.until_there("When?")


@pytest.mark.parametrize("is_forgotten", [False, True])
async def test_250_messages_during_a_pause_are_caught_up_in_order_none_lost_and_none_twice(account: Account, is_forgotten: bool):
    await account.connect()
    async with account.host():
        await account.until_live()
        await account.api.say(GENERAL, ANNA, "Message 0")
        await account.until_there("Message 0")
    if is_forgotten:
        account.api.gateway.forget()
    for number in range(1, 251):
        await account.api.say(GENERAL, ANNA, f"Message {number}")
    async with account.host():
        await account.until_there(*(f"Message {number}" for number in range(251)))


async def test_an_answer_whose_confirmation_got_lost_is_sent_again_and_is_there_once(account: Account):
    await account.connect()
    async with account.host():
        await account.until_live()
        chat = account.api.chat(ANNA)["id"]
        await account.api.say(chat, ANNA, "When?")
        await account.until_there("When?")
        account.api.lost_answers = 2
        account.api.gateway.sessions.clear()  # the echo would tell too
        await account.answer("At nine.", "When?")
        await account.until(lambda: account.api.requests.count(f"POST /channels/{chat}/messages") == 3)
        await account.until_sent()
    assert len(account.ours(chat)) == 1
    assert await account.messages() == 2


@pytest.mark.parametrize("how", ["the token is refused", "the gateway refuses it"])
async def test_a_refused_token_asks_a_person_to_reconnect(account: Account, how: str):
    if how == "the gateway refuses it":
        account.api.gateway.closes = [4004]
    channel = await account.connect(**({"token": "x" * 60} if how == "the token is refused" else {}))
    async with account.host():
        await account.until_state(channel, ChannelState.BROKEN)
    assert "token" in ((await account.row(channel)).error or "")


async def test_a_missing_intent_is_a_failure_that_says_what_to_turn_on(account: Account):
    account.api.gateway.allows_content = False
    channel = await account.connect()
    async with account.host():
        await account.until_state(channel, ChannelState.FAILING)
    assert "Message Content Intent" in ((await account.row(channel)).error or "")


async def test_a_server_that_restarts_costs_nothing(account: Account):
    await account.connect()
    async with account.host():
        await account.until_live()
        await account.api.say(GENERAL, ANNA, "One")
        await account.until_there("One")
        account.api.gateway.forget()
        await account.api.say(GENERAL, ANNA, "Two")
        await account.until_there("One", "Two")
