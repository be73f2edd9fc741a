"""Telegram in the inbox: the host, the fake and the database together."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.telegram import Telegram
from inbox.conversations import receive, replies
from inbox.models import Attachment, Channel, ChannelState, Conversation, Delivery, Direction, Message, Reaction, Wait
from tests.connectors.telegram.fake import ANNA, MORNING, OWNER, TOKEN, BotApi, Refusal, message, private_chat, serving
from tests.connectors.test_runner import Theatre
from tests.make import MONDAY, Make

GROUP = -1001234
BERND = {"id": 13, "is_bot": False, "first_name": "Bernd"}


class Bot(Theatre):
    """A bot's channel, with the host that runs it."""

    api: BotApi
    address: str
    server: AsyncExitStack

    async def bot(self, **config: Any) -> Channel:
        stored = self.house.vault.encrypt(json.dumps({"token": TOKEN, "api_url": self.address, **config}))
        async with self.house.database.transaction() as session:
            made = Make(session)
            return await made.channel(await made.workspace(undo_seconds=0), platform="telegram", account_id="", config=stored)

    async def bodies(self) -> list[str]:
        async with self.house.database.transaction() as session:
            return list(await session.scalars(select(col(Message.body)).order_by(col(Message.at), col(Message.id))))

    async def until_there(self, *bodies: str) -> None:
        async def there() -> bool:
            return set(bodies) <= set(await self.bodies())

        await self.until(there)

    async def answer(self, body: str, question: str) -> Message:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            past = self.house.clock() - timedelta(seconds=10)
            return await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=past)


@pytest.fixture
async def bot(house: House) -> AsyncIterator[Bot]:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",), "max_upload_bytes": 2000})
    bot = Bot(house)
    bot.api = BotApi()
    async with AsyncExitStack() as bot.server:
        bot.address = await bot.server.enter_async_context(serving(bot.api))
        yield bot
    http.allow(())


@asynccontextmanager
async def opened(bot: Bot) -> AsyncIterator[Channel]:
    channel = await bot.bot()
    async with bot.host():
        await bot.until(lambda: any(call == "getUpdates" for call, _ in bot.api.calls))
        yield channel


async def test_a_question_with_a_picture_comes_in_and_its_answer_goes_out(bot: Bot):
    async with opened(bot):
        picture = {"file_id": bot.api.add_file(b"\x89PNG mug"), "file_unique_id": "u", "file_size": 8, "width": 9, "height": 6}
        bot.api.push("message", message(5, 12, caption="Is it there?", photo=[picture]))
        await bot.until_there("Is it there?")
        await bot.answer("Yes, at nine.", "Is it there?")
        await bot.until(lambda: bot.api.sent)
        await bot.until(lambda: bot.ask(select(col(Wait.id)).where(col(Wait.closed_at).is_not(None))))
        await bot.until(lambda: bot.ask(select(col(Attachment.id)).where(col(Attachment.sha256).is_not(None))))
    (sent,) = [given for call, given in bot.api.calls if call == "sendMessage"]
    assert sent == {"chat_id": "12", "text": "Yes, at nine.", "reply_parameters": {"message_id": 5, "allow_sending_without_reply": True}}
    reply = await bot.ask(select(Message).where(col(Message.direction) == Direction.OUT))
    assert (reply.delivery, reply.external_id) == (Delivery.SENT, "12:901")
    file = await bot.ask(select(Attachment))
    assert (file.media_type, file.url, bot.house.files.path(file.sha256).read_bytes()) == (
        "image/jpeg",
        "telegram:AgACAgI0",
        b"\x89PNG mug",
    )


async def test_a_file_larger_than_files_may_be_here_is_given_up(bot: Bot):
    async with opened(bot):
        paper = {"file_id": bot.api.add_file(b"x" * 2001), "file_unique_id": "u", "file_name": "paper.pdf"}
        bot.api.push("message", message(5, 12, caption="Look", document=paper))
        await bot.until_there("Look")
        await bot.until(lambda: bot.ask(select(col(Attachment.id)).where(col(Attachment.fetch_tries) >= 6)))
    assert await bot.ask(select(col(Attachment.id)).where(col(Attachment.sha256).is_not(None))) is None


async def test_250_messages_during_a_pause_are_caught_up_in_order_none_lost_and_none_twice(bot: Bot):
    bot.api.push("message", message(1, 12, "Message 1"))
    channel = await bot.bot()
    async with bot.host():
        await bot.until_there("Message 1")
    for number in range(2, 252):
        bot.api.push("message", message(number, 12, f"Message {number}"))
    async with bot.host():
        await bot.until_there("Message 251")
        await bot.until(lambda: not bot.api.updates)
    assert await bot.bodies() == [f"Message {number}" for number in range(1, 252)]
    assert (await bot.row(channel)).gap_at is None


