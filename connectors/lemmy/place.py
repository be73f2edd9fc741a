"""Where the reading stands: the last entry of each list, and the latest with what was known of each."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_WATCHED = 200


@dataclass(slots=True)
class Place:
    """`last`: the highest id read, by list. `watched`: states by message, the latest at the end."""

    last: dict[str, int] = field(default_factory=dict[str, int])
    watched: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            last = {str(name): int(number) for name, number in told["last"].items()}
            return cls(last, {str(name): str(state) for name, state in told["watched"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        return json.dumps({"last": self.last, "watched": self.watched}, separators=(",", ":"))

    def watch(self, name: str, state: str) -> None:
        """Look at this again; the oldest gives way."""
        self.watched.pop(name, None)
        self.watched[name] = state
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]
