"""Signing in: SCRAM, where nobody on the way learns the password, and PLAIN for servers that know nothing better.

https://www.rfc-editor.org/rfc/rfc5802, https://www.rfc-editor.org/rfc/rfc7677, https://www.rfc-editor.org/rfc/rfc4616
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection

from inbox.contract import AuthError

HASHES = {"SCRAM-SHA-512": "sha512", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}  # the best first
PLAIN = "PLAIN"
ROUNDS = range(1, 1_000_001)  # more is no protection, but a way to keep us busy


class Scram:
    """One exchange with a server that proves in the end that it knows the password too."""

    def __init__(self, mechanism: str, user: str, password: str, nonce: str | None = None) -> None:
        self.mechanism = mechanism
        self._hash = HASHES[mechanism]
        self._password = password.encode()
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={self._nonce}"
        self._expected = b""

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        """The proof; the challenge has the salt."""
        told = _told(challenge)
        nonce, rounds = told.get("r", ""), told.get("i", "")
        if not nonce.startswith(self._nonce) or not rounds.isdecimal() or int(rounds) not in ROUNDS:
            raise AuthError("The server's way of signing in cannot be trusted.")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, base64.b64decode(told.get("s", "")), int(rounds))
        without_proof = f"c=biws,r={nonce}"
        said = b",".join((self._bare.encode(), challenge, without_proof.encode()))
        key = self._mac(salted, b"Client Key")
        signature = self._mac(hashlib.new(self._hash, key).digest(), said)
        self._expected = self._mac(self._mac(salted, b"Server Key"), said)
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, success: bytes) -> None:
        """Raises when the server did not know the password: it is somebody else."""
        given = base64.b64decode(_told(success).get("v", ""))
        if not self._expected or not hmac.compare_digest(given, self._expected):
            raise AuthError("The server cannot prove that it knows the account.")

    def _mac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self._hash).digest()


def choose(offered: Collection[str]) -> str:
    """The best way that the server offers."""
    found = next((name for name in (*HASHES, PLAIN) if name in offered), None)
    if found is None:
        raise AuthError("The server offers no way of signing in that Parley knows (SCRAM, PLAIN).")
    return found


def plain(user: str, password: str) -> bytes:
    return f"\0{user}\0{password}".encode()


def _told(data: bytes) -> dict[str, str]:
    return dict(part.split("=", 1) for part in data.decode(errors="replace").split(",") if "=" in part)
