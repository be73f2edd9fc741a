"""Answers and moderation, as Reddit's documents describe them."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.reddit import Reddit as Connector
from connectors.reddit.config import RedditConfig
from inbox.contract import Action, Ambiguous, Attachment, Permanent, Reply
from tests.connectors.reddit.fake import PASSWORD, SECRET, US, Json, Reddit
from tests.connectors.served import serving, told


@pytest.fixture
async def reddit() -> AsyncIterator[Reddit]:
    http.allow(["127.0.0.0/8"])
    found = Reddit()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(reddit: Reddit) -> AsyncIterator[Connector]:
    addresses = {"api_url": reddit.address, "token_url": f"{reddit.address}/token"}
    known = {"client_id": "client", "client_secret": SECRET, "username": US, "password": PASSWORD, "distinguish": True}
    found = Connector(RedditConfig.model_validate({**known, **addresses}))
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: object) -> Reply:
    name = to["data"]["name"]
    return Reply(**{"key": "our-key", "thread_id": name, "text": text, "parent_id": name, **more})  # pyright: ignore


async def test_an_answer_stands_under_what_it_answers_with_a_moderators_mark(reddit: Reddit, connector: Connector):
    asked = reddit.say("anna", "When?", reddit.post(US, "Bread"))
    receipt = await connector.send(an_answer(asked))
    sent = reddit.things[receipt.message_id]["data"]
    assert (sent["parent_id"], sent["body"]) == (asked["data"]["name"], "At nine.")
    assert receipt.permalink == f"https://www.reddit.com{sent['permalink']}"
    assert reddit.forms[-1] == ("/api/distinguish", {"id": sent["name"], "how": "yes", "api_type": "json", "raw_json": "1"})


async def test_a_mark_that_fails_leaves_the_answer_sent(reddit: Reddit, connector: Connector):
    asked = reddit.say("anna", "When?", reddit.post(US, "Bread"))
    reddit.trouble["POST /api/distinguish"] = [told({"error": 403}, 403)]
    assert (await connector.send(an_answer(asked))).message_id in reddit.things


async def test_an_answer_to_a_message_is_a_message(reddit: Reddit, connector: Connector):
    letter = reddit.write("anna", "When?")
    receipt = await connector.send(an_answer(letter))
    assert reddit.things[receipt.message_id]["kind"] == "t4"
    assert [path for path, _ in reddit.forms] == ["/api/comment"]  # a message is nobody's to mark


async def test_a_doubtful_answer_is_looked_for_and_its_absence_proves_nothing(reddit: Reddit, connector: Connector):
    asked = reddit.say("anna", "When?", reddit.post(US, "Bread"))
    reddit.say(US, "At nine.", asked)  # long ago
    with pytest.raises(Permanent, match="does not list"):
        await connector.find_sent(an_answer(asked))
    reddit.lost_answers = 1
    with pytest.raises(Ambiguous):
        await connector.send(an_answer(asked))
    found = await connector.find_sent(an_answer(asked))
    assert found is not None
    assert found.message_id == list(reddit.things)[-1]


async def test_files_are_refused(reddit: Reddit, connector: Connector):
    asked = reddit.post("anna", "When?")
    with pytest.raises(Permanent, match="no files"):
        await connector.send(an_answer(asked, attachments=(Attachment("a.png", "image/png", b""),)))


@pytest.mark.parametrize(
    ("action", "path", "form"),
    [
        (Action.LIKE, "/api/vote", {"dir": "1"}),
        (Action.APPROVE, "/api/approve", {}),
        (Action.UNHIDE, "/api/approve", {}),
        (Action.HIDE, "/api/remove", {"spam": "false"}),
        (Action.SPAM, "/api/remove", {"spam": "true"}),
        (Action.DELETE, "/api/remove", {"spam": "false"}),  # somebody else's
    ],
)
async def test_a_comment_is_moderated(reddit: Reddit, connector: Connector, action: Action, path: str, form: Json):
    name = reddit.say("anna", "When?", reddit.post(US, "Bread"))["data"]["name"]
    await connector.act(action, name)
    (found,) = reddit.forms
    assert found == (path, {"id": name, **form, "api_type": "json", "raw_json": "1"})


async def test_our_own_comment_is_changed_and_deleted(reddit: Reddit, connector: Connector):
    name = reddit.say(US, "At nine.", reddit.post("anna", "When?"))["data"]["name"]
    await connector.act(Action.EDIT, name, "At ten.")
    await connector.act(Action.DELETE, name)
    assert [(path, given.get("text")) for path, given in reddit.forms] == [("/api/editusertext", "At ten."), ("/api/del", None)]


async def test_what_cannot_be_done_is_said(reddit: Reddit, connector: Connector):
    with pytest.raises(Permanent, match="private message"):
        await connector.act(Action.LIKE, "t4_x")
    with pytest.raises(Permanent, match="does not know"):
        await connector.act(Action.PRIVATE_REPLY, "t1_x")
    with pytest.raises(Permanent, match="not there"):
        await connector.act(Action.DELETE, "t1_x")
    reddit.errors = [["SUBREDDIT_NOTALLOWED", "not allowed", "sr"]]
    with pytest.raises(Permanent, match="may not write"):
        await connector.act(Action.LIKE, "t1_x")


async def test_a_post_is_listed_with_all_its_comments_but_those_that_reddit_hides(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?")
    one = reddit.say("bernd", "Here", post)
    deep = reddit.say("carla", "There", one)
    reddit.delete(reddit.say("bernd", "Oops", one))
    (batch,) = [batch async for batch in connector.listed(post["data"]["name"])]
    assert [event.message_id for event in batch.events] == [thing["data"]["name"] for thing in (post, one, deep)]
    assert batch.passed_over == {"comments that Reddit does not list at once": 3}
    assert await connector.counts(post["data"]["name"]) == 0
