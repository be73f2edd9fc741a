"""What TikTok pushes, and who else might."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.tiktok import TikTok, webhook
from connectors.tiktok.config import TikTokConfig
from inbox.contract import ConversationKind, EventKind, Refused, Request
from tests.connectors import forgeries
from tests.connectors.tiktok.fake import REFRESH, SECRET, US

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(NOW.timestamp())


@pytest.fixture
def tiktok() -> TikTok:
    known = {"app_id": "app", "app_secret": SECRET, "business_id": US, "refresh_token": REFRESH}
    return TikTok(TikTokConfig.model_validate(known))


def pushed(event: str, content: Any, user: str = US) -> bytes:
    """https://developers.tiktok.com/doc/webhooks-events: `content` is JSON once more."""
    text = content if isinstance(content, str) else json.dumps(content)
    return json.dumps({"client_key": "key", "event": event, "create_time": AT, "user_openid": user, "content": text}).encode()


def request(body: bytes, signature: str | None = None, method: str = "POST", received_at: datetime = NOW) -> Request:
    given = webhook.signature(SECRET, body, AT) if signature is None else signature
    return Request(method, {"tiktok-signature": given}, {}, body, received_at)


def comment(action: str = "insert", **more: Any) -> Any:
    """https://business-api.tiktok.com/portal/docs?id=1759978319341570: ids are numbers here."""
    return {
        "comment_id": 6990565363377392901, "video_id": 7301242590496705810, "comment_type": "comment", "comment_action": action,
        "timestamp": AT, "unique_identifier": "uid-anna", "text": "When?",
    } | more  # fmt: skip


def direct(**more: Any) -> Any:
    """https://business-api.tiktok.com/portal/docs?id=1832184403754242"""
    return {
        "timestamp": AT * 1000, "unique_identifier": "uid-anna", "from_user": {"id": "uid-anna", "role": "personal_account"},
        "to_user": {"id": US, "role": "business_account"}, "from": "anna", "to": "ours", "conversation_id": "u5Jhpse==",
        "message_id": "u5Buqc6==", "type": "text", "text": {"body": "Hello"},
    } | more  # fmt: skip


def test_a_signature_is_made_as_tiktok_documents_it():
    """https://developers.tiktok.com/doc/webhooks-verification"""
    import hashlib
    import hmac

    expected = hmac.new(b"secret", b'1633174587.{"a":1}', hashlib.sha256).hexdigest()
    assert webhook.signature("secret", b'{"a":1}', 1633174587) == f"t=1633174587,s={expected}"


def test_comments_come_with_the_ids_that_the_lists_give_them(tiktok: TikTok):
    (event,) = tiktok.webhook(request(pushed("comment.update", comment())))[1][""].events
    name = "7301242590496705810/6990565363377392901"
    assert (event.id, event.message_id, event.thread_id, event.parent_id) == (f"comment:{name}", name, name, None)
    assert (event.text, event.at, event.author and event.author.id) == ("When?", NOW, "uid-anna")
    reply = comment(comment_type="reply", parent_comment_id=6990565363377392900)
    (event,) = tiktok.webhook(request(pushed("comment.update", reply)))[1][""].events
    assert event.thread_id == event.parent_id == "7301242590496705810/6990565363377392900"


@pytest.mark.parametrize(
    ("action", "kind", "text"),
    [
        ("delete", EventKind.DELETE, ""),
        ("set_to_hidden", EventKind.MODERATION, "hide"),
        ("set_to_friends_only", EventKind.MODERATION, "hide"),
        ("set_to_public", EventKind.MODERATION, "unhide"),
    ],
)
def test_what_became_of_a_comment_is_told_at_once(tiktok: TikTok, action: str, kind: EventKind, text: str):
    (event,) = tiktok.webhook(request(pushed("comment.update", comment(action))))[1][""].events
    assert (event.kind, event.text, event.message_id) == (kind, text, "7301242590496705810/6990565363377392901")


def test_direct_messages_come_in_and_so_do_those_that_we_wrote_ourselves(tiktok: TikTok):
    (event,) = tiktok.webhook(request(pushed("im_receive_msg", direct())))[1][""].events
    assert (event.message_id, event.thread_id, event.text, event.at) == ("dm:u5Buqc6==", "dm:u5Jhpse==", "Hello", NOW)
    assert (event.conversation_kind, event.private) == (ConversationKind.DIRECT, True)
    assert event.author is not None
    assert (event.author.id, event.author.handle, event.author.is_self) == ("uid-anna", "@anna", False)
    (echo,) = tiktok.webhook(request(pushed("im_send_msg", direct(from_user={"id": US}))))[1][""].events
    assert echo.author is not None
    assert echo.author.is_self


