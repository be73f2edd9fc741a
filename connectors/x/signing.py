"""Signatures: of our requests (OAuth 1.0a, RFC 5849), and of what X sends.

https://docs.x.com/resources/fundamentals/authentication/oauth-1-0a/creating-a-signature, https://docs.x.com/x-api/webhooks/quickstart
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from urllib.parse import quote

from connectors.x.config import XConfig


class Signer:
    """Proves each request anew; there is nothing that runs out."""

    def __init__(self, config: XConfig) -> None:
        self._key, self._token = config.consumer_key.get_secret_value(), config.access_token.get_secret_value()
        self._secrets = config.consumer_secret.get_secret_value(), config.access_token_secret.get_secret_value()

    async def headers(self, method: str, url: str, params: Mapping[str, str]) -> dict[str, str]:
        """A body of JSON or files is not signed, only the address and its query."""
        oauth = {
            "oauth_consumer_key": self._key,
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(time.time())),
            "oauth_token": self._token,
            "oauth_version": "1.0",
        }
        oauth["oauth_signature"] = signature(method, url, {**params, **oauth}, *self._secrets)
        return {"authorization": "OAuth " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in sorted(oauth.items()))}

    def forget(self) -> bool:
        return False


def signature(method: str, url: str, params: Mapping[str, str], consumer_secret: str, token_secret: str) -> str:
    """RFC 5849, 3.4."""
    pairs = "&".join(f"{name}={value}" for name, value in sorted((_quoted(name), _quoted(value)) for name, value in params.items()))
    base = "&".join(_quoted(part) for part in (method.upper(), url, pairs))
    key = f"{_quoted(consumer_secret)}&{_quoted(token_secret)}".encode()
    return base64.b64encode(hmac.new(key, base.encode(), hashlib.sha1).digest()).decode()


def answer(secret: str, said: bytes) -> str:
    """What proves that we know the consumer secret, and that X does: of a challenge, or of a body."""
    return "sha256=" + base64.b64encode(hmac.new(secret.encode(), said, hashlib.sha256).digest()).decode()


def is_genuine(secret: str, body: bytes, given: str) -> bool:
    return bool(secret) and hmac.compare_digest(answer(secret, body).encode(), given.encode(errors="replace"))


def _quoted(value: str) -> str:
    return quote(value, safe="~")
