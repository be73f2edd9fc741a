"""Ids that say whose they are: clients choose the ids of their messages, so one's may be another's.

A message of a direct chat is "in:ID:anna@example.org" or "out:ID:…", by its sender's client; one in a room is
"room:ID:bread@rooms.example.org", by the room's archive. A direct chat is called like whom it is with, a thread in a room "thread:ID:room".
"""

import uuid
from typing import NamedTuple
from urllib.parse import quote, unquote

IN, OUT, ROOM, THREAD = "in", "out", "room", "thread"
SHORTEST = 8  # signs of a stranger's client's id; shorter ones are counted up by old clients, and come again
PART = "~"  # what a file of a reply has in its id, before its number


class Name(NamedTuple):
    kind: str
    id: str
    where: str  # the room, or whom the chat is with


def join(kind: str, name: str, where: str) -> str:
    return f"{kind}:{quote(name, safe='')}:{where}"


def split(name: str) -> Name:
    """What an id says; kind "" when it is none of ours."""
    kind, _, rest = name.partition(":")
    told, _, where = rest.partition(":")
    return Name(kind, unquote(told), where) if kind in {IN, OUT, ROOM, THREAD} and where else Name("", "", name)


def event(archive: str, name: str) -> str:
    """Of an entry in an archive; without one, something that never comes again."""
    return f"{archive}:{name}" if name else f"live:{uuid.uuid4().hex}"


def bare(address: str) -> str:
    """Without the resource, or the nick."""
    return address.partition("/")[0].lower()


def resource(address: str) -> str:
    return address.partition("/")[2]


def part(key: str, number: int) -> str:
    """The id of a reply's first message (number 0), or of one of its files."""
    return f"{key}{PART}{number}" if number else key


def is_part(name: str) -> bool:
    key, mark, number = name.rpartition(PART)
    return bool(key) and bool(mark) and number.isdigit()
