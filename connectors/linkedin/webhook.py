"""What LinkedIn pushes (https://learn.microsoft.com/en-us/linkedin/shared/api-guide/webhook-validation)."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connectors.linkedin import parse
from connectors.linkedin.parse import Passed
from connectors.linkedin.shapes import Notification
from connectors.polling import Pieces
from connectors.rest import inner, objects
from inbox.contract import Batch, Refused, Rejected, Request, Response

SIGNATURE = "x-li-signature"
PREFIX = b"hmacsha256="
CHALLENGE = re.compile(r"[\w-]{1,200}", re.ASCII)  # a UUID; with "hmacsha256=" in front, whoever asks would have a body signed by us
KIND = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"


def receive(request: Request, secret: str, me: str) -> tuple[Response, Mapping[str, Batch]]:
    """Answer a challenge, or verify the raw body and read its notifications, of ours and of other pages."""
    if request.method == "GET":
        challenge = request.query.get("challengeCode", "")
        if not CHALLENGE.fullmatch(challenge):
            raise Refused("There is no challengeCode to answer.", 400)
        told = {"challengeCode": challenge, "challengeResponse": _hash(secret, challenge.encode())}
        return Response(body=json.dumps(told), media_type="application/json"), {}
    if request.method != "POST":
        raise Refused("LinkedIn sends GET and POST requests.", 405)
    given = request.headers.get(SIGNATURE, "").removeprefix(PREFIX.decode())
    if not secret or not hmac.compare_digest(signature(secret, request.body).encode(), given.encode(errors="replace")):
        raise Refused("The signature does not fit.")
    return Response(), opened(request.body, me)


def signature(secret: str, body: bytes) -> str:
    """Of the raw body with its prefix in front."""
    return _hash(secret, PREFIX + body)


def opened(body: bytes, me: str) -> dict[str, Batch]:
    """The notifications of a body, by page; ours under ""."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {"": Batch(rejected=[Rejected(body, "The body is not JSON.")])}
    if inner(told, "type") != KIND:
        return {"": Batch(passed_over={f"a body of the kind {str(inner(told, 'type'))[:60]}": 1})}
    found: dict[str, Pieces] = {}
    for entry in objects(inner(told, "notifications")):
        page = str(entry.get("organizationalEntity") or me)
        pieces = found.setdefault("" if page == me else page, Pieces())
        take(entry, page, pieces)
    return {page: Batch(pieces.events, rejected=pieces.rejected, passed_over=pieces.passed) for page, pieces in found.items()}


def take(entry: Any, me: str, pieces: Pieces) -> None:
    """One notification, its neighbours untouched."""
    try:
        pieces.events.append(parse.notification(Notification.model_validate(entry), me))
    except Passed as passed:
        pieces.pass_over(str(passed))
    except ValidationError as error:
        pieces.reject("notification", entry, error)


def _hash(secret: str, said: bytes) -> str:
    return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()
