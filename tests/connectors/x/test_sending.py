"""Answers and actions, as X's documents describe them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import http
from connectors.x import X as Connector
from connectors.x import outgoing
from connectors.x.config import XConfig
from inbox.contract import Action, Ambiguous, Attachment, Permanent, Reply
from tests.connectors.served import serving
from tests.connectors.x.fake import KEY, SECRET, TOKEN, TOKEN_SECRET, US, Json, X

PICTURE = Attachment("bread.png", "image/png", content=b"\x89PNG")


@pytest.fixture
async def x() -> AsyncIterator[X]:
    http.allow(["127.0.0.0/8"])
    found = X()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(x: X) -> AsyncIterator[Connector]:
    secrets = {"consumer_key": KEY, "consumer_secret": SECRET, "access_token": TOKEN, "access_token_secret": TOKEN_SECRET}
    found = Connector(XConfig.model_validate({**secrets, "api_url": x.address}))
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: object) -> Reply:
    return Reply(**{"key": "our-key", "thread_id": to["id"], "text": text, "parent_id": to["id"], "recipient": "11", **more})  # pyright: ignore


async def test_an_answer_stands_under_what_it_answers_with_its_pictures(x: X, connector: Connector):
    asked = x.say("anna", "@ourshop when?")
    receipt = await connector.send(an_answer(asked, attachments=(PICTURE,)))
    assert x.posts[receipt.message_id]["referenced_tweets"] == [{"type": "replied_to", "id": asked["id"]}]
    assert x.given[0] == ("/2/media/upload", "tweet_image")
    assert x.given[1][1]["media"] == {"media_ids": ["media1"]}
    assert receipt.permalink == f"https://x.com/i/web/status/{receipt.message_id}"


async def test_a_direct_message_goes_into_its_conversation(x: X, connector: Connector):
    letter = x.write("anna", "When?")
    receipt = await connector.send(an_answer(letter, thread_id="dm:1578398451921985538", parent_id=None, attachments=(PICTURE,)))
    content = {"text": "At nine.", "attachments": [{"media_id": "media1"}]}
    assert x.given[-1] == ("POST /2/dm_conversations/1578398451921985538/messages", content)
    assert receipt.message_id == f"dm:{list(x.directs)[-1]}"


async def test_a_private_answer_to_a_public_post_goes_to_its_author(x: X, connector: Connector):
    asked = x.say("anna", "@ourshop when?")
    await connector.send(an_answer(asked, private=True))
    assert x.given[-1][0] == "POST /2/dm_conversations/with/11/messages"
    with pytest.raises(Permanent, match="whom"):
        await connector.send(an_answer(asked, private=True, recipient=None))


async def test_a_doubtful_answer_is_looked_for_and_its_absence_proves_nothing(x: X, connector: Connector):
    asked = x.say("anna", "@ourshop when?")
    with pytest.raises(Permanent, match="does not list"):
        await connector.find_sent(an_answer(asked))
    x.lost_answers = 1
    with pytest.raises(Ambiguous):
        await connector.send(an_answer(asked))
    found = await connector.find_sent(an_answer(asked))
    assert found is not None
    assert found.message_id == list(x.posts)[-1]
    with pytest.raises(Permanent, match="same words"):
        await connector.send(an_answer(asked))
    with pytest.raises(Permanent, match="cannot be asked"):
        await connector.find_sent(an_answer(asked, private=True))


@pytest.mark.parametrize(
    "files",
    [
        (PICTURE,) * 5,
        (Attachment("a.pdf", "application/pdf", content=b"%PDF"),),
        (Attachment("a.png", "image/png", content=b"x" * (outgoing.LARGEST + 1)),),
        (Attachment("a.png", "image/png"),),
    ],
)
async def test_what_x_does_not_take_is_refused_before_it_is_sent(x: X, connector: Connector, files: Any):
    with pytest.raises(Permanent):
        await connector.send(an_answer(x.say("anna", "@ourshop when?"), attachments=files))
    assert x.given == []


@pytest.mark.parametrize(
    ("action", "request_line", "content"),
    [
        (Action.LIKE, f"POST /2/users/{US}/likes", {"tweet_id": "7"}),
        (Action.HIDE, "PUT /2/tweets/7/hidden", {"hidden": True}),
        (Action.UNHIDE, "PUT /2/tweets/7/hidden", {"hidden": False}),
        (Action.DELETE, "DELETE /2/tweets/7", None),
    ],
)
async def test_a_post_is_acted_upon(x: X, connector: Connector, action: Action, request_line: str, content: Json | None):
    await connector.act(action, "7")
    assert x.given == [(request_line, content)]


async def test_what_cannot_be_done_is_said(connector: Connector):
    with pytest.raises(Permanent, match="direct message"):
        await connector.act(Action.LIKE, "dm:7")
    with pytest.raises(Permanent, match="does not know"):
        await connector.act(Action.EDIT, "7", "New")


def test_an_id_holds_its_own_time():
    assert outgoing._time("1541815603606036480") == datetime(2022, 6, 28, 16, 7, 40, 105000, tzinfo=UTC)
