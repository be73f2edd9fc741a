"""EventSub by webhook (https://dev.twitch.tv/docs/eventsub/handling-webhook-events/): is it from Twitch, and what does it want."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from connectors.twitch import parse
from inbox.contract import Batch, Refused, Rejected, Request, Response

PREFIX = "twitch-eventsub-"
WINDOW = timedelta(minutes=5)


def sign(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """The signature that belongs to a message."""
    return "sha256=" + hmac.new(secret.encode(), message_id.encode() + stamp.encode() + body, hashlib.sha256).hexdigest()


def answer(secret: str, request: Request, me: str) -> tuple[Response, Batch]:
    """Verify over the raw bytes, then answer the challenge or read the notification."""
    if request.method != "POST":
        raise Refused("Twitch sends POST requests.", 405)
    message_id, stamp, signature = (request.headers.get(f"{PREFIX}message-{name}", "") for name in ("id", "timestamp", "signature"))
    fitting = sign(secret, message_id, stamp, request.body)
    if not hmac.compare_digest(signature.encode(errors="replace"), fitting.encode()):
        raise Refused("The signature does not fit.", 403)
    at = _moment(stamp)
    if abs(request.received_at - at) > WINDOW:
        raise Refused("The message is too old.", 403)
    kind = request.headers.get(f"{PREFIX}message-type", "")
    try:
        told: Any = json.loads(request.body)
        if kind == "webhook_callback_verification":
            return Response(body=str(told["challenge"])), Batch()
        if kind == "revocation":
            return Response(204), Batch(passed_over={f"revocation: {told['subscription']['status']:.60}": 1})
        if kind != "notification":
            return Response(204), Batch(passed_over={f"message {kind:.60}": 1})
        return Response(204), parse.notification(str(told["subscription"]["type"]), told["event"], at, me)
    except parse.UNREADABLE as error:
        return Response(204), Batch(rejected=[Rejected(request.body, parse.reason(error))])


def _moment(stamp: str) -> datetime:
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        raise Refused("The message names no time.", 403) from None
    if found.tzinfo is None:
        raise Refused("The message names no time.", 403)
    return found
