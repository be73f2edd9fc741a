"""Slack in the inbox: the host, the fake and the database together."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.deps import House
from connectors import http
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message
from tests.connectors.slack.fake import ANNA, APP_TOKEN, CHAT, HELP, TOKEN, US, Refusal, Workspace, now, serving
from tests.connectors.test_runner import Theatre
from tests.make import Make


class Office(Theatre):
    """A workspace's channel, with the host that runs it."""

    slack: Workspace

    async def connect(self) -> Channel:
        given = {"bot_token": TOKEN, "app_token": APP_TOKEN, "api_url": f"{self.slack.address}/api"}
        async with self.house.database.transaction() as session:
            made = Make(session)
            stored = self.house.vault.encrypt(json.dumps(given))
            workspace = await made.workspace(undo_seconds=0)
            return await made.channel(workspace, platform="slack", account_id="", config=stored, state=ChannelState.CONNECTING)

    async def until_there(self, *bodies: str) -> None:
        shown = select(col(Message.body)).where(col(Message.deleted_at).is_(None)).order_by(col(Message.at), col(Message.id))

        async def there() -> bool:
            async with self.house.database.transaction() as session:
                return list(await session.scalars(shown)) == list(bodies)

        await self.until(there)

    async def answer(self, body: str, question: str) -> None:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=datetime.now(UTC))


@pytest.fixture
async def office(house: House) -> AsyncIterator[Office]:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    found = Office(house)
    found.slack = Workspace()
    async with serving(found.slack):
        yield found
    http.allow([])


async def test_through_the_inbox_and_back(office: Office):
    channel, slack = await office.connect(), office.slack
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        await office.until(lambda: slack.sockets)
        said = slack.say(ANNA, f"<@{US}> until whn?", ts=now())
        await slack.push(slack.told(said))
        await office.until_there("@Parley until whn?")
        await slack.push(slack.edit(HELP, said, f"<@{US}> until when?"))
        await office.until_there("@Parley until when?")
        slack.lost_answers = 1
        await office.answer("Until <eight>.", "@Parley until when?")
        await office.until_delivery(Delivery.SENT)
        sent = slack.messages[HELP][-1]
        await slack.push(slack.told(sent))
        later = slack.say(ANNA, "Thanks", thread_ts=said["ts"], ts=now())
        await slack.push(slack.told(later))
        await slack.push(slack.told(slack.say(ANNA, "Psst", CHAT, ts=now()), CHAT))
        await office.until_there("@Parley until when?", "Until <eight>.", "Thanks", "Psst")
    assert [said["text"] for said in slack.messages[HELP]] == [f"<@{US}> until when?", "Until &lt;eight&gt;.", "Thanks"]
    assert await office.ask(select(func.count()).select_from(Conversation)) == 2  # the channel's thread, and the chat
    assert await office.ask(select(func.count()).select_from(Message).where(col(Message.direction) == Direction.OUT)) == 1


async def test_what_happened_while_the_inbox_was_down_is_there_once(office: Office):
    channel, slack = await office.connect(), office.slack
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        await office.until(lambda: slack.sockets)
        root = slack.say(ANNA, "Before", ts=now())
        await slack.push(slack.told(root))
        await office.until_there("Before")
    for number in range(5):
        slack.say(ANNA, f"Number {number}", ts=now(), **({"thread_ts": root["ts"]} if number % 2 else {}))
    async with office.host():
        await office.until_there("Before", *(f"Number {number}" for number in range(5)))


async def test_a_token_that_is_revoked_asks_for_a_new_one(office: Office):
    channel = await office.connect()
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        await office.until(lambda: office.slack.sockets)
        office.slack.refusals["auth.test"] = [Refusal("token_revoked")]
        await office.slack.sockets[-1].close()
        await office.until_state(channel, ChannelState.BROKEN)
    assert "token_revoked" in (await office.row(channel)).error
