"""Answers, as a server that behaves as Mastodon does takes them."""

from collections.abc import AsyncIterator

import pytest

from connectors import http
from connectors.mastodon import Mastodon as Connector
from connectors.mastodon import compose, server
from connectors.mastodon.config import MastodonConfig
from connectors.mastodon.server import Limits
from connectors.mastodon.shapes import Account, Status
from inbox.contract import Action, Attachment, Permanent, Reply
from tests.connectors.mastodon.fake import ANNA, BERND, MORNING, TOKEN, US, Json, Mastodon, serving

PICTURE = Attachment("bread.png", "image/png", content=b"\x89PNG")


@pytest.fixture
async def mastodon() -> AsyncIterator[Mastodon]:
    http.allow(["127.0.0.0/8"])
    found = Mastodon()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(mastodon: Mastodon) -> AsyncIterator[Connector]:
    found = Connector(MastodonConfig.model_validate({"server": mastodon.address, "access_token": TOKEN}))
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: object) -> Reply:
    return Reply(**{"key": "our-key", "thread_id": to["id"], "text": text, "parent_id": to["id"], **more})  # pyright: ignore


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
async def test_an_answer_is_as_private_as_what_it_answers_and_names_whom_it_answers(
    mastodon: Mastodon, connector: Connector, visibility: str
):
    asked = mastodon.say(ANNA, "When?", visibility=visibility)
    receipt = await connector.send(an_answer(asked))
    sent = mastodon.statuses[receipt.message_id]
    assert (sent["visibility"], sent["in_reply_to_id"]) == (visibility, asked["id"])
    assert [person["acct"] for person in sent["mentions"]] == ["anna@far.example"]
    assert receipt.permalink == sent["url"]


async def test_a_private_answer_to_a_public_message_is_direct(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "When?")
    receipt = await connector.send(an_answer(asked, private=True))
    assert mastodon.statuses[receipt.message_id]["visibility"] == "direct"


async def test_the_same_key_again_is_not_a_second_answer(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "When?")
    first, second = await connector.send(an_answer(asked)), await connector.send(an_answer(asked))
    assert first == second
    assert [status["content"] for status in mastodon.posted].count(mastodon.statuses[first.message_id]["content"]) == 1


async def test_an_answer_to_a_message_that_is_gone_fails_and_says_so(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "When?")
    mastodon.delete(asked)
    with pytest.raises(Permanent, match="not there any more"):
        await connector.send(an_answer(asked))


async def test_a_warning_is_kept(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "It dies", spoiler_text="The end")
    receipt = await connector.send(an_answer(asked))
    assert mastodon.statuses[receipt.message_id]["spoiler_text"] == "The end"


async def test_files_go_along_once_the_server_has_worked_on_them(mastodon: Mastodon, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "PAUSE", 0.0)
    asked = mastodon.say(ANNA, "Show it")
    for looks in (0, 3):
        mastodon.looks_at_media = looks
        receipt = await connector.send(an_answer(asked, "", key=f"key-{looks}", attachments=(PICTURE,)))
        (media,) = mastodon.statuses[receipt.message_id]["media_attachments"]
        assert (media["type"], media["bytes"]) == ("image", 4)
    with pytest.raises(Permanent, match="4 attachments"):
        await connector.send(an_answer(asked, attachments=(PICTURE,) * 5))


async def test_our_answer_comes_back_as_the_words_that_were_sent(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "When?")
    text = "At nine,\nwith <b>nuts</b> & more.\n\nBye"
    await connector.send(an_answer(asked, text))
    events = []
    async for batch in connector.stream(None):
        events += batch.events
        if len(events) == 2:
            break
    assert events[1].text == text
    assert events[1].thread_id == events[0].thread_id


async def test_a_message_can_be_liked_and_one_of_ours_deleted(mastodon: Mastodon, connector: Connector):
    asked = mastodon.say(ANNA, "When?")
    await connector.act(Action.LIKE, asked["id"])
    assert mastodon.statuses[asked["id"]]["favourited"]
    ours = mastodon.say(US, "At nine.", answering=asked)
    await connector.act(Action.DELETE, ours["id"])
    assert ours["id"] not in mastodon.statuses
    with pytest.raises(Permanent):
        await connector.act(Action.HIDE, asked["id"])


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("abc", 3),
        ("https://shop.example/" + "x" * 200, 23),
        ("@anna@far.example hi", 8),  # only the name counts
        ("e\u0301", 1),
        ("👩\u200d👩\u200d👧", 1),
        ("a@b.example", 11),  # an address of a letter box is no name
    ],
)
def test_length_is_counted_as_the_server_does(text: str, length: int):
    assert compose.length(text, 23) == length


async def test_what_is_too_long_with_its_names_is_not_sent_and_others_names_give_way(mastodon: Mastodon, connector: Connector):
    me = Account.model_validate(US)
    asked = Status.model_validate(mastodon.add(ANNA, "When?", to=[US, BERND]))
    assert compose.status("Hi", asked, me, Limits())["status"] == "@anna@far.example @bernd Hi"
    assert compose.status("x" * 490, asked, me, Limits())["status"].startswith("@anna@far.example x")
    with pytest.raises(Permanent, match="6 too long"):
        compose.status("x" * 500, asked, me, Limits())
    private = asked.model_copy(update={"visibility": "direct"})
    with pytest.raises(Permanent):  # who is not named does not get it
        compose.status("x" * 490, private, me, Limits())
    assert compose.status("@Anna@far.example hi", asked, me, Limits())["status"] == "@bernd @Anna@far.example hi"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7", "x-ratelimit-reset": "2026-03-02T09:00:00Z"}, 7),
        ({"x-ratelimit-reset": "2026-03-02T08:01:00.5Z"}, 60.5),
        ({"x-ratelimit-reset": str(int(MORNING.timestamp()) + 30)}, 30),  # GoToSocial
        ({"x-ratelimit-reset": "2026-03-02T08:01:00Z", "date": "Mon, 02 Mar 2026 08:00:50 GMT"}, 10),  # the server's clock counts
        ({"x-ratelimit-reset": "soon"}, http.PAUSE),
        ({}, http.PAUSE),
    ],
)
def test_a_server_that_wants_us_to_wait_is_understood(headers: dict[str, str], seconds: float):
    assert server.pause(headers, MORNING) == seconds
