"""Signed requests that are not what they seem: none of them may be taken in."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator


def variants(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """A thousand and more of them: bits flipped in either, cut short, the JSON written anew, other algorithms, no secret, nothing at all.

    `signature` may have its algorithm before it ("sha256=…").
    """
    chance = random.Random(7)
    prefix, _, digest = signature.rpartition("=")
    prefix += "=" if prefix else ""
    for _ in range(600):
        at = chance.randrange(8 * len(body))
        yield bytes(byte ^ (1 << at % 8) if number == at // 8 else byte for number, byte in enumerate(body)), signature
    for _ in range(300):
        at = chance.randrange(len(digest))
        other = chance.choice([letter for letter in "0123456789abcdefg" if letter != digest[at]])
        yield body, prefix + digest[:at] + other + digest[at + 1 :]
    yield from ((body[:length], signature) for length in chance.sample(range(len(body)), min(100, len(body))))
    yield from ((body, prefix + digest[:length]) for length in range(len(digest)))
    for again in (json.dumps(json.loads(body)), json.dumps(json.loads(body), ensure_ascii=False, indent=1), json.dumps([json.loads(body)])):
        if again.encode() != body:
            yield again.encode(), signature
    yield from ((body + end, signature) for end in (b" ", b"\n", b"\0"))
    for name in ("md5", "sha1", "sha256", "sha512"):
        yield body, f"{name}=" + hmac.new(b"", body, name).hexdigest()
        yield body, f"{name}=" + hashlib.new(name, body).hexdigest()
    yield from ((body, given) for given in ("", "=", prefix, digest if prefix else "", f"sha1={digest}"))
    yield from ((body, given) for given in (signature.upper(), f" {signature}", f"{signature},{signature}"))
