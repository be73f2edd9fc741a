"""Answers and actions, as TikTok's documents describe them."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.tiktok import TikTok as Connector
from connectors.tiktok.config import TikTokConfig
from inbox.contract import Action, Ambiguous, Attachment, Permanent, Reply
from tests.connectors.served import serving
from tests.connectors.tiktok.fake import REFRESH, SECRET, US, Json, TikTok, answer


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTok]:
    http.allow(["127.0.0.0/8"])
    found = TikTok()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(tiktok: TikTok) -> AsyncIterator[Connector]:
    known = {"app_id": "app", "app_secret": SECRET, "business_id": US, "refresh_token": REFRESH, "api_url": tiktok.address}
    found = Connector(TikTokConfig.model_validate(known))
    yield found
    await found.aclose()


def an_answer(thread: str, text: str = "At nine.", **more: object) -> Reply:
    return Reply(**{"key": "our-key", "thread_id": thread, "text": text, **more})  # pyright: ignore


def name(comment: Json) -> str:
    return f"{comment['video_id']}/{comment['comment_id']}"


async def test_an_answer_stands_in_the_thread(tiktok: TikTok, connector: Connector):
    asked = tiktok.say("anna", "When?", tiktok.film("One"))
    receipt = await connector.send(an_answer(name(asked)))
    assert tiktok.comments[receipt.message_id.partition("/")[2]]["parent_comment_id"] == asked["comment_id"]
    assert tiktok.given == [
        ("business/comment/reply/create", {"video_id": asked["video_id"], "comment_id": asked["comment_id"], "text": "At nine."})
    ]


async def test_a_direct_message_goes_into_its_conversation(tiktok: TikTok, connector: Connector):
    receipt = await connector.send(an_answer("dm:u5JhpselBAhoPOlnH0tZ9y07kg=="))
    content = {"recipient_type": "CONVERSATION", "recipient": "u5JhpselBAhoPOlnH0tZ9y07kg==", "message_type": "TEXT"}
    assert tiktok.given == [("business/message/send", content | {"text": {"body": "At nine."}})]
    assert receipt.message_id == "dm:u5Buqc6lAghuOelnHUZV88DK2A=="
    tiktok.trouble["POST /business/message/send/"] = [answer({})]
    with pytest.raises(Ambiguous):
        await connector.send(an_answer("dm:1"))


async def test_a_doubtful_answer_is_looked_for_and_its_absence_proves_nothing(tiktok: TikTok, connector: Connector):
    asked = tiktok.say("anna", "When?", tiktok.film("One"))
    tiktok.say("us", "At nine.", asked)  # long ago
    with pytest.raises(Permanent, match="does not list"):
        await connector.find_sent(an_answer(name(asked)))
    tiktok.lost_answers = 1
    with pytest.raises(Ambiguous):
        await connector.send(an_answer(name(asked)))
    found = await connector.find_sent(an_answer(name(asked)))
    assert found is not None
    assert found.message_id == name(tiktok.comments[list(tiktok.comments)[-1]])
    with pytest.raises(Permanent, match="cannot be asked"):
        await connector.find_sent(an_answer("dm:1"))


async def test_an_answer_that_cannot_be_fails_with_a_reason(tiktok: TikTok, connector: Connector):
    with pytest.raises(Permanent, match="Files"):
        await connector.send(an_answer("731/1", attachments=(Attachment("a.png", "image/png", b""),)))
    with pytest.raises(Permanent, match="no comment"):
        await connector.send(an_answer("t1"))
    with pytest.raises(Permanent, match="40002"):
        await connector.send(an_answer("731/1"))


@pytest.mark.parametrize(
    ("action", "path", "content"),
    [
        (Action.LIKE, "business/comment/like", {"video_id": "731", "comment_id": "7", "action": "LIKE"}),
        (Action.HIDE, "business/comment/hide", {"video_id": "731", "comment_id": "7", "action": "HIDE"}),
        (Action.UNHIDE, "business/comment/hide", {"video_id": "731", "comment_id": "7", "action": "UNHIDE"}),
        (Action.DELETE, "business/comment/delete", {"comment_id": "7"}),
    ],
)
async def test_a_comment_is_acted_upon(tiktok: TikTok, connector: Connector, action: Action, path: str, content: Json):
    await connector.act(action, "731/7")
    assert tiktok.given == [(path, content)]


async def test_what_cannot_be_done_is_said(connector: Connector):
    with pytest.raises(Permanent, match="does not know"):
        await connector.act(Action.EDIT, "731/7", "New")
    with pytest.raises(Permanent, match="no comment"):
        await connector.act(Action.LIKE, "dm:7")


async def test_the_picture_of_a_direct_message_is_fetched(tiktok: TikTok, connector: Connector):
    assert await connector.fetch_file("tiktok:conversation|message|media") == b"\xff\xd8"
    content = {"conversation_id": "conversation", "message_id": "message", "media_id": "media", "media_type": "IMAGE"}
    assert tiktok.given == [("business/message/media/download", content)]


async def test_a_video_is_listed_and_counted_whole(tiktok: TikTok, connector: Connector):
    other, film = tiktok.film("Other"), tiktok.film("One")
    tiktok.say("anna", "Elsewhere", other)
    tops = [tiktok.say("anna", f"Question {number}", film) for number in range(40)]
    replies = [tiktok.say("bernd", f"Answer {number}", tops[1]) for number in range(5)]
    found = [event.message_id async for batch in connector.listed(film["item_id"]) for event in batch.events]
    assert sorted(found) == sorted(name(comment) for comment in (*tops, *replies))
    assert await connector.counts(film["item_id"]) == 45
    with pytest.raises(Permanent, match="how many"):
        await connector.counts("7")
