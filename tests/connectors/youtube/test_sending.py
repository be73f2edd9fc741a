"""Answers and moderation, as YouTube's documents describe them."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.youtube import YouTube as Connector
from connectors.youtube.config import YouTubeConfig
from inbox.contract import Action, Ambiguous, Attachment, AuthError, Permanent, Reply
from tests.connectors.served import serving
from tests.connectors.youtube.fake import REFRESH, SECRET, Json, YouTube


@pytest.fixture
async def youtube() -> AsyncIterator[YouTube]:
    http.allow(["127.0.0.0/8"])
    found = YouTube()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(youtube: YouTube) -> AsyncIterator[Connector]:
    addresses = {"api_url": youtube.address, "token_url": f"{youtube.address}/token"}
    secrets = {"client_secret": SECRET, "refresh_token": REFRESH}
    found = Connector(YouTubeConfig.model_validate({"client_id": "c", **secrets, **addresses}))
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: object) -> Reply:
    return Reply(**{"key": "our-key", "thread_id": to["id"], "text": text, "parent_id": to["id"], "post_id": "v1", **more})  # pyright: ignore


async def test_an_answer_stands_in_the_thread_and_has_its_address(youtube: YouTube, connector: Connector):
    asked = youtube.say("anna", "When?")
    deeper = youtube.say("bernd", "Yes, when?", under=asked["id"])
    receipt = await connector.send(an_answer(asked, parent_id=deeper["id"]))
    assert youtube.comments[receipt.message_id]["snippet"]["parentId"] == asked["id"]
    assert receipt.permalink == f"https://www.youtube.com/watch?v=v1&lc={receipt.message_id}"


async def test_a_doubtful_answer_is_looked_for_and_its_absence_proves_nothing(youtube: YouTube, connector: Connector):
    asked = youtube.say("anna", "When?")
    youtube.say("us", "At nine.", under=asked["id"])  # long ago
    youtube.say("bernd", "At nine.", under=asked["id"])
    with pytest.raises(Permanent, match="does not list"):
        await connector.find_sent(an_answer(asked))
    youtube.lost_answers = 1
    with pytest.raises(Ambiguous):
        await connector.send(an_answer(asked))
    found = await connector.find_sent(an_answer(asked))
    assert found is not None
    assert found.message_id == list(youtube.comments)[-1]


async def test_an_answer_that_cannot_be_fails_with_a_reason(youtube: YouTube, connector: Connector):
    asked = youtube.say("anna", "When?")
    with pytest.raises(Permanent, match="no files"):
        await connector.send(an_answer(asked, attachments=(Attachment("a.png", "image/png", b""),)))
    del youtube.comments[asked["id"]]
    with pytest.raises(Permanent, match="404"):
        await connector.send(an_answer(asked))


@pytest.mark.parametrize(
    ("action", "status"),
    [(Action.HIDE, "heldForReview"), (Action.UNHIDE, "published"), (Action.APPROVE, "published"), (Action.SPAM, "rejected")],
)
async def test_a_comment_is_moderated(youtube: YouTube, connector: Connector, action: Action, status: str):
    said = youtube.say("anna", "When?")
    await connector.act(action, said["id"])
    assert said["snippet"]["moderationStatus"] == status


async def test_our_own_comment_is_deleted_and_one_of_somebody_else_rejected(youtube: YouTube, connector: Connector):
    asked = youtube.say("anna", "When?")
    ours = youtube.say("us", "At nine.", under=asked["id"])
    await connector.act(Action.EDIT, ours["id"], "At ten.")
    assert ours["snippet"]["textOriginal"] == "At ten."
    await connector.act(Action.DELETE, ours["id"])
    await connector.act(Action.DELETE, asked["id"])
    assert list(youtube.comments) == [asked["id"]]
    assert asked["snippet"]["moderationStatus"] == "rejected"
    with pytest.raises(Permanent, match="not there"):
        await connector.act(Action.DELETE, "gone")
    with pytest.raises(Permanent, match="does not know"):
        await connector.act(Action.LIKE, asked["id"])


async def test_a_video_is_listed_and_counted_whole(youtube: YouTube, connector: Connector):
    youtube.page = 3
    tops = [youtube.say("anna", f"Question {number}") for number in range(4)]
    for number in range(7):
        youtube.say("bernd", f"Answer {number}", under=tops[1]["id"])
    found = [event.message_id async for batch in connector.listed("v1") for event in batch.events]
    assert sorted(found) == sorted(youtube.comments)
    assert await connector.counts("v1") == 11
    youtube.disabled.add("v2")
    with pytest.raises(Permanent, match="turned off"):
        [batch async for batch in connector.listed("v2")]


async def test_access_without_the_right_to_write_is_noticed_at_once(youtube: YouTube, connector: Connector):
    youtube.scope = "https://www.googleapis.com/auth/youtube.readonly"
    with pytest.raises(AuthError, match=r"youtube\.force-ssl"):
        await connector.check()
