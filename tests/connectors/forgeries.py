"""A thousand ways to forge a signed webhook; a connector has to refuse each."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator

ENOUGH = 1000


def variants(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """Bodies with signatures, none of which fits: flipped bits, cut ends, JSON written anew, other algorithms, no secret."""
    made = 0
    for forged in _shapes(body, signature):
        made += 1
        yield forged
    for number in range(ENOUGH - made):
        at, bit = number // 2, number % 8
        if number % 2:
            place = at % len(body)
            yield bytes([*body[:place], body[place] ^ 1 << bit, *body[place + 1 :]]), signature
        else:
            place = at % len(signature)
            yield body, signature[:place] + chr(ord(signature[place]) ^ 1 << bit % 7) + signature[place + 1 :]


def _shapes(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """The forgeries that somebody would think of."""
    yield from ((body, given) for given in ("", " ", "=", "sha256=", f" {signature}", f"{signature} ", f"{signature},{signature}"))
    yield from ((body, signature[:length]) for length in range(len(signature)))
    yield from ((body, other) for other in (signature.upper(), signature.lower(), signature.swapcase()) if other != signature)
    yield from ((body[:length], signature) for length in range(0, len(body), max(1, len(body) // 50)))
    yield from ((body + end, signature) for end in (b" ", b"\n", b"\0", b"{}"))
    told = json.loads(body)
    for again in (
        json.dumps(told),
        json.dumps(told, ensure_ascii=False, separators=(",", ":")),
        json.dumps(told, indent=1, sort_keys=True),
    ):
        if again.encode() != body:
            yield again.encode(), signature
    for name in ("md5", "sha1", "sha256", "sha512"):
        for digest in (hmac.new(b"", body, name).digest(), hashlib.new(name, body).digest()):
            yield from ((body, text) for text in (digest.hex(), f"{name}={digest.hex()}", base64.b64encode(digest).decode()))
