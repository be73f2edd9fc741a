"""Forged variants of a signed webhook: none of them may be taken."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator

BITS = 480  # single bits that are turned, in the body and in the signature each


def variants(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """More than a thousand pairs of a body and a signature that differ from the genuine ones in what a forger can try."""
    chance = random.Random(7)
    for _ in range(BITS):
        place, bit = chance.randrange(len(body)), 1 << chance.randrange(8)
        yield body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :], signature
    prefix, digest = signature.partition("=")[::2] if "=" in signature else ("", signature)
    for _ in range(BITS):
        place = chance.randrange(len(digest))
        other = chance.choice([sign for sign in "0123456789abcdef" if sign != digest[place].lower()])
        yield body, f"{prefix}={digest[:place]}{other}{digest[place + 1 :]}" if prefix else f"{digest[:place]}{other}{digest[place + 1 :]}"
    for length in range(len(signature)):
        yield body, signature[:length]
    yield from ((body[:-1], signature), (body + b"\n", signature), (b"", signature), (b" " + body, signature))
    told = json.loads(body)
    for again in (json.dumps(told, indent=1), json.dumps(told, separators=(",", ":"), sort_keys=True), json.dumps(told, ensure_ascii=True)):
        if again.encode() != body:
            yield again.encode(), signature
    for algorithm in ("md5", "sha1", "sha512"):
        yield body, f"{algorithm}={hmac.new(b'', body, algorithm).hexdigest()}"
    yield body, f"sha256={hmac.new(b'', body, hashlib.sha256).hexdigest()}"  # an empty secret
    yield body, f"sha256={hashlib.sha256(body).hexdigest()}"  # no secret at all
    yield body, f"{signature},{signature}"
    yield body, f"{signature} "
    yield body, signature + "00"
