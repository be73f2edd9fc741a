"""Answers and actions, as LinkedIn's documents describe them."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.linkedin import LinkedIn as Connector
from connectors.linkedin.config import LinkedInConfig
from inbox.contract import Action, Ambiguous, Attachment, Permanent, Reply
from tests.connectors.linkedin.fake import ANNA, SECRET, TOKEN, US, Json, LinkedIn
from tests.connectors.served import serving, told

COMMENT = "urn:li:comment:(urn:li:activity:701,7)"


@pytest.fixture
async def linkedin() -> AsyncIterator[LinkedIn]:
    http.allow(["127.0.0.0/8"])
    found = LinkedIn()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(linkedin: LinkedIn) -> AsyncIterator[Connector]:
    known = {"organization": US, "client_id": "c", "client_secret": SECRET, "access_token": TOKEN}
    found = Connector(LinkedInConfig.model_validate({**known, "api_url": linkedin.address, "token_url": linkedin.address}))
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: object) -> Reply:
    name = to["commentUrn"]
    return Reply(**{"key": "our-key", "thread_id": name, "text": text, "parent_id": name, **more})  # pyright: ignore


@pytest.mark.parametrize("whole", [True, False])
async def test_an_answer_stands_in_the_thread_as_the_page(linkedin: LinkedIn, connector: Connector, whole: bool):
    linkedin.whole_answers = whole
    asked = linkedin.say(ANNA, "When?", linkedin.post("New"))
    deeper = linkedin.say(ANNA, "Hello?", asked)
    receipt = await connector.send(an_answer(asked, parent_id=deeper["commentUrn"]))
    sent = linkedin.comments[receipt.message_id]
    assert (sent["actor"], sent["parentComment"], sent["message"]["text"]) == (US, asked["commentUrn"], "At nine.")
    assert linkedin.given[0][1]["object"] == asked["object"]


async def test_a_doubtful_answer_is_looked_for_and_its_absence_proves_nothing(linkedin: LinkedIn, connector: Connector):
    asked = linkedin.say(ANNA, "When?", linkedin.post("New"))
    linkedin.say(US, "At nine.", asked)  # long ago
    with pytest.raises(Permanent, match="does not list"):
        await connector.find_sent(an_answer(asked))
    linkedin.lost_answers = 1
    with pytest.raises(Ambiguous):
        await connector.send(an_answer(asked))
    found = await connector.find_sent(an_answer(asked))
    assert found is not None
    assert found.message_id == list(linkedin.comments)[-1]


async def test_an_answer_that_cannot_be_fails_with_a_reason(linkedin: LinkedIn, connector: Connector):
    asked = linkedin.say(ANNA, "When?", linkedin.post("New"))
    with pytest.raises(Permanent, match="Files"):
        await connector.send(an_answer(asked, attachments=(Attachment("a.png", "image/png", b""),)))
    with pytest.raises(Permanent, match="no comment"):
        await connector.send(an_answer(asked, thread_id="t1"))
    linkedin.delete(asked)
    with pytest.raises(Permanent, match="404"):
        await connector.send(an_answer(asked))


@pytest.mark.parametrize(
    ("action", "asked", "content"),
    [
        (Action.LIKE, f"POST reactions?actor={US}", {"root": COMMENT, "reactionType": "LIKE"}),
        (Action.EDIT, f"POST socialActions/urn:li:activity:701/comments/7?actor={US}", {"patch": {"message": {"$set": {"text": "New"}}}}),
        (Action.DELETE, f"DELETE socialActions/urn:li:activity:701/comments/7?actor={US}", None),
    ],
)
async def test_a_comment_is_acted_upon(linkedin: LinkedIn, connector: Connector, action: Action, asked: str, content: Json | None):
    await connector.act(action, COMMENT, "New")
    assert linkedin.given == [(asked, content)]


async def test_what_cannot_be_done_is_said(connector: Connector):
    with pytest.raises(Permanent, match="does not know"):
        await connector.act(Action.HIDE, COMMENT)
    with pytest.raises(Permanent, match="no comment"):
        await connector.act(Action.LIKE, "urn:li:share:1")


async def test_a_post_is_listed_and_counted_whole(linkedin: LinkedIn, connector: Connector):
    other, post = linkedin.post("Other"), linkedin.post("New")
    linkedin.say(ANNA, "Elsewhere", other)
    first = linkedin.say(ANNA, "When?", post)
    second = linkedin.say(ANNA, "And?", first)
    found = [event async for batch in connector.listed(first["object"]) for event in batch.events]
    assert [event.message_id for event in found] == [first["commentUrn"], second["commentUrn"]]
    assert await connector.counts(first["object"]) == 2
    linkedin.trouble["GET /socialMetadata"] = [told({"results": {}})]
    with pytest.raises(Permanent, match="how many"):
        await connector.counts(first["object"])
