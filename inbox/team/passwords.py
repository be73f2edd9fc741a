"""Passwords: which are good enough, how they are kept, and how they are compared.

argon2id with OWASP's parameters for small servers: 19 MiB and two passes, about 20 ms of one core. It runs in a thread: it blocks.
"""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inbox.errors import Invalid

SHORTEST = 10
LONGEST = 500  # more only keeps the server busy
EASY = frozenset({"1234567890", "0123456789", "qwertyuiop", "passwordpassword", "password123", "password1234", "letmeinplease"})
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


def check(password: str, *, email: str = "") -> None:
    """Refuse what is guessed first. Length is what counts: no rules about kinds of characters."""
    if len(password) < SHORTEST:
        raise Invalid("A password needs at least {shortest} characters.", code="password_short", shortest=SHORTEST)
    if len(password) > LONGEST:
        raise Invalid("A password may have at most {longest} characters.", code="password_long", longest=LONGEST)
    told = {email.lower(), email.lower().partition("@")[0]} - {""}
    if len(set(password)) < 4 or password.lower() in told or password.lower() in EASY:
        raise Invalid("That password is too easy to guess.", code="password_easy")


async def protect(password: str) -> str:
    """What is stored of a password."""
    return await asyncio.to_thread(HASHER.hash, password)


async def verify(stored: str | None, password: str) -> bool:
    """Compare. Without a stored one it takes as long, so that the time does not tell which accounts exist."""
    if len(password) > LONGEST:
        return False
    matches = await asyncio.to_thread(_matches, stored or _nobodys(), password)
    return matches and stored is not None


def outdated(stored: str) -> bool:
    """Made with other parameters than today's: protect it again at the next sign-in."""
    return HASHER.check_needs_rehash(stored)


def _matches(stored: str, password: str) -> bool:
    try:
        return HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return HASHER.hash("nobody has this password")
