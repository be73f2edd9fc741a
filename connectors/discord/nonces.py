"""Reply keys as Discord's nonces, which have at most 25 characters; it knows one again "in the past few minutes".

https://docs.discord.com/developers/resources/message#create-message. A nonce comes back with the message, and the key from it.
"""

import base64
import hashlib
from uuid import UUID

LONGEST = 25
PLAIN, NUMBER, DIGEST = "k", "u", "h"  # what the first character says of the rest


def nonce(key: str) -> str:
    """The same for every attempt."""
    try:
        if str(UUID(key)) == key:
            return NUMBER + base64.urlsafe_b64encode(UUID(key).bytes).decode().rstrip("=")
    except ValueError:
        pass
    if len(key) < LONGEST and key.isascii() and key.isprintable():
        return PLAIN + key
    return DIGEST + hashlib.sha256(key.encode(errors="replace")).hexdigest()[: LONGEST - 1]


def key(nonce: str | None) -> str | None:
    """The reply's key; None where the nonce is not one of ours, or is only its digest."""
    if not nonce:
        return None
    kind, rest = nonce[0], nonce[1:]
    if kind == PLAIN:
        return rest
    try:
        return str(UUID(bytes=base64.urlsafe_b64decode(f"{rest}=="))) if kind == NUMBER else None
    except ValueError:
        return None