async def test_a_token_that_is_refused_breaks_the_channel_until_somebody_reconnects(bot: Bot):
    async with opened(bot) as channel:
        bot.api.token = "4711:new"
        bot.api.push("message", message(1, 12, "Hi"))
        await bot.until_state(channel, ChannelState.BROKEN)
    row = await bot.row(channel)
    assert "BotFather" in (row.error or "")
    assert TOKEN not in (row.error or "")


async def test_a_reply_that_telegram_may_have_taken_is_not_sent_again(bot: Bot):
    async with opened(bot):
        bot.api.push("message", message(5, 12, "When?"))
        await bot.until_there("When?")
        bot.api.refusals.append(Refusal(502, "Bad Gateway"))
        await bot.answer("At nine.", "When?")
        await bot.until(lambda: bot.ask(select(col(Message.id)).where(col(Message.delivery) == Delivery.AMBIGUOUS)))
        await asyncio.sleep(0.3)
    assert [call for call, _ in bot.api.calls if call.startswith("send")] == ["sendMessage"]


async def test_what_telegram_pushes_is_stored_before_it_is_answered(bot: Bot, client: httpx.AsyncClient):
    channel = await bot.bot(webhook_url="https://inbox.example/hooks/KEY", webhook_secret="a-secret")
    update = {"update_id": 500, "message": message(5, 12, "When?")}
    for secret, status in (("a-secret", 200), ("a-secret", 200), ("another", 401), (None, 401)):
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        answer = await client.post(f"/hooks/{channel.key}?name=shop_bot", json=update, headers=headers)
        assert answer.status_code == status
    assert await bot.bodies() == ["When?"]


async def test_a_server_that_restarts_is_read_on(bot: Bot):
    async with opened(bot) as channel:
        bot.api.push("message", message(1, 12, "Before"))
        await bot.until_there("Before")
        await bot.until(lambda: not bot.api.updates)
        await bot.server.aclose()
        await bot.until_state(channel, ChannelState.FAILING)
        bot.api.push("message", message(2, 12, "After"))
        await bot.server.enter_async_context(serving(bot.api, urlsplit(bot.address).port or 0))
        await bot.until_there("After")
        await bot.until_state(channel, ChannelState.HEALTHY)
    assert await bot.bodies() == ["Before", "After"]


STORY = [
    ("message", message(1, GROUP, "@shop_bot when?", entities=[{"type": "mention", "offset": 0, "length": 9}])),
    (
        "message",
        message(2, GROUP, "Me too", sender={**ANNA, "id": 13, "first_name": "Bernd"}, reply_to_message=message(1, GROUP, "before")),
    ),
    ("edited_message", message(1, GROUP, "@shop_bot when, please?", edit_date=MORNING + 60)),
    (
        "message_reaction",
        {
            "chat": {"id": GROUP, "type": "supergroup", "title": "Shop talk"},
            **{"message_id": 2, "date": MORNING + 70, "user": ANNA, "old_reaction": []},
            "new_reaction": [{"type": "emoji", "emoji": "👍"}],
        },
    ),
    ("business_message", message(3, private_chat(), "Never mind", business_connection_id="c1")),
    ("deleted_business_messages", {"business_connection_id": "c1", "chat": private_chat(), "message_ids": [3]}),
    ("business_message", message(4, private_chat(), "At nine.", sender=OWNER, business_connection_id="c1")),
]


def a_bot() -> Telegram:
    return Telegram(Telegram.Config.model_validate({"token": TOKEN}))


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_delivery_makes_no_difference(session: Any, make: Make, seed: int):
    channel = await make.channel(await make.workspace(), platform="telegram", account_id="4711")
    telegram = a_bot()
    story = [{"update_id": number, kind: value} for number, (kind, value) in enumerate(STORY)]
    random.Random(seed).shuffle(story)
    for update in [*story, *story]:
        batch = telegram.reread(json.dumps(update).encode(), MONDAY)
        assert not batch.rejected
        await receive.receive(session, channel, batch, now=MONDAY, move_cursor=False)
        session.expunge_all()
    shown = (Message.external_id, Message.body, col(Message.deleted_at).is_not(None), Message.direction)
    rows = [tuple(row) for row in await session.execute(select(*shown).order_by(col(Message.external_id)))]
    assert [row[0] for row in rows] == [f"{GROUP}:1", f"{GROUP}:2", "c1@12:3", "c1@12:4"]
    assert [rows[0][1], rows[2][2], rows[3][3]] == ["@shop_bot when, please?", True, Direction.OUT]
    assert len((await session.scalars(select(Reaction))).all()) == 1