def test_pictures_shared_videos_stickers_and_what_is_answered(tiktok: TikTok):
    picture = direct(type="image", text=None, image={"media_id": "m1"}, referenced_message_info={"referenced_message_id": "r1"})
    shared = direct(type="share_post", text=None, share_post={"video_id": "7", "embed_url": "https://www.tiktok.com/player/v1/7"})
    sticker = direct(type="sticker", text=None)
    events = [tiktok.webhook(request(pushed("im_receive_msg", one)))[1][""].events[0] for one in (picture, shared, sticker)]
    assert [file.url for file in events[0].attachments] == ["tiktok:u5Jhpse==|u5Buqc6==|m1"]
    assert events[0].parent_id == "dm:r1"
    assert [event.text for event in events] == ["", "https://www.tiktok.com/player/v1/7", "[sticker]"]


def test_that_somebody_has_read_is_told(tiktok: TikTok):
    told = {"conversation_id": "u5Jhpse==", "from_user": {"id": "uid-anna"}, "read": {"last_read_timestamp": AT * 1000}}
    (event,) = tiktok.webhook(request(pushed("im_mark_read_msg", told)))[1][""].events
    assert (event.kind, event.thread_id, event.at) == (EventKind.READ, "dm:u5Jhpse==", NOW)
    own = tiktok.webhook(request(pushed("im_mark_read_msg", told | {"from_user": {"id": US}})))[1][""]
    assert dict(own.passed_over) == {"what we read ourselves": 1}


def test_events_of_another_account_are_anothers_and_unknown_kinds_are_counted(tiktok: TikTok):
    assert list(tiktok.webhook(request(pushed("comment.update", comment(), user="other")))[1]) == ["other"]
    batch = tiktok.webhook(request(pushed("authorization.removed", {"reason": 1})))[1][""]
    assert dict(batch.passed_over) == {"an event of the kind authorization.removed": 1}
    batch = tiktok.webhook(request(pushed("comment.update", comment("pinned"))))[1][""]
    assert dict(batch.passed_over) == {"a comment that was pinned": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        pushed("comment.update", "{"),
        pushed("comment.update", {}),
        pushed("im_receive_msg", []),
        pushed("im_mark_read_msg", 1),
    ],
)
def test_what_cannot_be_read_is_kept(tiktok: TikTok, body: bytes):
    assert [one.raw for one in tiktok.webhook(request(body))[1][""].rejected] == [body]
    assert tiktok.reread(body, NOW).rejected


def test_what_was_kept_is_read_again(tiktok: TikTok):
    assert tiktok.reread(pushed("comment.update", comment()), NOW).events


def test_a_thousand_forgeries_and_old_signatures_are_refused(tiktok: TikTok):
    body = pushed("comment.update", comment())
    forged = list(forgeries.variants(body, webhook.signature(SECRET, body, AT)))
    assert len(forged) >= 1000
    for changed, signature in forged:
        with pytest.raises(Refused):
            tiktok.webhook(request(changed, signature))
    for seconds in (-301, 301):
        with pytest.raises(Refused):
            tiktok.webhook(request(body, received_at=NOW + timedelta(seconds=seconds)))
    tiktok.webhook(request(body, received_at=NOW + timedelta(seconds=299)))
    with pytest.raises(Refused):
        tiktok.webhook(Request("POST", {}, {}, body, NOW))
    with pytest.raises(Refused):
        tiktok.webhook(request(body, method="GET"))


@pytest.mark.parametrize("at", [[], pytest.param(10**400, id="endless"), 10**31, "soon"])
def test_a_time_that_is_none_is_kept_with_its_reason(tiktok: TikTok, at: Any):
    batch = tiktok.webhook(request(pushed("comment.update", comment(timestamp=at))))[1][""]
    assert (len(batch.events), len(batch.rejected)) == (0, 1)
    kept = json.loads(pushed("comment.update", comment())) | {"create_time": at}
    batches = tiktok.webhook(request(json.dumps(kept).encode()))[1]
    assert sum(len(batch.rejected) + len(batch.events) for batch in batches.values()) == 1
