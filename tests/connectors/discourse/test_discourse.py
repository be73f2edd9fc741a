"""A forum, by its lists and by its webhooks, before one that behaves as the documents say."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from connectors import http
from connectors.discourse import Discourse
from connectors.discourse.config import DiscourseConfig
from inbox.contract import (
    Action,
    Attachment,
    AuthError,
    Batch,
    ConversationKind,
    CursorExpired,
    Event,
    EventKind,
    Permanent,
    RateLimited,
    Refused,
    Reply,
    Request,
    Transient,
)
from tests.connectors.discourse.fake import KEY, SECRET, TOPIC, US, Forum, post, refused
from tests.connectors.forgeries import variants
from tests.connectors.serving import serving

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def forum() -> Forum:
    return Forum()


@pytest.fixture
async def connector(forum: Forum, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Discourse]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr("connectors.discourse.connector.INTERVAL", 0.02)
    async with serving(forum.answer) as address:
        found = Discourse(DiscourseConfig.model_validate(settings(address)))
        yield found
        await found.aclose()
    http.allow([])


def settings(address: str = "https://forum.example", **more: Any) -> dict[str, Any]:
    return {"forum": address, "username": US, "api_key": KEY, "webhook_secret": SECRET, **more}


async def until(
    connector: Discourse, cursor: str | None, wanted: Callable[[list[Event]], bool]
) -> tuple[list[Event], str | None, list[Batch]]:
    found: list[Event] = []
    batches: list[Batch] = []
    least = 2 if cursor is None else 1  # both lists are read at first
    async with aclosing(connector.stream(cursor)) as stream, asyncio.timeout(10):
        async for batch in stream:
            batches.append(batch)
            found += batch.events
            cursor = batch.cursor
            if wanted(found) and len(batches) >= least:
                break
    return found, cursor, batches


def so_many(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= count


async def test_a_post_is_a_message_in_its_topic_and_an_answer_names_what_it_answers(forum: Forum, connector: Discourse):
    forum.say("When do you open?")
    forum.say("At **nine**, @anna", US, reply_to_post_number="1")
    assert (await connector.check()).handle == US
    (question, answer), _, _ = await until(connector, None, so_many(2))
    assert (question.id, question.message_id, question.thread_id, question.text) == ("post:1", "12/1", str(TOPIC), "When do you open?")
    assert question.post is not None
    assert (question.post.id, question.post.title) == (str(TOPIC), "Opening hours")
    assert (question.permalink or "").endswith(f"/t/opening-hours/{TOPIC}/1")
    assert question.author is not None
    assert (question.author.name, question.author.handle, question.author.roles) == ("Anna", "anna", ("trust_level_1",))
    assert (question.author.avatar or "").endswith("/user_avatar/forum.example/anna/96/7_2.png")
    assert (answer.parent_id, answer.html, answer.mentions) == ("12/1", "<p>At **nine**, @anna</p>", ("anna",))
    assert answer.author is not None
    assert (answer.author.is_self, answer.author.roles) == (True, ("admin", "staff", "trust_level_1"))


async def test_private_messages_are_private_and_only_read_when_asked_for(forum: Forum, connector: Discourse):
    forum.say("My number is 12", private=True, topic_id=99)
    (event,), _, _ = await until(connector, None, so_many(1))
    assert (event.conversation_kind, event.private, event.post, event.thread_id) == (ConversationKind.DIRECT, True, None, "99")
    alone = Discourse(DiscourseConfig.model_validate(settings(connector._config.forum, private_messages=False)))
    forum.requests.clear()
    async with aclosing(alone.stream(None)) as batches:
        assert (await anext(batches)).events == []
    assert forum.requests == ["GET /posts.json"]
    await alone.aclose()


@pytest.mark.parametrize("is_new", [True, False])
async def test_250_posts_during_downtime_come_in_order_none_lost_and_none_twice(forum: Forum, connector: Discourse, is_new: bool):
    forum.is_new = is_new
    forum.say("Post 1")
    _, cursor, _ = await until(connector, None, so_many(1))
    for number in range(2, 252):
        if number == 100:
            forum.say("private", private=True)  # ids have gaps in this list
        forum.say(f"Post {number}")
    events, after, _ = await until(connector, cursor, lambda events: len([one for one in events if not one.private]) >= 250)
    assert [event.text for event in events if not event.private] == [f"Post {number}" for number in range(2, 252)]
    events, _, _ = await until(connector, cursor, so_many(250))  # after a crash, the same again
    assert len({event.id for event in events}) == len(events)
    forum.say("Later")
    events, _, _ = await until(connector, after, lambda events: any(event.text == "Later" for event in events))
    assert [event.text for event in events if not event.private] == ["Later"]


async def test_edits_hidings_and_deletions_are_seen_in_the_list(forum: Forum, connector: Discourse):
    one, two, three, _ = forum.say("Whem?"), forum.say("Buy pills"), forum.say("Oops"), forum.say("Last")
    _, cursor, _ = await until(connector, None, so_many(4))
    one |= {"raw": "When?", "version": 2, "updated_at": "2026-03-02T09:00:00.000Z"}
    two["hidden"] = True
    three["deleted_at"] = "2026-03-02T09:00:00.000Z"
    events, cursor, _ = await until(connector, cursor, so_many(3))
    assert {(event.kind, event.message_id, event.text) for event in events} == {
        (EventKind.EDIT, "12/1", "When?"),
        (EventKind.MODERATION, "12/2", "hide"),
        (EventKind.DELETE, "12/3", ""),
    }
    two |= {"hidden": False, "updated_at": "2026-03-02T10:00:00.000Z"}
    (event,), _, _ = await until(connector, cursor, so_many(1))
    assert (event.message_id, event.text) == ("12/2", "unhide")


async def test_what_cannot_be_read_is_kept_and_read_again_and_what_is_not_said_is_counted(forum: Forum, connector: Discourse):
    forum.say("One")
    forum.say("Two")["created_at"] = "yesterday"
    forum.say("closed", post_type=3)
    forum.say("psst", post_type=4)
    forum.say("Five")
    events, _, batches = await until(connector, None, so_many(2))
    assert [event.text for event in events] == ["One", "Five"]
    assert batches[0].passed_over == {"what was done to a topic": 1, "a whisper among staff": 1}
    (rejected,) = batches[0].rejected
    assert "created_at" in rejected.reason
    assert [one.raw for one in connector.reread(rejected.raw, NOW).rejected] == [rejected.raw]
    mended = rejected.raw.replace(b"yesterday", b"2026-03-02T08:00:00Z")
    assert [event.text for event in connector.reread(mended, NOW).events] == ["Two"]
    for bad in (b"{}", b"x", b"[" * 100_000, b'{"event": "post_created", "body": "[]"}'):
        assert len(connector.reread(bad, NOW).rejected) == 1


def call(event: str, told: Any, signature: str | None = None, method: str = "POST") -> Request:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    headers = {
        "x-discourse-event": event,
        "x-discourse-event-id": "17",
        "x-discourse-event-signature": signed if signature is None else signature,
    }
    return Request(method, headers, {}, body, NOW)


def hear(connector: Discourse, event: str, told: Any) -> Batch:
    response, batches = connector.webhook(call(event, told))
    assert response.status == 200
    return batches[""]


async def test_a_webhook_tells_the_same_as_the_list(forum: Forum, connector: Discourse):
    said = forum.say("When?")
    (listed,), _, _ = await until(connector, None, so_many(1))
    (told,) = hear(connector, "post_created", {"post": said}).events
    assert told == listed
    (edit,) = hear(connector, "post_edited", {"post": said | {"version": 3, "raw": "When please?"}}).events
    assert (edit.id, edit.kind, edit.text) == ("edit:1:3", EventKind.EDIT, "When please?")
    (gone,) = hear(connector, "post_destroyed", {"post": said | {"deleted_at": "2026-03-02T09:00:00Z"}}).events
    assert (gone.id, gone.kind, gone.message_id) == ("delete:1", EventKind.DELETE, "12/1")
    like = {"like": {"post": said, "user": {"id": 5, "username": "bernd", "name": None}}}
    (liked,) = hear(connector, "post_liked", like).events
    assert (liked.kind, liked.text, liked.message_id, liked.author and liked.author.name) == (EventKind.REACTION, "❤️", "12/1", "bernd")


async def test_what_a_webhook_tells_besides_is_counted_and_private_talks_of_others_are_left_out(connector: Discourse):
    assert hear(connector, "ping", {"ping": "OK"}).passed_over == {"ping": 1}
    assert hear(connector, "topic_created", {"topic": {}}).passed_over == {"topic_created": 1}
    private = post(4, "secret") | {"topic_archetype": "private_message"}
    assert hear(connector, "post_created", {"post": private}) == Batch(passed_over={"a private message": 1})
    for bad in (b"{}", b"no JSON", b'{"post": {"id": 1}}', b'{"post": []}', b"[" * 100_000):
        assert len(hear(connector, "post_created", bad).rejected) == 1


def test_the_signature_is_that_of_discourses_own_tests(connector: Discourse):
    """https://github.com/discourse/discourse/blob/main/spec/jobs/regular/emit_web_hook_event_spec.rb"""
    signature = "sha256=162f107f6b5022353274eb1a7197885cfd35744d8d08e5bcea025d309386b7d6"
    response, _ = connector.webhook(call("ping", b'{"ping":"OK"}', signature))
    assert response.status == 200


