"""A thousand ways to forge a signed webhook; a connector has to refuse each."""

import hashlib
import hmac
import json
from collections.abc import Iterator

ENOUGH = 1000


def variants(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    """Bodies with signatures, none of which fits: flipped bits, cut ends, JSON written anew, other algorithms, no secret."""
    made = 0
    for forged in _shapes(body, signature):
        yield forged
        made += 1
    for number in range(ENOUGH - made):
        if number % 2:
            at = number // 2 % (8 * len(body))
            yield bytes([*body[: at // 8], body[at // 8] ^ 1 << at % 8, *body[at // 8 + 1 :]]), signature
        else:
            at = number // 2 % len(signature)
            swapped = chr(ord(signature[at]) ^ 1 + number // 2 // len(signature) % 4)
            yield body, signature[:at] + swapped + signature[at + 1 :]


def _shapes(body: bytes, signature: str) -> Iterator[tuple[bytes, str]]:
    scheme, equals, digest = signature.rpartition("=")
    for cut in range(1, 20):
        yield body[:-cut], signature
        yield body, signature[:-cut]
    for more in (b" ", b"\n", b"\0", b"{}"):
        yield body + more, signature
        yield more + body, signature
    yield json.dumps(json.loads(body), indent=1).encode(), signature
    yield json.dumps(json.loads(body), sort_keys=True, separators=(" , ", " : ")).encode(), signature
    for name in ("md5", "sha1", "sha256", "sha512"):
        yield body, f"{scheme}{equals}{hmac.new(b'', body, name).hexdigest()}"
        yield body, f"{scheme}{equals}{hashlib.new(name, body).hexdigest()}"
        yield body, f"{name}={digest}" if f"{name}=" != f"{scheme}{equals}" else f"{name}={digest[::-1]}"
    for given in ("", scheme, f"{scheme}{equals}", digest if equals else "x", "null", "0" * len(signature), "größe"):
        yield body, given
