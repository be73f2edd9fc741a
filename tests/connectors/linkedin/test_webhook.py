"""What LinkedIn pushes, and who else might."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.linkedin import LinkedIn, webhook
from connectors.linkedin.config import LinkedInConfig
from inbox.contract import EventKind, Refused, Request
from tests.connectors import forgeries
from tests.connectors.linkedin.fake import ANNA, SECRET, TOKEN, US, Json

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
COMMENT = "urn:li:comment:(urn:li:activity:7094637247890620418,7094977717598625792)"


@pytest.fixture
def linkedin() -> LinkedIn:
    known = {"organization": US, "client_id": "c", "client_secret": SECRET, "access_token": TOKEN}
    return LinkedIn(LinkedInConfig.model_validate(known))


def notification(action: str = "COMMENT", **more: Any) -> Json:
    """https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications"""
    return {
        "subscriber": ANNA, "lastModifiedAt": 1691574506310, "action": action, "notificationId": 5603453321, "organizationalEntity": US,
        "sourcePost": "urn:li:activity:7094637247890620418",
        "decoratedSourcePost": {"owner": US, "mediaCategory": "NONE", "text": "New bread", "entity": "urn:li:share:7094637247487995904"},
        "generatedActivity": "urn:li:comment:(activity:7094637247890620418,7094977717598625792)",
        "decoratedGeneratedActivity": {
            "comment": {"owner": ANNA, "text": "When?", "entity": COMMENT, "object": "urn:li:activity:7094637247890620418"},
        },
    } | more  # fmt: skip


def pushed(*notifications: Any, **more: Any) -> bytes:
    return json.dumps({"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "notifications": notifications} | more).encode()


def request(body: bytes, signature: str | None = None, method: str = "POST") -> Request:
    given = webhook.signature(SECRET, body) if signature is None else signature
    return Request(method, {"x-li-signature": given}, {}, body, NOW)


def test_a_challenge_is_answered_and_a_body_is_signed_with_its_prefix(linkedin: LinkedIn):
    """https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation"""
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    response, _ = linkedin.webhook(Request("GET", {}, {"challengeCode": code}, b"", NOW))
    expected = hmac.new(SECRET.encode(), code.encode(), hashlib.sha256).hexdigest()
    assert json.loads(response.body) == {"challengeCode": code, "challengeResponse": expected}
    assert webhook.signature(SECRET, b"{}") == hmac.new(SECRET.encode(), b"hmacsha256={}", hashlib.sha256).hexdigest()
    with pytest.raises(Refused):
        linkedin.webhook(Request("GET", {}, {}, b"", NOW))


def test_a_comment_comes_in_with_the_id_that_the_list_gives_it(linkedin: LinkedIn):
    body = pushed(notification())
    (event,) = linkedin.webhook(request(body, f"hmacsha256={webhook.signature(SECRET, body)}"))[1][""].events
    assert (event.id, event.message_id, event.thread_id, event.text) == (f"comment:{COMMENT}", COMMENT, COMMENT, "When?")
    assert event.post is not None
    assert (event.post.id, event.post.text) == ("urn:li:activity:7094637247890620418", "New bread")


def test_edits_and_deletions_are_told(linkedin: LinkedIn):
    gone = notification("COMMENT_DELETE", decoratedGeneratedActivity={})
    edited, deleted = linkedin.webhook(request(pushed(notification("COMMENT_EDIT"), gone)))[1][""].events
    assert [(event.kind, event.message_id) for event in (edited, deleted)] == [(EventKind.EDIT, COMMENT), (EventKind.DELETE, COMMENT)]


def test_what_means_nothing_is_counted_what_is_broken_kept_and_the_neighbours_come_in(linkedin: LinkedIn):
    other = notification(organizationalEntity="urn:li:organization:1")
    broken = notification(lastModifiedAt="yesterday")
    bare = notification(decoratedGeneratedActivity={})
    batches = linkedin.webhook(request(pushed(broken, 7, notification("LIKE"), bare, other, notification())))[1]
    assert list(batches) == ["", "urn:li:organization:1"]
    assert [event.message_id for event in batches[""].events] == [COMMENT]
    assert dict(batches[""].passed_over) == {
        "a notification of the kind LIKE": 1,
        "a notification without the comment: the list brings it": 1,
    }
    assert len(batches[""].rejected) == 2
    raw = batches[""].rejected[0].raw
    assert linkedin.reread(raw, NOW).rejected
    assert linkedin.reread(raw.replace(b'"yesterday"', b"1691574506310"), NOW).events


@pytest.mark.parametrize("body", [b"{", b"\xff"])
def test_a_body_that_is_no_json_is_kept(linkedin: LinkedIn, body: bytes):
    assert [one.raw for one in linkedin.webhook(request(body))[1][""].rejected] == [body]


@pytest.mark.parametrize("body", [b"[]", b"{}", pushed(type="LEAD_ACTION")])
def test_a_body_of_another_kind_is_counted(linkedin: LinkedIn, body: bytes):
    assert sum(linkedin.webhook(request(body))[1][""].passed_over.values()) == 1


def test_a_thousand_forgeries_are_refused(linkedin: LinkedIn):
    body = pushed(notification())
    forged = list(forgeries.variants(body, webhook.signature(SECRET, body)))
    assert len(forged) >= 1000
    for changed, signature in forged:
        with pytest.raises(Refused):
            linkedin.webhook(request(changed, signature))
    with pytest.raises(Refused):
        linkedin.webhook(Request("POST", {}, {}, body, NOW))
    with pytest.raises(Refused):
        linkedin.webhook(request(body, method="PUT"))


def test_nobody_gets_a_body_signed_as_the_answer_to_a_challenge(linkedin: LinkedIn):
    for forged in (f"hmacsha256={pushed(notification()).decode()}", "hmacsha256=", "x" * 1000):
        with pytest.raises(Refused):
            linkedin.webhook(Request("GET", {}, {"challengeCode": forged}, b"", NOW))


@pytest.mark.parametrize("at", [[], pytest.param(10**400, id="endless"), 1e308, "soon"])
def test_a_time_that_is_none_costs_no_neighbour(linkedin: LinkedIn, at: Any):
    batch = linkedin.webhook(request(pushed(notification(lastModifiedAt=at), notification())))[1][""]
    assert (len(batch.events), len(batch.rejected)) == (1, 1)
