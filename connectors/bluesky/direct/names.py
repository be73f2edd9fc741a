"""What private messages and their conversations are called here: "chat:" comes before them, since posts have addresses."""

import re
from typing import NamedTuple

from inbox.contract import Permanent

PREFIX = "chat:"
MESSAGE = re.compile(rf"{PREFIX}([^/]+)/([^/]+)")


class Name(NamedTuple):
    """A message, and the conversation that it is in."""

    convo: str
    message: str


def is_direct(name: str) -> bool:
    """Whether a message or a thread is private."""
    return name.startswith(PREFIX)


def thread(convo: str) -> str:
    return f"{PREFIX}{convo}"


def convo(thread_id: str) -> str:
    return thread_id.removeprefix(PREFIX)


def join(convo: str, message: str) -> str:
    return f"{PREFIX}{convo}/{message}"


def split(message_id: str) -> Name:
    found = MESSAGE.fullmatch(message_id)
    if found is None:
        raise Permanent("This is not a private message on Bluesky.")
    return Name(*found.groups())
