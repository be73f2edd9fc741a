"""Answers, and what is done to posts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from connectors import http
from connectors.bluesky import Bluesky, ids
from connectors.bluesky.config import BlueskyConfig
from inbox.contract import Action, Ambiguous, Attachment, Permanent, Reply
from tests.connectors.bluesky.fake import ANNA, BERND, PASSWORD, US, Network, Refusal, serving

PNG = Attachment("a.png", "image/png", b"PNG and so on")


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    found = Network()
    async with serving(found):
        yield found


@pytest.fixture
async def bluesky(network: Network) -> AsyncIterator[Bluesky]:
    config = {"server": network.address, "handle": US["handle"], "app_password": PASSWORD}
    connector = Bluesky(BlueskyConfig.model_validate(config))
    yield connector
    await connector.aclose()


def sent(network: Network) -> list[dict[str, object]]:
    return [post["record"] for post in network.posts.values() if post["author"]["did"] == US["did"]]


async def test_an_answer_says_what_it_answers_and_what_the_thread_began_with(network: Network, bluesky: Bluesky):
    root = network.add(BERND, "Who has a key?")
    parent = network.add(ANNA, "Perhaps the shop", answering=root)
    receipt = await bluesky.send(Reply("key-1", parent["uri"], "We do, @anna.test and @nobody.test.", parent_id=parent["uri"]))
    (record,) = sent(network)
    assert record["reply"] == {
        "root": {"uri": root["uri"], "cid": root["cid"]},
        "parent": {"uri": parent["uri"], "cid": parent["cid"]},
    }
    assert record["facets"] == [
        {
            "index": {"byteStart": 7, "byteEnd": 17},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": ANNA["did"]}],
        }
    ]
    assert receipt.message_id == ids.join(US["did"], ids.POST, ids.derived("key-1"))
    assert receipt.permalink == f"https://bsky.app/profile/{US['did']}/post/{ids.derived('key-1')}"


async def test_a_reply_whose_answer_was_lost_is_there_once_whatever_is_tried(network: Network, bluesky: Bluesky):
    parent = network.add(ANNA, "When?")
    reply = Reply("key-1", parent["uri"], "At nine.", parent_id=parent["uri"])
    assert await bluesky.find_sent(reply) is None
    network.lost_answers = 1
    with pytest.raises(Ambiguous):
        await bluesky.send(reply)
    found = await bluesky.find_sent(reply)
    receipts = await asyncio.gather(*(bluesky.send(reply) for _ in range(5)))
    assert found is not None
    assert {receipt.message_id for receipt in receipts} == {found.message_id}
    assert len(sent(network)) == 1


async def test_pictures_go_along_and_other_files_do_not(network: Network, bluesky: Bluesky):
    parent = network.add(ANNA, "When?")
    reply = Reply("key-1", parent["uri"], "", parent_id=parent["uri"], attachments=(PNG, PNG))
    await bluesky.send(reply)
    (record,) = sent(network)
    images = record["embed"]["images"]  # type: ignore[index]
    assert [(image["image"]["mimeType"], image["image"]["size"], image["alt"]) for image in images] == [("image/png", 13, "")] * 2
    odd = (replace(PNG, media_type="application/pdf"), replace(PNG, content=b"x" * 2_000_001), replace(PNG, content=None))
    for files in ((PNG,) * 5, *((one,) for one in odd)):
        with pytest.raises(Permanent):
            await bluesky.send(replace(reply, key="key-2", attachments=files))
    assert len(sent(network)) == 1


async def test_what_cannot_be_answered_is_said_with_its_reason(network: Network, bluesky: Bluesky):
    parent = network.add(ANNA, "When?")
    closed = network.add(ANNA, "No answers, please", viewer={"replyDisabled": True})
    reply = Reply("key-1", parent["uri"], "At nine.", parent_id=parent["uri"])
    for asked, words in (
        (replace(reply, private=True), "private"),
        (replace(reply, parent_id=closed["uri"]), "lets this account not answer"),
        (replace(reply, parent_id=parent["uri"] + "x"), "not there"),
        (replace(reply, parent_id="m1"), "address"),
        (replace(reply, text="x" * 301), "grapheme"),
        (replace(reply, text="👩‍👩‍👧" * 290), "bytes"),  # few characters as people see them, many bytes
    ):
        with pytest.raises(Permanent, match=words):
            await bluesky.send(asked)
    assert sent(network) == []


async def test_a_like_is_given_once_also_where_a_colleague_gave_it(network: Network, bluesky: Bluesky):
    first, second = network.add(ANNA, "When?"), network.add(ANNA, "Where?", viewer={"like": "at://did:plc:us/app.bsky.feed.like/3k"})
    for _ in range(2):
        await bluesky.act(Action.LIKE, first["uri"])
        await bluesky.act(Action.LIKE, second["uri"])
    assert [record["subject"]["uri"] for record in network.records.values()] == [first["uri"]]


async def test_an_answer_is_hidden_and_shown_again_and_the_gate_is_left_as_it_is(network: Network, bluesky: Bluesky):
    post = network.add(US, "Our post")
    one, other = network.add(ANNA, "Spam", answering=post), network.add(BERND, "Spam too", answering=post)
    gate = ids.join(US["did"], ids.GATE, ids.split(post["uri"]).key)
    await bluesky.act(Action.HIDE, one["uri"])
    assert network.records[gate]["post"] == post["uri"]
    network.records[gate]["allow"] = []  # a colleague lets nobody answer
    for _ in range(2):
        await bluesky.act(Action.HIDE, other["uri"])
    assert (network.records[gate]["hiddenReplies"], network.records[gate]["allow"]) == ([one["uri"], other["uri"]], [])
    for _ in range(2):
        await bluesky.act(Action.UNHIDE, one["uri"])
    assert network.records[gate]["hiddenReplies"] == [other["uri"]]
    assert network.requests.count("com.atproto.repo.putRecord") == 3
    theirs = network.add(ANNA, "Mine")
    for uri in (theirs["uri"], post["uri"], network.add(BERND, "Hm", answering=theirs)["uri"]):
        with pytest.raises(Permanent, match="under a post of this account"):
            await bluesky.act(Action.HIDE, uri)


async def test_a_gate_that_a_colleague_changes_at_the_same_time_loses_nothing(network: Network, bluesky: Bluesky):
    post = network.add(US, "Our post")
    posts = [network.add(ANNA, f"Spam {number}", answering=post) for number in range(3)]
    network.refusals["com.atproto.repo.putRecord"] = [Refusal(400, "InvalidSwap")]
    await asyncio.gather(*(bluesky.act(Action.HIDE, one["uri"]) for one in posts[:2]))
    (gate,) = network.records.values()
    assert set(gate["hiddenReplies"]) == {one["uri"] for one in posts[:2]}
    network.refusals["com.atproto.repo.putRecord"] = [Refusal(400, "InvalidSwap")] * 9
    with pytest.raises(Permanent):
        await bluesky.act(Action.HIDE, posts[2]["uri"])


async def test_only_our_own_is_deleted_and_again_does_nothing_more(network: Network, bluesky: Bluesky):
    ours, theirs = network.add(US, "Ours"), network.add(ANNA, "Theirs")
    for _ in range(2):
        await bluesky.act(Action.DELETE, ours["uri"])
    with pytest.raises(Permanent):
        await bluesky.act(Action.DELETE, theirs["uri"])
    with pytest.raises(Permanent):
        await bluesky.act(Action.EDIT, ours["uri"], "Other words")
    assert list(network.posts) == [theirs["uri"]]


@pytest.mark.parametrize("server", ["shop.test", "ftp://shop.test", "https://"])
def test_an_address_that_is_none_is_refused(server: str):
    with pytest.raises(ValueError, match="address"):
        BlueskyConfig.model_validate({"server": server, "handle": "shop.test", "app_password": PASSWORD})
