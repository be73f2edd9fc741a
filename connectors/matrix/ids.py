"""Ids that say which room they belong to: Matrix asks for the room with every event.

A message's id is "!room:server/$event", a thread's "!room:server/$root", a direct chat's "!room:server".
"""

from typing import NamedTuple

PART = "~"  # what a file of a reply has in its transaction id, before its number


class Place(NamedTuple):
    room: str
    event: str


def join(room: str, event: str) -> str:
    return f"{room}/{event}"


def split(name: str) -> Place:
    """The room and, where the id names one, the event."""
    room, _, event = name.partition("/")
    return Place(room, event)


def part(key: str, number: int) -> str:
    """The transaction id of a reply's first event (number 0), or of one of its files."""
    return f"{key}{PART}{number}" if number else key


def is_part(transaction_id: str) -> bool:
    key, mark, number = transaction_id.rpartition(PART)
    return bool(key) and bool(mark) and number.isdigit()
