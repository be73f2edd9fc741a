"""The signature of what Slack pushes (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from inbox.contract import Refused, Request

SIGNATURE, TIME = "x-slack-signature", "x-slack-request-timestamp"
WINDOW = timedelta(minutes=5)


def verify(request: Request, secret: str) -> None:
    """Refuse what Slack has not signed, over the bytes as they came, or what is too old or too new."""
    stamp = request.headers.get(TIME, "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise Refused("The request has no time.")
    if not secret or not hmac.compare_digest(
        request.headers.get(SIGNATURE, "").encode(errors="replace"), sign(request.body, stamp, secret)
    ):
        raise Refused("The signature does not fit.")
    if abs(request.received_at - datetime.fromtimestamp(int(stamp), UTC)) > WINDOW:
        raise Refused("The request is too old.")


def sign(body: bytes, stamp: str, secret: str) -> bytes:
    """What the header has to say."""
    return b"v0=" + hmac.new(secret.encode(), b":".join([b"v0", stamp.encode(), body]), hashlib.sha256).hexdigest().encode()
