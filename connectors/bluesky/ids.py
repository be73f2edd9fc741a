"""Names of records, and where people see them.

https://atproto.com/specs/at-uri-scheme, https://atproto.com/specs/tid: a record key is 53 bits of microseconds and 10 bits of a clock, in
letters that sort as the numbers do.
"""

import hashlib
import re
from typing import NamedTuple

from inbox.contract import Permanent

POST, LIKE, GATE = "app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.feed.threadgate"
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
URI = re.compile(r"at://(did:[a-z]+:[A-Za-z0-9._:%-]+)/([A-Za-z0-9.-]+)/([A-Za-z0-9._:~-]+)")
LONG_AGO = 1 << 50  # microseconds since 1970: September 2005


class Name(NamedTuple):
    """What the address of a record says."""

    repo: str
    collection: str
    key: str


def split(uri: str) -> Name:
    """The parts of a record's address."""
    found = URI.fullmatch(uri)
    if found is None:
        raise Permanent("This is not the address of a post on Bluesky.")
    return Name(*found.groups())


def join(repo: str, collection: str, key: str) -> str:
    return f"at://{repo}/{collection}/{key}"


def tid(microseconds: int, clock: int = 0) -> str:
    """The record key of a moment."""
    number = (microseconds & (1 << 53) - 1) << 10 | clock & 1023
    return "".join(LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


def moment(key: str) -> int:
    """Microseconds since 1970 of a record key; 0 for one that names no moment."""
    number = 0
    for letter in key:
        place = LETTERS.find(letter)
        if place < 0:
            return 0
        number = number << 5 | place
    return number >> 10 if len(key) == 13 else 0


def derived(seed: str) -> str:
    """A record key that is always the same for the same words: 58 bits of their hash, as a moment between 2005 and 2014.

    No post is that old, so that none of these comes between those that are read in order.
    """
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    return tid(LONG_AGO + (number >> 16), number)


def link(uri: str) -> str | None:
    """Where people read a post."""
    found = URI.fullmatch(uri)
    return f"https://bsky.app/profile/{found[1]}/post/{found[3]}" if found and found[2] == POST else None
