"""LINE, as a server that behaves as its documents say tells and takes it."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.responses import HTMLResponse, Response

from connectors import http
from connectors.line import Line as Connector
from connectors.line.api import retry_key
from connectors.line.config import LineConfig
from connectors.line.connector import _next_month, sign
from inbox.contract import (
    Ambiguous,
    Attachment,
    AuthError,
    Batch,
    ConversationKind,
    EventKind,
    Permanent,
    RateLimited,
    Refused,
    Reply,
    Request,
    Transient,
)
from tests.connectors import forgeries
from tests.connectors.line.fake import ANNA, GROUP, MORNING, SECRET, TOKEN, US, Line, body, happening, message, refused, serving, source

KEY = "123e4567-e89b-12d3-a456-426614174000"
PUSH = "POST /v2/bot/message/push"


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    http.allow(["127.0.0.0/8"])
    found = Line()
    async with serving(found):
        yield found
    http.allow([])


def a_connector(address: str = "http://127.0.0.1:9", **config: Any) -> Connector:
    return Connector(LineConfig.model_validate({"access_token": TOKEN, "channel_secret": SECRET, "api_url": address, **config}))


@pytest.fixture
async def connector(line: Line) -> AsyncIterator[Connector]:
    found = a_connector(line.address)
    yield found
    await found.aclose()


def delivered(*events: Any, raw: bytes | None = None) -> Batch:
    content = body(*events) if raw is None else raw
    request = Request("POST", {"x-line-signature": sign(SECRET, content)}, {}, content, MORNING)
    response, batches = a_connector().webhook(request)
    assert response.status == 200
    return batches[""]


def only(batch: Batch) -> Any:
    (event,) = batch.events
    return event


def test_a_message_to_the_account_is_a_private_conversation():
    event = only(delivered(message("When? 👩‍👩‍👧", "m1")))
    assert (event.message_id, event.thread_id, event.text, event.at) == ("m1", ANNA, "When? 👩‍👩‍👧", MORNING)
    assert (event.author.id, event.author.name, event.conversation_kind, event.post) == (
        ANNA,
        "LINE user 00anna",
        ConversationKind.DIRECT,
        None,
    )


@pytest.mark.parametrize("where", [{"group": GROUP}, {"room": GROUP}])
def test_a_group_is_a_room(where: dict[str, str]):
    mention = {"mentionees": [{"index": 0, "length": 7, "type": "user", "userId": US, "isSelf": True}, {"type": "all"}]}
    inner = {"mention": mention, "quotedMessageId": "m0"}
    event = only(delivered(message("@Bakery hi", "m1", by=source(**where), message=inner)))
    assert (event.thread_id, event.post.id, event.post.is_room, event.mentions, event.parent_id) == ("", GROUP, True, (US,), "m0")
    nobody = only(delivered(message("Hi", "m2", by=source(None, **where))))
    assert (nobody.author.id, nobody.author.name) == (GROUP, "somebody")


@pytest.mark.parametrize(
    ("kind", "inner", "text", "file"),
    [
        ("image", {"contentProvider": {"type": "line"}}, "", ("picture.jpg", "image/jpeg", "line:m1", None)),
        (
            "video",
            {"contentProvider": {"type": "external", "originalContentUrl": "https://a.example/v"}},
            "",
            ("video.mp4", "video/mp4", "https://a.example/v", None),
        ),
        ("file", {"fileName": "a.pdf", "fileSize": 2138}, "", ("a.pdf", "application/octet-stream", "line:m1", 2138)),
        ("sticker", {"packageId": "1", "stickerId": "1", "keywords": ["cony", "bye"]}, "[Sticker cony, bye]", None),
        ("sticker", {"packageId": "1", "stickerId": "1"}, "[Sticker]", None),
        (
            "location",
            {"title": "Shop", "address": "1 Road", "latitude": 35.65, "longitude": 139.7},
            "[Place] Shop\n1 Road\nhttps://www.openstreetmap.org/?mlat=35.65&mlon=139.7",
            None,
        ),
        ("hologram", {}, "[This kind of message cannot be shown here: look at it in LINE.]", None),
    ],
)
def test_every_kind_of_message_is_shown(kind: str, inner: dict[str, Any], text: str, file: tuple[Any, ...] | None):
    event = only(delivered(message(kind=kind, message_id="m1", message=inner)))
    assert event.text == text
    assert [(one.name, one.media_type, one.url, one.size) for one in event.attachments] == ([file] if file else [])


def test_what_is_taken_back_is_deleted_and_everything_else_is_counted():
    batch = delivered(
        happening("unsend", unsend={"messageId": "m1"}),
        happening("follow", replyToken="x", follow={"isUnblocked": False}),
        happening("postback", postback={"data": "a"}),
        message("Hi", mode="standby"),
        happening("something_new"),
        happening("follow"),
    )
    event = only(batch)
    assert (event.kind, event.message_id) == (EventKind.DELETE, "m1")
    assert batch.passed_over == {"event follow": 2, "event postback": 1, "another module answers": 1, "event something_new": 1}


def test_what_cannot_be_read_is_kept_beside_its_neighbours_and_can_be_read_again():
    bad = message("Hi", "m1") | {"timestamp": "soon"}
    batch = delivered(bad, message("Hello", "m2"), 7, message("No source", "m3") | {"source": None})
    assert (only(batch).text, len(batch.rejected)) == ("Hello", 3)
    kept = json.loads(batch.rejected[0].raw)
    kept["events"][0]["timestamp"] = 1772438400000
    assert only(a_connector().reread(json.dumps(kept).encode(), MORNING)).text == "Hi"
    assert a_connector().reread(batch.rejected[0].raw, MORNING).rejected
    assert delivered(raw=b"{}").rejected
    assert delivered(raw=b"not JSON").rejected
    assert delivered().events == []  # LINE's own try-out sends none


def test_an_event_that_comes_again_has_the_same_id():
    assert only(delivered(message("Hi", "m1"))).id == only(delivered(message("Hi", "m1", again=True))).id


def test_a_signature_is_what_the_documents_say():
    """https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/, whose example this is."""
    content = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    assert sign("8c570fa6dd201bb328f1c1eac23a96d8", content) == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


def test_a_thousand_forgeries_are_refused():
    connector, content = a_connector(), body(message("Hi ü", "m1"))
    tried = 0
    for forged, given in forgeries.variants(content, sign(SECRET, content)):
        with pytest.raises(Refused):
            connector.webhook(Request("POST", {"x-line-signature": given}, {}, forged, MORNING))
        tried += 1
    assert tried >= 1000
    for request in (Request("POST", {}, {}, content, MORNING), Request("GET", {}, {}, b"", MORNING)):
        with pytest.raises(Refused):
            connector.webhook(request)


async def test_an_answer_is_pushed_into_its_chat_or_group(line: Line, connector: Connector):
    first = await connector.send(Reply(key=KEY, thread_id=ANNA, text="At nine. 😀", recipient=ANNA))
    await connector.send(Reply(key="2", thread_id="", text="To all", post_id=GROUP, recipient=ANNA))
    assert first.message_id == "461230966842064891"
    assert line.pushed == [
        {"to": ANNA, "messages": [{"type": "text", "text": "At nine. 😀"}]},
        {"to": GROUP, "messages": [{"type": "text", "text": "To all"}]},
    ]
    with pytest.raises(Permanent, match="which chat"):
        await connector.send(Reply(key="3", thread_id="", text="To whom?"))
    with pytest.raises(Permanent, match="files"):
        await connector.send(Reply(key="4", thread_id=ANNA, text="", attachments=(Attachment("a", "b", content=b""),)))


async def test_the_same_key_again_is_not_a_second_answer(line: Line, connector: Connector):
    line.lost_answers = 1
    reply = Reply(key=KEY, thread_id=ANNA, text="At nine.")
    with pytest.raises(Ambiguous):
        await connector.send(reply)
    receipts = [await connector.send(reply) for _ in range(2)]
    assert ({receipt.message_id for receipt in receipts}, len(line.pushed)) == ({"461230966842064891"}, 1)
    line.refusals[PUSH] = [refused(409, "The retry key is already accepted", **{"x-line-accepted-request-id": "r1"})]
    assert (await connector.send(reply)).message_id == "r1"
    line.refusals[PUSH] = [refused(409, "Conflict")]  # something else
    with pytest.raises(Permanent):
        await connector.send(reply)


@pytest.mark.parametrize(("key", "expected"), [(KEY, KEY), (KEY.upper(), KEY), ("our-key", retry_key("our-key"))])
def test_a_key_is_a_uuid_and_always_the_same(key: str, expected: str):
    assert retry_key(key) == expected
    assert retry_key("our-key") != retry_key("our-other-key")


async def test_what_line_does_not_take_is_said_truly(line: Line, connector: Connector):
    for answer, error in (
        (refused(400, "The request body has 1 error(s)"), Permanent),
        (refused(403, "Not authorized"), Permanent),
        (refused(429, "You have reached your monthly limit."), Permanent),
        (refused(429, "The API rate limit has been exceeded. Try again later.", **{"retry-after": "7"}), RateLimited),
        (refused(500, "Internal error"), Ambiguous),
        (HTMLResponse("<html>"), Ambiguous),
        (refused(401, "Authentication failed"), AuthError),
    ):
        line.refusals[PUSH] = [answer]
        with pytest.raises(error):
            await connector.send(Reply(key=KEY, thread_id=ANNA, text="Hi"))


async def test_an_account_is_checked(line: Line, connector: Connector):
    me = await connector.check()
    assert (me.id, me.name, me.handle, me.is_self) == (US, "Bakery", "@216ru", True)
    stranger = a_connector(line.address, access_token="old")
    with pytest.raises(AuthError):
        await stranger.check()
    await stranger.aclose()


async def test_how_much_may_still_be_sent_is_told_and_a_webhook_that_is_off_is_a_failure(line: Line, connector: Connector):
    async with aclosing(connector.stream(None)) as batches:  # pyright: ignore
        assert (await anext(batches)).events == ()
    standing = connector.standing
    assert (standing.quota_used, standing.quota_limit) == (12, 200)
    line.quota = {"type": "none"}
    async with aclosing(connector.stream(None)) as batches:  # pyright: ignore
        await anext(batches)
    assert (connector.standing.quota_used, connector.standing.quota_limit) == (12, None)
    for endpoint in ({"endpoint": "https://inbox.example", "active": False}, None):
        line.endpoint = endpoint
        with pytest.raises(Permanent, match="Use webhook"):
            async with aclosing(connector.stream(None)) as batches:  # pyright: ignore
                await anext(batches)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (datetime(2026, 3, 2, 8, tzinfo=UTC), datetime(2026, 3, 31, 15, tzinfo=UTC)),
        (datetime(2026, 1, 31, 14, 59, tzinfo=UTC), datetime(2026, 1, 31, 15, tzinfo=UTC)),  # still January in Tokyo
        (datetime(2026, 1, 31, 15, tzinfo=UTC), datetime(2026, 2, 28, 15, tzinfo=UTC)),
        (datetime(2026, 12, 31, 20, tzinfo=UTC), datetime(2027, 1, 31, 15, tzinfo=UTC)),
    ],
)
def test_a_month_begins_when_it_begins_in_tokyo(now: datetime, then: datetime):
    assert _next_month(now) == then


async def test_files_are_fetched_with_the_token(line: Line, connector: Connector):
    line.files["m1"] = b"\x89PNG"
    assert await connector.fetch_file("line:m1") == b"\x89PNG"
    with pytest.raises(Permanent):
        await connector.fetch_file("line:m2")
    line.refusals["GET /v2/bot/message/m1/content"] = [Response(status_code=202)]
    with pytest.raises(Transient):
        await connector.fetch_file("line:m1")
