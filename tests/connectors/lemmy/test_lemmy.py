"""An account on Lemmy, before a server that behaves as the documents say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from connectors import http
from connectors.lemmy import Lemmy as Connector
from connectors.lemmy.config import LemmyConfig
from connectors.lemmy.place import MOST_WATCHED, Place
from inbox.contract import (
    Action,
    Attachment,
    AuthError,
    ConversationKind,
    CursorExpired,
    Event,
    EventKind,
    Permanent,
    RateLimited,
    Rejected,
    Reply,
    Transient,
)
from tests.connectors.lemmy.fake import TOKEN, US, Lemmy, person, refused
from tests.connectors.serving import serving

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LISTS = 4


@pytest.fixture
def lemmy() -> Lemmy:
    return Lemmy()


@pytest.fixture
async def address(lemmy: Lemmy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr("connectors.lemmy.connector.INTERVAL", 0.02)
    async with serving(lemmy.answer) as found:
        yield found
    http.allow([])


@pytest.fixture
async def connector(address: str) -> AsyncIterator[Connector]:
    found = connect(address)
    yield found
    await found.aclose()


def connect(address: str, **more: Any) -> Connector:
    return Connector(LemmyConfig.model_validate({"server": address, "token": TOKEN, "history": 50, **more}))


async def until(
    connector: Connector, cursor: str | None, wanted: Callable[[list[Event]], bool]
) -> tuple[list[Event], str | None, list[Rejected]]:
    """What comes until it is what is wanted; at first, until all lists were read."""
    found: list[Event] = []
    rejected: list[Rejected] = []
    least = 0 if cursor else LISTS + 2 * bool(connector._config.community)
    async with aclosing(connector.stream(cursor)) as stream, asyncio.timeout(10):
        async for batch in stream:
            found += batch.events
            rejected += batch.rejected
            cursor = batch.cursor
            least -= 1
            if wanted(found) and least <= 0:
                return found, cursor, rejected
    raise AssertionError("the stream ended")


def so_many(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= count


async def test_an_answer_to_our_post_is_a_conversation_under_it(lemmy: Lemmy, connector: Connector):
    lemmy.post("New bread", body="Rye, 1 kg")
    root = lemmy.say("With *nuts*?", creator_is_moderator=True)
    lemmy.say("I asked first", "bernd", under=root["comment"]["id"])
    account = await connector.check()
    assert (account.id, account.handle, account.is_self) == (str(US["id"]), "shop@lemmy.example", True)
    (one, two), _, _ = await until(connector, None, so_many(2))
    assert (one.id, one.message_id, one.thread_id, one.parent_id, one.text) == ("comment/1", "comment/1", "comment/1", None, "With *nuts*?")
    assert (two.thread_id, two.parent_id) == ("comment/1", "comment/1")
    assert one.post is not None
    assert (one.post.id, one.post.title, one.post.text, one.post.url) == ("1", "New bread", "Rye, 1 kg", "https://lemmy.example/post/1")
    assert one.author is not None
    assert (one.author.name, one.author.handle, one.author.roles) == ("Anna", "anna@lemmy.example", ("moderator",))
    assert (one.permalink, one.conversation_kind) == ("https://lemmy.example/comment/1", ConversationKind.COMMENTS)


async def test_a_mention_and_a_private_message_and_what_we_said_ourselves_come_in(lemmy: Lemmy, connector: Connector):
    lemmy.post("Where?", "bernd", number=3)
    lemmy.say("Ask @shop@lemmy.example", post=3)
    lemmy.write("My number is 12")
    lemmy.write("Thanks", "shop", "anna")
    lemmy.say("Here we are", "shop", post=3, under=1)
    events, _, _ = await until(connector, None, so_many(4))
    told = {event.text: event for event in events}
    assert told["Ask @shop@lemmy.example"].mentions == (str(US["id"]),)
    private, ours = told["My number is 12"], told["Thanks"]
    anna = f"person/{person('anna')['id']}"
    assert (private.message_id, private.thread_id, private.private, private.conversation_kind) == (
        "message/1",
        anna,
        True,
        ConversationKind.DIRECT,
    )
    assert (ours.thread_id, ours.author and ours.author.is_self) == (anna, True)
    native = told["Here we are"]
    assert (native.parent_id, native.author and native.author.is_self) == ("comment/1", True)


async def test_a_communitys_posts_are_messages_and_what_stands_right_under_them_answers_them(lemmy: Lemmy, address: str):
    lemmy.post("How do I knead?", "anna", number=8, body="It sticks", url="https://pictures.example/dough.png")
    lemmy.say("More flour", "bernd", post=8)
    connector = connect(address, community="bread")
    events, _, _ = await until(connector, None, so_many(2))
    await connector.aclose()
    assert [(event.message_id, event.thread_id, event.parent_id) for event in events] == [
        ("post/8", "post/8", None),
        ("comment/1", "comment/1", "post/8"),
    ]
    assert events[0].text == "How do I knead?\n\nhttps://pictures.example/dough.png\n\nIt sticks"


async def test_250_answers_during_downtime_come_in_order_none_lost_and_none_twice(lemmy: Lemmy, connector: Connector):
    lemmy.say("Answer 0")
    _, cursor, _ = await until(connector, None, so_many(1))
    for number in range(1, 251):
        lemmy.say(f"Answer {number}")
    events, after, _ = await until(connector, cursor, so_many(250))
    assert [event.text for event in events] == [f"Answer {number}" for number in range(1, 251)]
    again, _, _ = await until(connector, cursor, so_many(250))  # after a crash, the same again
    assert [event.id for event in again] == [event.id for event in events]
    lemmy.say("Later")
    events, _, _ = await until(connector, after, so_many(1))
    assert [event.text for event in events] == ["Later"]


async def test_edits_deletions_and_removals_are_seen(lemmy: Lemmy, connector: Connector):
    one, two, three = (lemmy.say(text)["comment"] for text in ("Whem?", "Oops", "Buy pills"))
    _, cursor, _ = await until(connector, None, so_many(3))
    one |= {"content": "When?", "updated": "2026-03-02T09:00:00.000001Z"}
    two |= {"deleted": True, "content": ""}
    three["removed"] = True
    events, cursor, _ = await until(connector, cursor, so_many(3))
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.EDIT, "comment/1", "When?"),
        (EventKind.DELETE, "comment/2", ""),
        (EventKind.MODERATION, "comment/3", "hide"),
    ]
    three["removed"] = False
    events, _, _ = await until(connector, cursor, so_many(1))
    assert [(event.message_id, event.text) for event in events] == [("comment/3", "unhide")]


async def test_what_cannot_be_read_is_kept_and_its_neighbours_come_in(lemmy: Lemmy, connector: Connector):
    lemmy.say("One")
    lemmy.say("Two")["comment"]["published"] = "yesterday"
    lemmy.say("Three")
    events, _, (rejected,) = await until(connector, None, so_many(2))
    assert [event.text for event in events] == ["One", "Three"]
    assert "published" in rejected.reason
    assert [one.raw for one in connector.reread(rejected.raw, NOW).rejected] == [rejected.raw]
    mended = rejected.raw.replace(b"yesterday", b"2026-03-02T08:00:00")  # before 0.19 without a zone
    (event,) = connector.reread(mended, NOW).events
    assert (event.text, event.at) == ("Two", datetime(2026, 3, 2, 8, tzinfo=UTC))
    for bad in (b"{}", b"x", b"[]", b"[" * 100_000):
        assert len(connector.reread(bad, NOW).rejected) == 1


async def test_an_answer_goes_under_what_it_answers_and_is_found_again(lemmy: Lemmy, connector: Connector):
    lemmy.say("When?")
    reply = Reply("key-1", "comment/1", "At nine.", parent_id="comment/1", attachments=(Attachment("map.png", "image/png", b"PNG"),))
    assert await connector.find_sent(reply) is None
    receipt = await connector.send(reply)
    assert lemmy.posted == [
        {
            "did": "POST comment",
            "content": f"At nine.\n\n![map.png]({connector._config.server}/pictrs/image/abc.png)",
            "post_id": 1,
            "parent_id": 1,
        }
    ]
    assert (receipt.message_id, receipt.permalink) == ("comment/2", "https://lemmy.example/comment/2")
    assert await connector.find_sent(reply) == receipt
    other = Reply("key-2", "comment/1", "At ten.", parent_id="comment/1")
    assert await connector.find_sent(other) is None
    with pytest.raises(Permanent, match="not there"):
        await connector.send(Reply("key-3", "comment/9", "Hi", parent_id="comment/9"))
    with pytest.raises(Permanent, match="pictures"):
        await connector.send(
            Reply("key-4", "comment/1", "Hi", parent_id="comment/1", attachments=(Attachment("a.pdf", "application/pdf", b"x"),))
        )


async def test_a_post_is_answered_and_a_person_written_to(lemmy: Lemmy, connector: Connector):
    lemmy.post("How?", "anna", number=8)
    lemmy.say("When?")
    await connector.send(Reply("key-1", "post/8", "Slowly.", parent_id="post/8"))
    await connector.send(Reply("key-2", "person/12", "Hello"))
    private = Reply("key-3", "comment/1", "In private", parent_id="comment/1", private=True)
    receipt = await connector.send(private)
    assert lemmy.posted == [
        {"did": "POST comment", "content": "Slowly.", "post_id": 8},
        {"did": "POST private_message", "content": "Hello", "recipient_id": 12},
        {"did": "POST private_message", "content": "In private", "recipient_id": person("anna")["id"]},
    ]
    assert receipt.message_id == "message/2"
    for reply in (private, Reply("key-2", "person/12", "Hello")):
        with pytest.raises(Permanent):
            await connector.find_sent(reply)


async def test_comments_are_liked_edited_deleted_and_hidden(lemmy: Lemmy, connector: Connector):
    for action in (Action.LIKE, Action.EDIT, Action.DELETE, Action.HIDE, Action.UNHIDE):
        await connector.act(action, "comment/1", "At ten.")
    await connector.act(Action.HIDE, "post/8")
    assert lemmy.posted == [
        {"did": "POST comment/like", "comment_id": 1, "score": 1},
        {"did": "PUT comment", "comment_id": 1, "content": "At ten."},
        {"did": "POST comment/delete", "comment_id": 1, "deleted": True},
        {"did": "POST comment/remove", "comment_id": 1, "removed": True},
        {"did": "POST comment/remove", "comment_id": 1, "removed": False},
        {"did": "POST post/remove", "post_id": 8, "removed": True},
    ]
    for action, message in ((Action.SPAM, "comment/1"), (Action.LIKE, "message/1")):
        with pytest.raises(Permanent):
            await connector.act(action, message)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (PlainTextResponse("<html>busy</html>"), Transient),
        (JSONResponse({"replies": {}}), Transient),
        (JSONResponse({}, 429, headers={"retry-after": "30"}), RateLimited),
        (refused(400, "rate_limit_error"), RateLimited),
        (PlainTextResponse("", 502), Transient),
        (refused(400, "not_logged_in"), AuthError),
    ],
)
async def test_trouble_with_a_list_is_told_as_it_is(lemmy: Lemmy, connector: Connector, answer: PlainTextResponse, error: type[Exception]):
    lemmy.trouble["GET user/replies"] = [answer]
    with pytest.raises(error) as told:
        await until(connector, None, so_many(1))
    assert TOKEN not in str(told.value)
    assert lemmy.requests.count("GET user/replies") == 1


async def test_a_wrong_token_asks_to_reconnect(address: str):
    connector = connect(address, token="wrong")
    with pytest.raises(AuthError):
        await connector.check()
    await connector.aclose()


def test_a_place_comes_back_as_it_was():
    place = Place({"user/replies:replies": 12})
    for number in range(MOST_WATCHED + 1):
        place.watch(f"comment/{number}", "|")
    again = Place.read(str(place))
    assert (again.last, len(again.watched), "comment/0" in again.watched) == (place.last, MOST_WATCHED, False)
    for bad in ("", "{}", "12", json.dumps({"last": {"a": "b"}, "watched": {}})):
        with pytest.raises(CursorExpired):
            Place.read(bad)
