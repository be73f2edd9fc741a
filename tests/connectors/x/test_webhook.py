"""What X pushes, and who else might."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.x import X, signing
from connectors.x.config import XConfig
from inbox.contract import EventKind, Refused, Request
from tests.connectors import forgeries
from tests.connectors.x.fake import KEY, SECRET, TOKEN, TOKEN_SECRET, US

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def x() -> X:
    secrets = {"consumer_key": KEY, "consumer_secret": SECRET, "access_token": TOKEN, "access_token_secret": TOKEN_SECRET}
    return X(XConfig.model_validate(secrets))


def pushed(body: bytes, signature: str | None = None, method: str = "POST") -> Request:
    given = signing.answer(SECRET, body) if signature is None else signature
    return Request(method, {"x-twitter-webhooks-signature": given}, {}, body, NOW)


def activity(kind: str, payload: Any, user: str = US, **more: Any) -> bytes:
    """https://docs.x.com/x-api/activity/event-payloads"""
    data = {"event_uuid": "2080761390344937796", "filter": {"user_id": user}, "event_type": kind, "tag": "t", "payload": payload}
    return json.dumps({"data": data | more}).encode()


POST = {"id": "300", "text": "@ourshop when?", "author_id": "11", "conversation_id": "300", "created_at": "2026-03-02T08:00:00.000Z"}
DIRECT = {"id": "500", "event_type": "MessageCreate", "sender_id": "11", "dm_conversation_id": "11-2244994945", "text": "Hello",
          "created_at": "2026-03-02T08:00:00.000Z"}  # fmt: skip


def test_signatures_are_those_that_x_publishes():
    """https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature"""
    params = {
        "status": "Hello Ladies + Gentlemen, a signed OAuth request!",
        "include_entities": "true",
        "oauth_consumer_key": "xvz1evFS4wEEPTGEFPHBog",
        "oauth_nonce": "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": "1318622958",
        "oauth_token": "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
        "oauth_version": "1.0",
    }
    secrets = "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"
    assert signing.signature("POST", "https://api.twitter.com/1.1/statuses/update.json", params, *secrets) == "hCtSmYh+iHYCEqBWrE7C7hYmtUk="


def test_a_challenge_is_answered(x: X):
    response, batches = x.webhook(Request("GET", {}, {"crc_token": "challenge"}, b"", NOW))
    assert json.loads(response.body) == {"response_token": signing.answer(SECRET, b"challenge")}
    assert not batches
    with pytest.raises(Refused):
        x.webhook(Request("GET", {}, {}, b"", NOW))


def test_a_mention_and_direct_messages_come_in_as_the_lists_bring_them(x: X):
    user = {"id": "11", "name": "Anna", "username": "anna"}
    _, batches = x.webhook(pushed(activity("post.mention.create", POST, includes={"users": [user]})))
    (event,) = batches[""].events
    assert (event.id, event.text, event.author and event.author.handle) == ("post:300", "@ourshop when?", "@anna")
    (event,) = x.webhook(pushed(activity("dm.received", DIRECT)))[1][""].events
    assert (event.id, event.thread_id) == ("direct:500", "dm:11-2244994945")
    older = {
        "users": {"11": {"name": "Anna", "screen_name": "anna"}},
        "direct_message_events": [{
            "type": "message_create", "id": "500", "created_timestamp": "1772438400000",
            "message_create": {"sender_id": "11", "target": {"recipient_id": US}, "message_data": {"text": "Hello"}},
        }],
    }  # fmt: skip
    (again,) = x.webhook(pushed(activity("dm.received", older)))[1][""].events
    assert (again.id, again.thread_id, again.at, again.author and again.author.handle) == (event.id, event.thread_id, event.at, "@anna")


def test_a_deletion_is_told_at_once(x: X):
    (event,) = x.webhook(pushed(activity("post.delete", {"id": "300"})))[1][""].events
    assert (event.kind, event.message_id, event.at) == (EventKind.DELETE, "300", NOW)


def test_events_of_another_account_are_anothers(x: X):
    assert list(x.webhook(pushed(activity("post.mention.create", POST, user="77")))[1]) == ["77"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (activity("follow.follow", {}), "an event of the kind follow.follow"),
        (activity("post.create", POST), "a post of ours: the list tells what it answers"),
        (json.dumps({"for_user_id": US, "tweet_create_events": [{}]}).encode(), "an event of the Account Activity API"),
        (b"{}", "a body without an event"),
        (b"[]", "a body without an event"),
    ],
)
def test_what_means_nothing_is_counted(x: X, body: bytes, reason: str):
    (batch,) = x.webhook(pushed(body))[1].values()
    assert (batch.events, batch.rejected, batch.passed_over) == ([], [], {reason: 1}) or dict(batch.passed_over) == {reason: 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        activity("post.mention.create", {"id": "1"}),
        activity("dm.received", {"direct_message_events": [{}]}),
        activity("post.delete", 7),
    ],
)
def test_what_cannot_be_read_is_kept(x: X, body: bytes):
    (batch,) = x.webhook(pushed(body))[1].values()
    assert [one.raw for one in batch.rejected] == [body]
    assert x.reread(body, NOW).rejected


def test_a_thousand_forgeries_are_refused(x: X):
    body = activity("post.mention.create", POST)
    forged = list(forgeries.variants(body, signing.answer(SECRET, body)))
    assert len(forged) >= 1000
    for changed, signature in forged:
        with pytest.raises(Refused):
            x.webhook(pushed(changed, signature))
    with pytest.raises(Refused):
        x.webhook(Request("POST", {}, {}, body, NOW))
    with pytest.raises(Refused):
        x.webhook(pushed(body, method="PUT"))


def test_nobody_gets_an_event_signed_as_the_answer_to_a_challenge(x: X):
    body = activity("post.mention.create", POST)
    for forged in (body.decode(), json.dumps({}), "x" * 1000):
        with pytest.raises(Refused):
            x.webhook(Request("GET", {}, {"crc_token": forged}, b"", NOW))


@pytest.mark.parametrize(
    "told", [{"users": "nobody"}, {"direct_message_events": [{"created_timestamp": "9" * 400}]}], ids=["users", "time"]
)
def test_an_older_form_that_is_none_is_kept_with_its_reason(x: X, told: Any):
    older = {"users": {}, "direct_message_events": [{"id": "5", "created_timestamp": "soon"}]} | told
    batch = x.webhook(pushed(activity("dm.received", older)))[1][""]
    assert (len(batch.events), len(batch.rejected)) == (0, 1)
