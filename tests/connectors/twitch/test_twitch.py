"""Twitch's chat, as a server that behaves as its documents say tells and takes it."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.responses import HTMLResponse

from connectors import http
from connectors.twitch import Twitch as Connector
from connectors.twitch import connector as connector_module
from connectors.twitch import hooks, listening, parse
from connectors.twitch.config import TwitchConfig
from inbox.contract import (
    Action,
    Ambiguous,
    Attachment,
    AuthError,
    Batch,
    EventKind,
    Permanent,
    RateLimited,
    Refused,
    Reply,
    Request,
    Transient,
)
from tests.connectors import forgeries
from tests.connectors.twitch import fake
from tests.connectors.twitch.fake import ANNA, CLIENT, MORNING, REFRESH, ROOM, SECRET, TOKEN, US, Twitch, deleted, refused, said, serving

HOOK, HOOK_SECRET = "https://inbox.example/hooks/KEY", "hunter2-hunter2"
MESSAGE, DELETE = parse.WANTED
SENDING = "POST /helix/chat/messages"


@pytest.fixture
async def twitch() -> AsyncIterator[Twitch]:
    http.allow(["127.0.0.0/8"])
    found = Twitch()
    async with serving(found):
        yield found
    http.allow([])


def a_connector(twitch: Twitch, **config: Any) -> Connector:
    given = {"client_id": CLIENT, "access_token": TOKEN, "channel": ROOM[1], "server": twitch.address, **config}
    return Connector(TwitchConfig.model_validate(given))


@pytest.fixture
async def connector(twitch: Twitch) -> AsyncIterator[Connector]:
    found = a_connector(twitch)
    yield found
    await found.aclose()


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the fake's lists tell nobody
            await asyncio.sleep(0.01)


def only(batch: Batch) -> Any:
    (event,) = batch.events
    return event


async def test_what_is_said_comes_with_its_room_and_the_badges_of_whoever_says_it(twitch: Twitch, connector: Connector):
    async with aclosing(connector.stream(None)) as batches:
        assert (await anext(batches)).gap is False
        badges = [{"set_id": "moderator", "id": "1", "info": ""}, {"set_id": "subscriber", "id": "12", "info": "16"}]
        await twitch.tell(MESSAGE, said(ANNA, "When? 👩‍👩‍👧", "m1", badges=badges), at=MORNING)
        event = only(await anext(batches))
        await twitch.tell(MESSAGE, said(US, "At nine.", "m2", answers=("m1", ANNA)))
        ours = only(await anext(batches))
        await twitch.tell(DELETE, deleted("m1"))
        gone = only(await anext(batches))
    assert (event.text, event.author.name, event.author.roles, event.at) == (
        "When? 👩‍👩‍👧",
        "Viptest",
        ("moderator", "subscriber"),
        MORNING,
    )
    assert (event.post.id, event.post.title, event.post.is_room, event.thread_id) == (ROOM[0], ROOM[1], True, "")
    assert (ours.text, ours.parent_id, ours.mentions, ours.author.is_self) == ("At nine.", "m1", (ANNA[0],), True)
    assert (gone.kind, gone.message_id) == (EventKind.DELETE, "m1")


async def test_a_mention_is_known_and_what_another_channel_shares_is_left_out(twitch: Twitch, connector: Connector):
    mention = {"type": "mention", "text": "@bakery", "mention": {"user_id": US[0], "user_login": US[1], "user_name": US[1]}}
    async with aclosing(connector.stream(None)) as batches:
        await anext(batches)
        await twitch.tell(MESSAGE, said(ANNA, "@bakery hi", "m1", message={"text": "@bakery hi", "fragments": [mention]}))
        assert only(await anext(batches)).mentions == (US[0],)
        await twitch.tell(MESSAGE, said(ANNA, "elsewhere", "m2", source_broadcaster_user_id="77"))
        assert (await anext(batches)).passed_over == {"said in another channel that shares its chat": 1}


async def test_what_cannot_be_read_is_kept_and_can_be_read_again(twitch: Twitch, connector: Connector):
    async with aclosing(connector.stream(None)) as batches:
        await anext(batches)
        await twitch.tell(MESSAGE, said(ANNA, "Hi", "m1") | {"message": 1}, at=MORNING)
        (rejected,) = (await anext(batches)).rejected
        await twitch.tell(MESSAGE, said(ANNA, "Hello", "m2"))
        assert only(await anext(batches)).text == "Hello"
    assert rejected.reason.startswith("message")
    kept = json.loads(rejected.raw)
    kept["event"]["message"] = {"text": "Hi"}
    event = only(connector.reread(json.dumps(kept).encode(), MORNING))
    assert (event.text, event.at, event.author.is_self) == ("Hi", MORNING, False)
    assert connector.reread(rejected.raw, MORNING).rejected
    assert connector.reread(b"[]", MORNING).rejected


async def test_what_was_said_while_nobody_listened_is_a_gap(twitch: Twitch, connector: Connector):
    async with aclosing(connector.stream("2026-03-02T08:00:00+00:00")) as batches:
        first = await anext(batches)
    assert (first.gap, first.cursor is not None) == (True, True)


async def test_a_session_that_twitch_moves_loses_nothing(twitch: Twitch, connector: Connector):
    async with aclosing(connector.stream(None)) as batches:
        await anext(batches)
        waiting = asyncio.create_task(anext(batches))  # pyright: ignore
        old = twitch.ears["session0"]
        await twitch.move("session0")
        await until(lambda: twitch.ears["session0"] is not old)
        new, twitch.ears["session0"] = twitch.ears["session0"], old
        await twitch.tell(MESSAGE, said(ANNA, "To the old one", "m1"))  # it is told until the new one has taken over
        twitch.ears["session0"] = new
        await twitch.tell(MESSAGE, said(ANNA, "To the new one", "m2"))
        assert [only(await waiting).text, only(await anext(batches)).text] == ["To the old one", "To the new one"]
    assert len(twitch.subscriptions) == 2  # they moved along


@pytest.mark.parametrize(
    ("status", "error"),
    [("authorization_revoked", AuthError), ("user_removed", Permanent), ("version_removed", Permanent), ("something_new", Transient)],
)
async def test_a_revocation_ends_the_stream_with_its_reason(twitch: Twitch, connector: Connector, status: str, error: type[Exception]):
    async with aclosing(connector.stream(None)) as batches:
        await anext(batches)
        await twitch.say("session0", "revocation", {"subscription": fake.subscription(MESSAGE) | {"status": status}})
        with pytest.raises(error):
            await anext(batches)


async def test_silence_and_a_missing_welcome_are_noticed(twitch: Twitch, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "SLACK", 0.1)
    monkeypatch.setattr(listening, "GREETING", 0.1)
    twitch.silence = 1
    async with aclosing(connector.stream(None)) as batches:
        await anext(batches)
        await twitch.say("session0", "session_keepalive", {})
        with pytest.raises(Transient, match="does not answer"):
            await anext(batches)
    twitch.welcomes = False
    with pytest.raises(Transient, match="welcome"):
        async with aclosing(connector.stream(None)) as batches:
            await anext(batches)


async def test_an_account_is_checked_and_the_end_of_its_token_is_told(twitch: Twitch, connector: Connector):
    me = await connector.check()
    assert (me.id, me.name, me.handle) == (US[0], "Bakery", "bakery")
    ends = connector.standing.token_expires_at
    assert ends is not None
    assert timedelta(hours=3) < ends - datetime.now(UTC) <= timedelta(hours=4)
    twitch.scopes = ["user:read:chat"]
    with pytest.raises(AuthError, match="user:write:chat"):
        await connector.check()
    for config, error, words in (
        ({"channel": "nobody"}, Permanent, "nobody"),
        ({"client_id": "other"}, AuthError, "another application"),
        ({"access_token": "old"}, AuthError, "connect the account again"),
    ):
        twitch.scopes = ["user:read:chat", "user:write:chat"]
        other = a_connector(twitch, **config)
        with pytest.raises(error, match=words):
            await other.check()
        await other.aclose()


async def test_an_access_token_that_ended_is_renewed_once_and_the_message_is_sent_once(twitch: Twitch):
    connector = a_connector(twitch, client_secret=SECRET, refresh_token=REFRESH)
    await connector.check()
    twitch.token = "ended"
    receipt = await connector.send(Reply(key="k", thread_id="", text="Hi", post_id=ROOM[0]))
    assert (receipt.message_id, len(twitch.sent), twitch.renewed) == ("sent-1", 1, 1)
    twitch.token, twitch.renews = "ended again", False
    with pytest.raises(AuthError):
        await connector.send(Reply(key="k", thread_id="", text="Hi", post_id=ROOM[0]))
    await connector.aclose()


async def test_an_answer_points_at_what_it_answers(twitch: Twitch, connector: Connector):
    receipt = await connector.send(Reply(key="k", thread_id="", text="At\nnine.", parent_id="m1", post_id=ROOM[0]))
    assert receipt.message_id == "sent-1"
    assert twitch.sent == [{"broadcaster_id": ROOM[0], "sender_id": US[0], "message": "At nine.", "reply_parent_message_id": "m1"}]
    await connector.act(Action.DELETE, "sent-1")
    assert twitch.gone == ["sent-1"]


async def test_what_twitch_does_not_take_is_said_truly(twitch: Twitch, connector: Connector):
    reply = Reply(key="k", thread_id="", text="Hi", post_id=ROOM[0])
    twitch.drop = {"code": "msg_duplicate", "message": "Your message is identical to the one you sent less than 30 seconds ago."}
    with pytest.raises(Permanent, match="identical"):
        await connector.send(reply)
    twitch.drop = None
    for answer, error in (
        (refused(403, "The sender is banned"), Permanent),
        (refused(429, **{"ratelimit-reset": fake.soon(30)}), RateLimited),
        (refused(500), Ambiguous),
        (HTMLResponse("<html>"), Ambiguous),
    ):
        twitch.refusals[SENDING] = [answer]
        with pytest.raises(error) as failed:
            await connector.send(reply)
        if isinstance(failed.value, RateLimited):
            assert 25 < failed.value.retry_after <= 30
    with pytest.raises(Permanent, match="files"):
        await connector.send(Reply(key="k", thread_id="", text="Hi", attachments=(Attachment("a", "b", content=b""),)))
    twitch.refusals["DELETE /helix/moderation/chat"] = [refused(404), refused(403, "not a moderator")]
    await connector.act(Action.DELETE, "gone")
    with pytest.raises(Permanent, match="moderator"):
        await connector.act(Action.DELETE, "theirs")
    with pytest.raises(Permanent):
        await connector.act(Action.LIKE, "m1")


def hooked() -> Connector:
    given = {"client_id": CLIENT, "client_secret": SECRET, "access_token": TOKEN, "webhook_url": HOOK, "webhook_secret": HOOK_SECRET}
    return Connector(TwitchConfig.model_validate(given))


def a_request(body: bytes, kind: str = "notification", *, at: datetime = MORNING, signature: str | None = None) -> Request:
    stamp = fake.stamp(at)
    signed = hooks.sign(HOOK_SECRET, "e76c6bd4", stamp, body) if signature is None else signature
    values = {"id": "e76c6bd4", "timestamp": stamp, "signature": signed, "type": kind, "retry": "0"}
    return Request("POST", {f"twitch-eventsub-message-{name}": value for name, value in values.items()}, {"me": US[0]}, body, MORNING)


def a_body(event: Any, kind: str = MESSAGE, **more: Any) -> bytes:
    return json.dumps({"subscription": fake.subscription(kind, method="webhook", callback=HOOK), "event": event, **more}).encode()


def test_a_signature_is_what_the_documents_say():
    """https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message: id, time and body, HMAC-SHA256, in hex."""
    body, stamp = b'{"challenge":"x"}', "2026-03-02T08:00:00.000000123Z"
    own = hmac.new(b"hunter2-hunter2", b"e76c6bd4" + stamp.encode() + body, hashlib.sha256).hexdigest()
    assert hooks.sign(HOOK_SECRET, "e76c6bd4", stamp, body) == f"sha256={own}"


async def test_a_notification_a_challenge_and_a_revocation_are_answered():
    connector = hooked()
    response, batches = connector.webhook(a_request(a_body(said(US, "At nine.", "m1"))))
    event = only(batches[""])
    assert (response.status, event.text, event.author.is_self, event.at) == (204, "At nine.", True, MORNING)
    again = only(connector.webhook(a_request(a_body(said(US, "At nine.", "m1"))))[1][""])
    assert again.id == event.id
    challenge = json.dumps({"challenge": "pogchamp-kappa-360noscope-vohiyo", "subscription": {}}).encode()
    response, batches = connector.webhook(a_request(challenge, "webhook_callback_verification"))
    assert (response.status, response.body, response.media_type) == (200, "pogchamp-kappa-360noscope-vohiyo", "text/plain")
    revoked = json.dumps({"subscription": fake.subscription(MESSAGE) | {"status": "user_removed"}}).encode()
    response, batches = connector.webhook(a_request(revoked, "revocation"))
    assert (response.status, batches[""].passed_over) == (204, {"revocation: user_removed": 1})
    response, batches = connector.webhook(a_request(a_body({}, "channel.follow")))
    assert batches[""].passed_over == {"event channel.follow": 1}
    response, batches = connector.webhook(a_request(b"not JSON"))
    assert (response.status, len(batches[""].rejected)) == (204, 1)
    await connector.aclose()


async def test_a_thousand_forgeries_and_old_messages_are_refused():
    connector, body = hooked(), a_body(said(ANNA, "Hi ü", "m1"))
    signature = hooks.sign(HOOK_SECRET, "e76c6bd4", fake.stamp(MORNING), body)
    tried = 0
    for forged, given in forgeries.variants(body, signature):
        with pytest.raises(Refused):
            connector.webhook(a_request(forged, signature=given))
        tried += 1
    assert tried >= 1000
    for minutes in (-6, 6):
        with pytest.raises(Refused, match="old"):
            connector.webhook(a_request(body, at=MORNING + timedelta(minutes=minutes)))
    with pytest.raises(Refused):
        connector.webhook(Request("GET", {}, {}, b"", MORNING))
    await connector.aclose()


async def test_a_webhook_is_subscribed_with_the_applications_own_token_and_watched(twitch: Twitch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connector_module, "LOOK", 0.05)
    given = {"client_secret": SECRET, "webhook_url": HOOK, "webhook_secret": HOOK_SECRET}
    connector = a_connector(twitch, **given)
    async with aclosing(connector.stream(None)) as batches:
        watching = asyncio.create_task(anext(batches))  # pyright: ignore
        await until(lambda: len(twitch.subscriptions) == 2)
        twitch.subscriptions.clear()
        await until(lambda: len(twitch.subscriptions) == 2)  # ended somewhere else: it is set again
        twitch.subscriptions[0]["status"] = "authorization_revoked"
        with pytest.raises(AuthError):
            await watching
    assert {one["transport"]["callback"] for one in twitch.subscriptions} == {f"{HOOK}?me={US[0]}"}
    await connector.aclose()


@pytest.mark.parametrize(
    "config",
    [
        {"webhook_url": HOOK, "webhook_secret": HOOK_SECRET},  # without the client secret
        {"webhook_url": HOOK, "client_secret": SECRET},
        {"webhook_url": HOOK, "client_secret": SECRET, "webhook_secret": "short"},
        {"channel": "a b"},
        {"server": "ftp://x"},
    ],
)
def test_settings_that_cannot_work_are_refused(config: dict[str, str]):
    with pytest.raises(ValidationError):
        TwitchConfig.model_validate({"client_id": CLIENT, "access_token": TOKEN, **config})
