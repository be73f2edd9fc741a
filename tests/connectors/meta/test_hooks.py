"""Notifications: whose they are, and whether Meta sent them."""

import json
from typing import Any

import pytest

from connectors.facebook import Facebook
from connectors.meta import hooks
from inbox import contract
from inbox.contract import Refused
from tests.connectors.facebook.fake import PAGE, change, chat, commented, notification
from tests.connectors.meta.fake import MORNING, VERIFY_TOKEN, config, escaped, pushed, signature

OTHER = "1002"


@pytest.fixture(scope="module")
def facebook() -> Facebook:
    return Facebook(Facebook.Config.model_validate(config("http://127.0.0.1:9", page_id=PAGE)))


def request(body: bytes, given: str | None) -> contract.Request:
    return contract.Request("POST", {} if given is None else {"x-hub-signature-256": given}, {}, body, MORNING)


def asked(**query: str) -> contract.Request:
    return contract.Request("GET", {}, {name.replace("_", ".", 1): value for name, value in query.items()}, b"", MORNING)


def test_the_published_vector_of_this_signature_fits():
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation: GitHub signs
    the same way, under the same header; Meta publishes none."""
    vector = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    hooks.verify(request(b"Hello, World!", vector), "It's a Secret to Everybody")
    with pytest.raises(Refused):
        hooks.verify(request(b"Hello, World?", vector), "It's a Secret to Everybody")


def test_a_request_without_a_signature_or_a_secret_is_refused(facebook: Facebook):
    body = escaped(notification(change(commented("55_7", "When?"))))
    with pytest.raises(Refused):
        facebook.webhook(request(body, None))
    with pytest.raises(Refused):
        hooks.verify(request(body, signature(body, "")), "")


def test_the_escaped_bytes_are_what_is_signed(facebook: Facebook):
    told = notification(change(commented("55_7", "äöå 👍")))
    _, batches = facebook.webhook(pushed(told))
    assert batches[""].events[0].text == "äöå 👍"
    unescaped = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    with pytest.raises(Refused):
        facebook.webhook(request(unescaped, signature(escaped(told))))


def test_the_handshake_gives_the_challenge_back_to_whoever_knows_the_token(facebook: Facebook):
    answer, batches = facebook.webhook(asked(hub_mode="subscribe", hub_verify_token=VERIFY_TOKEN, hub_challenge="1158201444"))
    assert (answer.status, answer.body, answer.media_type, batches) == (200, "1158201444", "text/plain", {})


@pytest.mark.parametrize(
    "query",
    [
        {"hub_mode": "subscribe", "hub_verify_token": "another", "hub_challenge": "1"},
        {"hub_mode": "subscribe", "hub_challenge": "1"},
        {"hub_mode": "unsubscribe", "hub_verify_token": VERIFY_TOKEN, "hub_challenge": "1"},
        {"hub_verify_token": VERIFY_TOKEN},
        {"hub_mode": "subscribe", "hub_verify_token": "ü\udc00"},
        {},
    ],
)
def test_nobody_else_is_told_the_challenge(facebook: Facebook, query: dict[str, str]):
    with pytest.raises(Refused) as refused:
        facebook.webhook(asked(**query))
    assert refused.value.status == 403


def test_other_methods_are_refused(facebook: Facebook):
    with pytest.raises(Refused):
        facebook.webhook(contract.Request("PUT", {}, {}, b"", MORNING))


def test_one_address_serves_all_pages_of_the_app(facebook: Facebook):
    told = notification(
        change(commented("55_7", "Mine")),
        change(commented("56_8", "Theirs"), page=OTHER),
        chat({"message": {"mid": "m1", "text": "Theirs too"}}, to=OTHER, page=OTHER),
        chat({"message": {"mid": "m2", "text": "Theirs too", "is_echo": True}}, by=OTHER, to="12", page=OTHER),
    )
    _, batches = facebook.webhook(pushed(told))
    assert {account: [event.text for event in batch.events] for account, batch in batches.items()} == {
        "": ["Mine"],
        OTHER: ["Theirs", "Theirs too", "Theirs too"],
    }
    assert [event.author.is_self for event in batches[OTHER].events if event.author] == [False, False, True]


BROKEN: list[Any] = [
    {"field": "feed", "value": {"item": "comment", "verb": "add"}},
    {"field": "feed", "value": None},
    {"field": "feed", "value": {"item": "comment", "verb": "add", "comment_id": "1", "post_id": "2", "created_time": 10**30}},
    {"field": "feed", "value": "what?"},
]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_cannot_be_read_is_kept_alone_and_can_be_read_again(facebook: Facebook, broken: Any):
    told = notification({"id": PAGE, "time": 1772438400, "changes": [broken, *change(commented("55_7", "Fine"))["changes"]]})
    _, batches = facebook.webhook(pushed(told))
    assert [event.text for event in batches[""].events] == ["Fine"]
    (rejected,) = batches[""].rejected
    again = facebook.reread(rejected.raw, MORNING)
    assert (len(again.events), len(again.rejected)) == (0, 1)
    assert json.loads(rejected.raw)["entry"][0]["changes"] == [broken]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"[" * 100_000, b"1", b'["x"]', b"{}", b'{"object": "page"}', b'{"object": "page", "entry": [1]}'),
        b'{"object": "page", "entry": [{"changes": [{}]}]}',
        b'{"object": "page", "entry": [{"time": "soon", "messaging": ["x"]}]}',
    ],
)
def test_a_signed_body_that_is_no_notification_is_kept(facebook: Facebook, body: bytes):
    answer, batches = facebook.webhook(request(body, signature(body)))
    assert (answer.status, len(batches[""].events), len(batches[""].rejected)) == (200, 0, 1)


def test_what_is_read_again_gives_the_same_events(facebook: Facebook):
    told = notification(change(commented("55_7", "Fine")), chat({"message": {"mid": "m1", "text": "Hello"}}))
    _, batches = facebook.webhook(pushed(told))
    for event in batches[""].events:
        (again,) = facebook.reread(json.dumps(event.raw).encode(), MORNING).events
        assert again == event


def test_what_means_nothing_here_is_counted(facebook: Facebook):
    told = [
        notification(change({"item": "video_block", "verb": "add"}), change({}, field="ratings"), change({"verb": "add"})),
        {"object": "user", "entry": []},
    ]
    _, batches = facebook.webhook(pushed(told))
    assert batches[""].passed_over == {
        "feed video_block": 1,
        "changes of ratings": 1,
        "feed of nothing": 1,
        "notifications about user": 1,
    }
