"""What GitHub pushes (https://docs.github.com/en/webhooks/webhook-events-and-payloads), and that it is GitHub.

The signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.
"""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qs

from pydantic import ValidationError

from connectors.github import parse
from connectors.github.shapes import Remark, Topic
from inbox.contract import Batch, Event, EventKind, Refused, Rejected, Request

Json = dict[str, Any]
SIGNATURE, EVENT = "x-hub-signature-256", "x-github-event"
TOPICS = {"issues": parse.ISSUES, "discussion": parse.DISCUSSIONS}
REMARKS = {"issue_comment": parse.ISSUES, "discussion_comment": parse.DISCUSSIONS}
SAYING = {"opened": EventKind.MESSAGE, "created": EventKind.MESSAGE, "edited": EventKind.EDIT}
GOING = {"deleted", "transferred"}  # what was transferred is another repository's


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def verify(request: Request, secret: str) -> None:
    """Refuse what GitHub has not signed, over the bytes as they came."""
    signature = request.headers.get(SIGNATURE, "").encode(errors="replace")
    if not secret or not hmac.compare_digest(signature, sign(request.body, secret)):
        raise Refused("The signature does not fit.")


def sign(body: bytes, secret: str) -> bytes:
    """What the header has to say."""
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def take(name: str, body: bytes, repository: str, now: datetime) -> Batch:
    """One delivery. What cannot be read is kept with the event's name, which only a header has told."""
    try:
        payload = json.loads(_json(body))
        return Batch([read(name, cast("Json", payload), repository, now)])
    except Passed as passed:
        return Batch(passed_over={str(passed): 1})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # ValidationError too
        kept = json.dumps({"event": name, "body": body.decode("utf-8", "surrogateescape")}).encode()
        return Batch(rejected=[Rejected(kept, reason(error))])


def reread(raw: bytes, repository: str, now: datetime) -> Batch:
    """A delivery that was kept, or an entry of a list, in the shape of one."""
    try:
        kept = cast("Json", json.loads(raw))
        again = take(str(kept["event"]), str(kept["body"]).encode("utf-8", "surrogateescape"), repository, now)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Batch(rejected=[Rejected(raw, "It is not a payload that was kept.")])
    return Batch(again.events, rejected=[Rejected(raw, one.reason) for one in again.rejected], passed_over=again.passed_over)


def read(name: str, payload: Json, repository: str, now: datetime) -> Event:
    """The event of a delivery. Raises `Passed` for what is none."""
    action = payload.get("action")
    given: Any = payload.get("repository")
    home = str(cast("Json", given).get("full_name") or "") if isinstance(given, dict) else ""
    if home and home.lower() != repository.lower():  # an organisation's hook tells of all its repositories
        raise Passed("another repository")
    if name not in TOPICS and name not in REMARKS:
        raise Passed(f"event {name}")
    if action not in SAYING and action not in GOING:
        raise Passed(f"{name} {action}")
    kind = TOPICS.get(name) or REMARKS[name]
    about = Topic.model_validate(payload.get("discussion" if kind == parse.DISCUSSIONS else "issue"))
    if about.pull_request is not None:
        raise Passed("a pull request")
    raw = {"event": name, **{part: payload[part] for part in ("action", "issue", "discussion", "comment") if part in payload}}
    told = about if name in TOPICS else Remark.model_validate(payload.get("comment"))
    if action in GOING:
        return parse.deletion(kind, about.number, told, now, raw)
    if isinstance(told, Topic):
        return parse.topic(kind, told, raw, SAYING[str(action)])
    return parse.remark(kind, about.number, told, raw, about, SAYING[str(action)])


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: it cannot be read."
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _json(body: bytes) -> str:
    """The payload, which may come as a form's field (https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks)."""
    text = body.decode()
    return parse_qs(text, max_num_fields=10)["payload"][0] if text.startswith("payload=") else text
