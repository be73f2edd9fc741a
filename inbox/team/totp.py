"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds)."""

from datetime import datetime

from pyotp import random_base32
from pyotp.totp import TOTP

STEP_SECONDS = 30
DRIFT = 1  # steps that a telephone's clock may be off, either way
ISSUER = "Parley"
LONGEST = 20  # characters of a code that are looked at: six digits, and what people type between them


def new_secret() -> str:
    """160 random bits, in base32 as the apps read it."""
    return random_base32()


def address(secret: str, email: str) -> str:
    """What the QR code says."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def step(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """The time step that a code belongs to, if it is right and newer than the last one used: a code is good once."""
    current = int(now.timestamp()) // STEP_SECONDS
    totp = TOTP(secret)
    digits = "".join(code[:LONGEST].split())
    for candidate in range(current - DRIFT, current + DRIFT + 1):
        if (after is None or candidate > after) and totp.verify(digits, for_time=candidate * STEP_SECONDS):
            return candidate
    return None
