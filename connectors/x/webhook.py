"""What X pushes: the X Activity API's events (https://docs.x.com/x-api/activity/event-payloads).

It brings sooner what the lists bring too, so nothing depends on it. The older Account Activity API is being shut down: counted, not read.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.polling import Pieces, reason
from connectors.rest import inner, objects
from connectors.x import parse, signing
from connectors.x.parse import Passed
from connectors.x.reading import read
from connectors.x.shapes import Includes
from inbox.contract import Batch, Event, Refused, Rejected, Request, Response

SIGNATURE = "x-twitter-webhooks-signature"
CHALLENGE = re.compile(r"[\w .+/=-]{1,200}", re.ASCII)  # bodies are signed in the same way: whoever asks has none of those signed by us


def receive(request: Request, secret: str, me: str) -> tuple[Response, Mapping[str, Batch]]:
    """Answer a challenge, or verify the raw body and read it (https://docs.x.com/x-api/webhooks/quickstart)."""
    if request.method == "GET":
        challenge = request.query.get("crc_token", "")
        if not CHALLENGE.fullmatch(challenge):
            raise Refused("There is no crc_token to answer.", 400)
        return Response(body=json.dumps({"response_token": signing.answer(secret, challenge.encode())}), media_type="application/json"), {}
    if request.method != "POST":
        raise Refused("X sends GET and POST requests.", 405)
    if not signing.is_genuine(secret, request.body, request.headers.get(SIGNATURE, "")):
        raise Refused("The signature does not fit.")
    return Response(), {_account(request.body, me): opened(request.body, request.received_at, me)}


def opened(body: bytes, received_at: datetime, me: str) -> Batch:
    """The events of a body, one or several."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return Batch(rejected=[Rejected(body, "The body is not JSON.")])
    pieces = Pieces()
    data = inner(told, "data")
    if not isinstance(data, dict):
        pieces.pass_over("an event of the Account Activity API" if inner(told, "for_user_id") else "a body without an event")
        return Batch(passed_over=pieces.passed)
    kind = str(inner(data, "event_type") or "")
    beside = Includes.read(inner(data, "includes") or inner(told, "includes"))
    payload = inner(data, "payload")
    try:
        pieces.events += _events(kind, payload, beside, received_at, str(inner(data, "filter", "user_id") or me))
    except Passed as passed:
        pieces.pass_over(str(passed))
    except (ValidationError, ValueError, TypeError) as error:
        pieces.rejected.append(Rejected(body, reason(error)))
    return Batch(pieces.events, rejected=pieces.rejected, passed_over=pieces.passed)


def _events(kind: str, payload: Any, beside: Includes, received_at: datetime, me: str) -> list[Event]:
    match kind:
        case "post.mention.create":
            return read("post", payload, beside, me)
        case "post.create":
            raise Passed("a post of ours: the list tells what it answers")
        case "post.delete":
            name = str(inner(payload, "id") or inner(payload, "post_id") or "")
            if not name:
                raise ValueError
            return [parse.deletion(name, received_at)]
        case "dm.received" | "dm.sent":
            return _direct(payload, beside, me)
        case _:
            raise Passed(f"an event of the kind {kind}")


def _direct(payload: Any, beside: Includes, me: str) -> list[Event]:
    """A direct event as the lists give it, or in its older form: with numbers of milliseconds, and people beside it."""
    older = objects(inner(payload, "direct_message_events"))
    if not older:
        return read("direct", payload, beside, me)
    users = inner(payload, "users")
    for name, user in cast("dict[str, Any]", users).items() if isinstance(users, dict) else ():
        if isinstance(user, dict):
            handle = {"id": name, "name": inner(user, "name"), "username": inner(user, "screen_name")}
            beside.users |= Includes.read({"users": [handle]}).users
    found: list[Event] = []
    for one in older:
        sender, recipient = str(inner(one, "message_create", "sender_id")), str(inner(one, "message_create", "target", "recipient_id"))
        shape = {
            "id": one.get("id"),
            "text": inner(one, "message_create", "message_data", "text"),
            "sender_id": sender,
            "dm_conversation_id": "-".join(sorted((sender, recipient), key=lambda name: (len(name), name))),
            "created_at": float(str(one.get("created_timestamp", ""))) / 1000,
        }
        found += read("direct", shape, beside, me)
    return found


def _account(body: bytes, me: str) -> str:
    """Whose events these are: ours, or those of another channel that has the same address."""
    try:
        named = str(inner(json.loads(body), "data", "filter", "user_id") or me)
    except (ValueError, RecursionError):
        return ""
    return "" if named == me else named
