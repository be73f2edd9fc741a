"""Access to the platforms: signed tokens (RFC 7519), and those that a token address hands out (RFC 6749)."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, ValidationError

from connectors import http
from inbox.contract import AuthError, Transient

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
REFUSED = (400, 401, 403)
EARLY = 60.0  # seconds before its end that a token is replaced
REFUSALS = frozenset({"invalid_grant", "invalid_client", "unauthorized_client", "access_denied", "invalid_scope"})
P256 = 32  # bytes of each half of a signature (RFC 7518, 3.4)


class Token(BaseModel):
    """What a token address answers (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = 3600


class Tokens:
    """The current access token. `form`: what is asked with, made anew each time."""

    def __init__(self, url: str, form: Callable[[], Mapping[str, str]], headers: Mapping[str, str] | None = None) -> None:
        self._url, self._form, self._headers = url, form, dict(headers or {})
        self._client = http.Client("The token address")
        self._token, self._ends = "", 0.0

    def forget(self) -> None:
        """The platform did not take the token: fetch another one next time."""
        self._ends = 0.0

    async def current(self) -> str:
        if time.monotonic() >= self._ends - EARLY:
            token = await self._fetch()
            self._token, self._ends = token.access_token, time.monotonic() + token.expires_in
        return self._token

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self) -> Token:
        response = await self._client.fetch("POST", self._url, data=dict(self._form()), headers=self._headers, expected=REFUSED)
        if response.status_code in REFUSED:
            raise AuthError(f"The credentials are not accepted ({_reason(response)}): connect the account again.")
        try:
            return Token.model_validate_json(response.content)
        except ValidationError:
            raise Transient("The token address answers something that is no token.") from None


@lru_cache(maxsize=32)
def private_key(pem: str) -> Key:
    """The key of an account, proved once: that takes the processor 40 ms, and every new connector asks for it twice.

    Raises ValueError when it is no key for signing that the platforms know.
    """
    try:
        key = load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("that is not a private key in PEM form") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("the key is of another kind than the platform's")
    return key


def signed(key: Key, claims: Mapping[str, Any], **header: str) -> str:
    """A JSON web token: RS256 or ES256, as the key is."""
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    parts = [{"alg": "RS256" if is_rsa else "ES256", "typ": "JWT", **header}, claims]
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    if is_rsa:
        return f"{text}.{_encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    first, second = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{_encoded(first.to_bytes(P256) + second.to_bytes(P256))}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _reason(response: httpx.Response) -> str:
    """The code when it is one of the known ones: free text might repeat a secret."""
    try:
        code = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        code = ""
    return code if code in REFUSALS else f"status {response.status_code}"