def test_a_thousand_forged_calls_are_refused(connector: Discourse):
    body = json.dumps({"post": post(1, "Grüße")}).encode()
    signature = f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    forged = list(variants(body, signature))
    assert len(forged) >= 1000
    for other_body, other_signature in forged:
        with pytest.raises(Refused):
            connector.webhook(call("post_created", other_body, other_signature))
    without = Discourse(DiscourseConfig.model_validate(settings(webhook_secret="")))
    for empty in ("", f"sha256={hmac.new(b'', body, hashlib.sha256).hexdigest()}"):
        with pytest.raises(Refused):
            without.webhook(call("post_created", body, empty))
    with pytest.raises(Refused) as refusal:
        connector.webhook(call("post_created", body, method="GET"))
    assert refusal.value.status == 405


async def test_an_answer_goes_under_what_it_answers_with_its_files(forum: Forum, connector: Discourse):
    forum.say("When?")
    files = (Attachment("map [1].png", "image/png", b"PNG"), Attachment("plan.pdf", "application/pdf", b"PDF"))
    reply = Reply("key-1", str(TOPIC), "At nine.", parent_id="12/1", attachments=files)
    assert await connector.find_sent(reply) is None
    receipt = await connector.send(reply)
    (asked,) = forum.posted
    assert (asked["topic_id"], asked["reply_to_post_number"]) == (TOPIC, 1)
    assert asked["raw"] == "At nine.\n\n![map  1 .png](upload://abc.png)\n[plan.pdf|attachment](upload://abc.png)"
    assert (receipt.message_id, (receipt.permalink or "")[-4:]) == ("12/2", "12/2")
    assert await connector.find_sent(reply) == receipt


