"""How far the account was read, and what may still be taken back."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from inbox.contract import CursorExpired

MOST_WATCHED = 200


class Watched(NamedTuple):
    """Who wrote it; `target` is what a reaction is to, "" for a note."""

    author: str
    target: str


@dataclass(slots=True)
class Place:
    """`last`: seconds since 1970 of the newest note; `begun`: what is not later was there before the reading began."""

    is_new: bool = True
    last: int = 0
    begun: int = 0
    watched: dict[str, Watched] = field(default_factory=dict[str, Watched])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            watched = {str(name): Watched(str(author), str(target)) for name, author, target in told["watched"]}
            return cls(False, int(told["last"]), int(told["begun"]), watched)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        watched = [[name, *watched] for name, watched in self.watched.items()]
        return json.dumps({"last": self.last, "begun": self.begun, "watched": watched}, separators=(",", ":"))

    def watch(self, name: str, author: str, target: str = "") -> None:
        """Hear when its author takes this back; the oldest gives way."""
        self.watched.pop(name, None)
        self.watched[name] = Watched(author, target)
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]
