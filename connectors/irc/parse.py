"""Lines as events. Pure.

A line has no id unless the server gives one (IRCv3 message-ids): then the same line is known again, else each is new.
"""

import re
import string
import uuid
from datetime import datetime

from connectors.irc import lines
from connectors.irc.lines import Line
from inbox.contract import Author, ConversationKind, Event, EventKind, Post

CHANNELS = ("#", "&", "+", "!")
CTCP = "\x01"
ACTION = f"{CTCP}ACTION "
SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class Passed(Exception):
    """Left out on purpose; the words say why."""


def message(line: Line, us: str, now: datetime) -> Event:
    """Raises Passed when it is nothing that a person said to people."""
    if line.command != "PRIVMSG" or len(line.params) < 2:
        raise Passed(line.command if line.command in {"NOTICE", "JOIN", "PART", "QUIT", "MODE", "TOPIC", "NICK"} else "of the server")
    words = line.words
    if words.startswith(ACTION):
        words = f"* {line.nick} {words[len(ACTION) :].rstrip(CTCP)}"
    elif words.startswith(CTCP):
        raise Passed("CTCP")
    target, is_self = line.params[0], folded(line.nick) == folded(us)
    is_room = target.startswith(CHANNELS)
    name = line.tags.get("msgid") or uuid.uuid4().hex
    text = lines.plain(words)
    return Event(
        id=name,
        kind=EventKind.MESSAGE,
        message_id=name,
        thread_id="" if is_room else folded(target if is_self else line.nick),
        at=_moment(line.tags.get("time"), now),
        author=Author(folded(line.nick), line.nick, handle=line.nick, is_self=is_self),
        text=text,
        post=Post(folded(target), title=target, is_room=True) if is_room else None,
        conversation_kind=ConversationKind.COMMENTS if is_room else ConversationKind.DIRECT,
        private=not is_room,
        mentions=(folded(us),) if is_room and _names(text, us) else (),
    )


def folded(name: str) -> str:
    """Names that differ in the case of their letters only are one. What else a server holds to be alike differs by server."""
    return name.translate(SMALL)


def _names(text: str, nick: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(nick)}(?![\w-])", text, re.IGNORECASE) is not None


def _moment(told: str | None, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(told) if told else now
    except ValueError:
        return now
