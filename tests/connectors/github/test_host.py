"""GitHub in the inbox: the host, the fake and the database together."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.github import connector
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message
from tests.connectors.github.fake import ANNA, BERND, REPOSITORY, TOKEN, US, Refusal, Repository, serving
from tests.connectors.test_runner import Theatre
from tests.make import Make


class Office(Theatre):
    """A repository's channel, with the host that runs it."""

    github: Repository

    async def connect(self) -> Channel:
        given = {"repository": REPOSITORY, "access_token": TOKEN, "api_url": self.github.address, "discussions": True}
        async with self.house.database.transaction() as session:
            made = Make(session)
            stored = self.house.vault.encrypt(json.dumps(given))
            workspace = await made.workspace(undo_seconds=0)
            return await made.channel(workspace, platform="github", account_id="", config=stored, state=ChannelState.CONNECTING)

    async def until_there(self, *bodies: str) -> None:
        shown = select(col(Message.body)).order_by(col(Message.at), col(Message.id))

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
async def office(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    monkeypatch.setattr(connector, "OFTEN", 0.1)
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    found = Office(house)
    found.github = Repository()
    async with serving(found.github):
        yield found
    http.allow([])


async def test_through_the_inbox_and_back(office: Office):
    channel, github = await office.connect(), office.github
    issue, topic = github.open(ANNA, "It is broken", "When?"), github.discuss(BERND, "Ideas", "Any?")
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        await office.until_there("When?", "Any?")
        github._clock = datetime.now(UTC)
        github.lost_answers = 1  # sent, but nobody knows: found by its key
        await office.answer("At nine.", "When?")
        await office.until_delivery(Delivery.SENT)
        await office.answer("None.", "Any?")
        await office.until_delivery(Delivery.SENT, 2)
        github.say(ANNA, "Thanks", issue)
        github._clock = datetime.now(UTC)
        await office.until(lambda: sum(request.endswith("/issues/comments") for request in github.requests) > 4)
    assert [(said["user"]["login"], said["body"].partition("\n")[0]) for said in github.comments.values()] == [
        (US, "At nine."),
        (ANNA, "Thanks"),
    ]
    assert [said["body"].partition("\n")[0] for said in topic["comments"]] == ["None."]
    assert await office.ask(select(func.count()).select_from(Conversation)) == 2
    out = select(func.count()).select_from(Message).where(col(Message.direction) == Direction.OUT)
    assert await office.ask(out) == 2  # the echoes are the replies


async def test_a_token_that_has_ended_asks_for_a_new_one(office: Office):
    channel = await office.connect()
    async with office.host():
        await office.until_state(channel, ChannelState.HEALTHY)
        office.github.refusals = [Refusal(401, "Bad credentials")]
        await office.until_state(channel, ChannelState.BROKEN)
        asked = len(office.github.requests)
    assert "token" in (await office.row(channel)).error
    assert len(office.github.requests) == asked  # nobody goes on asking
