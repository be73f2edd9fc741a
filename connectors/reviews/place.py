"""Where the reading stands: since when, and the latest reviews with what was known of each."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_WATCHED = 400


@dataclass(slots=True)
class Place:
    """`since`: nothing older is told. `looked_at`: the last look. `watched`: states by review, the latest at the end."""

    since: datetime | None = None
    looked_at: datetime | None = None
    watched: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            watched = {str(name): str(state) for name, state in told["watched"].items()}
            return cls(datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["looked_at"]), watched)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        times = {"since": self.since, "looked_at": self.looked_at}
        told = {name: at.isoformat() for name, at in times.items() if at}
        return json.dumps({**told, "watched": self.watched}, separators=(",", ":"))

    def watch(self, name: str, state: str) -> None:
        """Look at this again; the oldest gives way."""
        self.watched.pop(name, None)
        self.watched[name] = state
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]
