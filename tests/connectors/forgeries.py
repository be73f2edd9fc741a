"""A thousand ways to forge a signed request."""

import hashlib
import hmac
import json
import random
from collections.abc import Iterator


def variants(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """Bodies and signatures none of which is the given pair: flipped bits, cuts, the same JSON anew, other algorithms, no secret."""
    rng = random.Random(0)
    for _ in range(400):
        yield _flipped(body, rng), signature
    for _ in range(300):
        yield body, _flipped(signature.encode(), rng).decode("latin-1")
    for _ in range(150):
        yield body[: rng.randrange(len(body))], signature
    for _ in range(100):
        yield body, signature[: rng.randrange(len(signature))]
    for indent in range(1, 21):
        yield json.dumps(json.loads(body), indent=indent).encode(), signature
    prefix = signature.partition("=")[0]
    for algorithm in ("md5", "sha1", "sha224", "sha384", "sha512", "sha256"):
        for secret in (b"", b"\0", b"secret", b"null", b"undefined"):
            yield body, f"{prefix}={hmac.new(secret, body, getattr(hashlib, algorithm)).hexdigest()}"


def _flipped(given: bytes, rng: random.Random) -> bytes:
    """One bit turned over."""
    place = rng.randrange(len(given) * 8)
    changed = bytearray(given)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)
