"""What the forum calls us with: https://meta.discourse.org/t/configure-webhooks-that-trigger-on-discourse-events/49045.

The signature covers the raw body, and no time: what is sent again later says the same again, and is known by its ids.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.discourse.parse import Passed, Reader
from connectors.discourse.shapes import Like, Post
from inbox.contract import Batch, Event, Refused, Rejected, Request


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raises Refused. Compares in constant time."""
    if not secret:
        raise Refused("This channel takes no webhooks: it has no secret for them.")
    expected = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    if not hmac.compare_digest(expected.encode(), headers.get("x-discourse-event-signature", "").encode()):
        raise Refused("The signature does not fit.")


def read(reader: Reader, request: Request) -> Batch:
    """What one call means; the kind of event stands in a header. Private talks of everybody are told here: the list brings ours."""
    batch = parse(reader, request.headers.get("x-discourse-event", ""), request.body, request.received_at)
    return Batch(passed_over={"a private message": 1}) if any(event.private for event in batch.events) else batch


def dump(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode()


def kept(event: str, body: bytes) -> bytes:
    """What cannot be read, with its kind, to be read again."""
    return json.dumps({"event": event, "body": body.decode(errors="replace")}).encode()


def reread(reader: Reader, raw: bytes, received_at: datetime) -> Batch:
    try:
        told = json.loads(raw)
        event, body = str(told["event"]), str(told["body"]).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
    return parse(reader, event, body, received_at)


def parse(reader: Reader, event: str, body: bytes, received_at: datetime) -> Batch:
    try:
        told: Any = json.loads(body)
        return Batch([_event(reader, event, cast("dict[str, Any]", told), received_at)])
    except Passed as passed:
        return Batch(passed_over={str(passed): 1})
    except ValidationError as error:
        return Batch(rejected=[Rejected(kept(event, body), reason(error))])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Batch(rejected=[Rejected(kept(event, body), "It is not what the forum sends for this event.")])


def _event(reader: Reader, event: str, told: dict[str, Any], received_at: datetime) -> Event:
    if event == "post_created":
        return reader.message(Post.model_validate(told["post"]), private=False)
    if event == "post_edited":
        return reader.edit(Post.model_validate(told["post"]), private=False)
    if event == "post_destroyed":
        post = Post.model_validate(told["post"])
        return reader.deletion(post.id, post.name_in_topic, post.deleted_at or received_at)
    if event == "post_liked":
        return reader.like(Like.model_validate(told["like"]), received_at)
    if "ping" in told:
        raise Passed("ping")
    raise Passed(event or "an event without a name")


def reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
