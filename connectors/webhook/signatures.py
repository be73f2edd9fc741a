"""Signatures as Standard Webhooks defines them: HMAC-SHA256 over "id.timestamp.body", the secret written as "whsec_" and base64."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

PREFIX = "whsec_"
WINDOW = 300  # seconds that a time stamp may lie in the past or in the future
LENGTHS = range(24, 65)  # bytes of a secret


class Unsigned(Exception):
    """The request is not signed as it should be; the message says what is wrong, and nothing about the secret."""


def key(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError when it is none."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:  # binascii.Error is one; so is what letters beyond ASCII get
        raise ValueError("a secret is whsec_ followed by base64") from None
    if len(found) not in LENGTHS:
        raise ValueError(f"a secret has {LENGTHS.start} to {LENGTHS.stop - 1} bytes")
    return found


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature, with its version."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(secret: bytes, message_id: str, now: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a signed request."""
    timestamp = int(now.timestamp())
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": sign(secret, message_id, timestamp, body)}


def verify(secrets: Sequence[bytes], given: Mapping[str, str], body: bytes, now: datetime) -> tuple[str, int]:
    """The id and the time stamp (seconds) of a request that one of the secrets signed. Raises Unsigned. Compares in constant time."""
    message_id, stamp, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and stamp and signatures):
        raise Unsigned("The headers webhook-id, webhook-timestamp and webhook-signature are needed.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unsigned("webhook-timestamp is not a number of seconds.")
    timestamp = int(stamp)
    if abs(now.timestamp() - timestamp) > WINDOW:
        raise Unsigned("webhook-timestamp is more than five minutes away from now.")
    found = [signature.encode() for signature in signatures.split()]
    expected = [sign(secret, message_id, timestamp, body).encode() for secret in secrets]
    if not any([hmac.compare_digest(one, other) for one in found for other in expected]):  # noqa: C419  # a list: all are compared, always
        raise Unsigned("The signature does not fit.")
    return message_id, timestamp
