"""Web push: a message to a browser that subscribed, by its maker's service (RFC 8030, 8188, 8291), signed by our key (VAPID, RFC 8292)."""

import asyncio
import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors import http
from inbox.contract import Permanent

LIFETIME = 3600  # seconds that a service keeps a message for a browser that is off; later it would tell of the past
VALID = 12 * 3600  # seconds that a signature holds; a day is the most that services take
GONE = {404, 410}
LONGEST_TOPIC = 32


class Unsubscribed(Permanent):
    """The browser takes nothing any more: forget the subscription."""


@dataclass(frozen=True, slots=True)
class Key:
    """The installation's own key: PEM, and the public part as browsers ask for it."""

    private: str
    public: str
    contact: str  # mailto: or https:, whom a service can turn to


def new_key() -> tuple[str, str]:
    """A private key as PEM, and its public part."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return pem.decode(), base64.urlsafe_b64encode(point).rstrip(b"=").decode()


async def send(key: Key, subscription: Mapping[str, Any], message: Mapping[str, Any], *, topic: str, urgent: bool) -> None:
    """Hand a message to the browser's service; fails with the contract's errors. A newer one of the same topic replaces it on the way."""
    endpoint = str(subscription["endpoint"])
    content, headers = await asyncio.to_thread(_sealed, key, subscription, json.dumps(message, ensure_ascii=False))
    headers |= {
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(LIFETIME),
        "topic": topic[:LONGEST_TOPIC],
        "urgency": "high" if urgent else "normal",
    }
    response = await _client().fetch("POST", endpoint, sending=True, content=content, headers=headers, expected=GONE)
    if response.status_code in GONE:
        raise Unsubscribed("The browser takes no messages any more.")


def _sealed(key: Key, subscription: Mapping[str, Any], text: str) -> tuple[bytes, dict[str, str]]:
    from http_ece import ECEException
    from py_vapid import Vapid02  # these bring requests and aiohttp: only where a message leaves
    from pywebpush import WebPusher, WebPushException

    try:
        url = urlsplit(str(subscription["endpoint"]))
        sealed: Any = WebPusher(dict(subscription)).encode(text.encode(errors="replace"))
    except (ValueError, LookupError, TypeError, WebPushException, ECEException):
        raise Permanent("The browser's subscription cannot be read: subscribe again.") from None
    claims = {"aud": f"{url.scheme}://{url.netloc}", "exp": int(time.time()) + VALID, "sub": key.contact}
    signer: Any = Vapid02
    return bytes(sealed["body"]), dict(signer.from_pem(key.private.encode()).sign(claims))


@cache
def _client() -> http.Client:
    return http.Client("The browser's push service")