async def test_the_same_words_again_are_found_and_not_posted_twice(forum: Forum, connector: Discourse):
    forum.say("When?")
    reply = Reply("key-1", str(TOPIC), "At nine.", parent_id="12/1")
    first, again = await connector.send(reply), await connector.send(reply)
    assert first.message_id == again.message_id
    assert len(forum.posts) == 2


async def test_a_private_answer_begins_a_message_to_who_asked(forum: Forum, connector: Discourse):
    forum.say("When?")
    await connector.send(Reply("key-1", str(TOPIC), "At nine.", parent_id="12/1", private=True))
    (asked,) = forum.posted
    assert (asked["target_recipients"], asked["archetype"], asked["title"]) == ("anna", "private_message", "Re: Opening hours")
    with pytest.raises(Permanent):
        await connector.find_sent(Reply("key-1", str(TOPIC), "At nine.", parent_id="12/1", private=True))


async def test_an_answer_that_waits_for_approval_is_accepted(forum: Forum, connector: Discourse):
    forum.say("When?")
    forum.trouble["POST /posts.json"] = [JSONResponse({"success": True, "action": "enqueued", "pending_post": {"id": 5}})]
    assert (await connector.send(Reply("key-1", str(TOPIC), "At nine.", parent_id="12/1"))).message_id == "pending:5"


async def test_posts_are_liked_edited_and_deleted(forum: Forum, connector: Discourse):
    forum.say("When?")
    await connector.act(Action.LIKE, "12/1")
    await connector.act(Action.EDIT, "12/1", "At ten.")
    await connector.act(Action.UNHIDE, "12/1")
    await connector.act(Action.DELETE, "12/1")
    assert forum.posted == [
        {"did": "POST /post_actions.json", "id": 1, "post_action_type_id": 2},
        {"did": "PUT /posts/1.json", "post": {"raw": "At ten."}},
        {"did": "PUT /posts/1/unhide.json"},
        {"did": "DELETE /posts/1.json"},
    ]
    with pytest.raises(Permanent):
        await connector.act(Action.SPAM, "12/1")
    with pytest.raises(Permanent, match="not there"):
        await connector.act(Action.LIKE, "12/9")


async def test_what_stands_in_a_topic_is_counted_and_listed(forum: Forum, connector: Discourse):
    for number in range(25):
        forum.say(f"Post {number}")
    assert await connector.counts(str(TOPIC)) == 25
    batches = [batch async for batch in connector.listed(str(TOPIC))]
    assert [event.text for batch in batches for event in batch.events] == [f"Post {number}" for number in range(25)]
    assert not any(batch.rejected for batch in batches)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (PlainTextResponse("<html>busy</html>"), Transient),
        (JSONResponse({}, 429, headers={"retry-after": "30"}), RateLimited),
        (PlainTextResponse("", 502), Transient),
        (PlainTextResponse("", 302, headers={"location": "/login"}), Permanent),
        (refused(403, "invalid_access", f"No {KEY}"), AuthError),
    ],
)
async def test_trouble_with_the_list_is_told_as_it_is(
    forum: Forum, connector: Discourse, answer: PlainTextResponse, error: type[Exception]
):
    forum.trouble["GET /posts.json"] = [answer]
    with pytest.raises(error) as told:
        await until(connector, None, so_many(1))
    assert KEY not in str(told.value)
    assert forum.requests == ["GET /posts.json"]


async def test_a_place_that_cannot_be_read_is_forgotten(connector: Discourse):
    for cursor in ("", "{}", "12", '{"last": {"a": "b"}, "watched": {}}'):
        with pytest.raises(CursorExpired):
            await until(connector, cursor, so_many(1))
