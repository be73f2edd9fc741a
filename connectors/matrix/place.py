"""How far the account was read, and what has to be remembered to understand what is taken back.

A redaction names only the event that it takes away, and the homeserver has forgotten by then what that was. So the newest reactions and
edits travel with the cursor.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from connectors.matrix.rooms import as_dict, as_list, as_text
from inbox.contract import CursorExpired

REMEMBERED = 100  # reactions and edits; the cursor carries them
SENDERS = 5_000  # events whose author is remembered while the stream lasts


class Hanging(NamedTuple):
    """A reaction or an edit, by the event that it hangs on. `emoji` is "" for an edit."""

    target: str
    author: str
    emoji: str


@dataclass(slots=True)
class Place:
    """The cursor, and what is remembered only while the stream lasts."""

    since: str = ""
    hanging: dict[str, Hanging] = field(default_factory=dict[str, Hanging])
    senders: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """The place that a cursor holds; one that cannot be read is as good as forgotten."""
        if cursor is None:
            return cls()
        try:
            told = as_dict(json.loads(cursor))
        except ValueError:
            told = {}
        since = as_text(told.get("since"))
        if not since:
            raise CursorExpired("The place in this account's rooms cannot be read: it begins with what the homeserver still shows.")
        hanging = {
            as_text(entry[0]): Hanging(*map(as_text, entry[1:])) for entry in map(as_list, as_list(told.get("hanging"))) if len(entry) == 4
        }
        return cls(since, hanging)

    def cursor(self) -> str:
        told: dict[str, Any] = {"since": self.since}
        if self.hanging:
            told["hanging"] = [[name, *hanging] for name, hanging in self.hanging.items()]
        return json.dumps(told, ensure_ascii=False)

    def note_sender(self, event: str, sender: str) -> None:
        self.senders[event] = sender
        _forget(self.senders, SENDERS)

    def note_hanging(self, event: str, hanging: Hanging) -> None:
        self.hanging[event] = hanging
        _forget(self.hanging, REMEMBERED)

    def left(self, gone: Hanging) -> str:
        """The emoji of the author's that stays on the message when one is taken away: Matrix allows several."""
        own = (one.emoji for one in self.hanging.values() if (one.target, one.author) == (gone.target, gone.author) and one.emoji)
        return next(reversed(list(own)), "")


def _forget(known: dict[str, Any], most: int) -> None:
    while len(known) > most:
        del known[next(iter(known))]
