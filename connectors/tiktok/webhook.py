"""What TikTok pushes (https://business-api.tiktok.com/portal/docs?id=1759977800177665): at least once, again for 72 hours."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from connectors.polling import reason
from connectors.tiktok import parse
from connectors.tiktok.parse import Passed
from connectors.tiktok.shapes import CommentUpdate, Direct, Envelope, Seen
from inbox.contract import Batch, Event, Refused, Rejected, Request, Response

SIGNATURE = "tiktok-signature"
TOLERANCE = 300  # seconds that a signature may be old, or ahead


def receive(request: Request, secret: str, me: str) -> tuple[Response, Mapping[str, Batch]]:
    """Verify the raw body, then read its one event, of ours or of another account."""
    if request.method != "POST":
        raise Refused("TikTok sends POST requests.", 405)
    if not is_genuine(secret, request.body, request.headers.get(SIGNATURE, ""), request.received_at):
        raise Refused("The signature does not fit.")
    account, batch = opened(request.body, me)
    return Response(), {"" if account == me else account: batch}


def signature(secret: str, body: bytes, at: int) -> str:
    """https://developers.tiktok.com/doc/webhooks-verification"""
    return f"t={at},s={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def is_genuine(secret: str, body: bytes, given: str, received_at: datetime) -> bool:
    at = given.partition(",")[0].removeprefix("t=")
    if not secret or not (at.isascii() and at.isdecimal()) or len(at) > 12:
        return False
    if not hmac.compare_digest(signature(secret, body, int(at)).encode(), given.encode(errors="replace")):
        return False
    return abs(received_at.timestamp() - int(at)) <= TOLERANCE


def opened(body: bytes, me: str) -> tuple[str, Batch]:
    """Whose event it is, and what it means."""
    try:
        told = Envelope.model_validate_json(body)
    except ValidationError as error:
        return me, Batch(rejected=[Rejected(body, reason(error))])
    try:
        return told.user_openid, Batch([_event(told.event, json.loads(told.content), told.user_openid)])
    except Passed as passed:
        return told.user_openid, Batch(passed_over={str(passed): 1})
    except (ValueError, RecursionError) as error:  # what pydantic raises is one
        return told.user_openid, Batch(rejected=[Rejected(body, reason(error))])


def _event(kind: str, content: Any, me: str) -> Event:
    match kind:
        case "comment.update":
            return parse.update(CommentUpdate.model_validate(content), me)
        case "im_receive_msg" | "im_send_msg":
            return parse.direct(Direct.model_validate(content), me)
        case "im_mark_read_msg":
            return parse.seen(Seen.model_validate(content), me)
        case _:
            raise Passed(f"an event of the kind {kind}")
