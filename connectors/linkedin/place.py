"""Where the reading of a page stands."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from connectors.polling import Window, read_cursor
from inbox.contract import CursorExpired

KNOWN = 800  # comments that are remembered


@dataclass(slots=True)
class Place:
    """`start`: what was said before is history that nobody asked for. `counts`: how many comments each post has."""

    start: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    comments: Window = field(default_factory=lambda: Window(KNOWN))
    used: int = 0
    day: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        told = read_cursor(cursor)
        try:
            return cls(
                datetime.fromisoformat(told["start"]),
                {str(name): int(count) for name, count in told["counts"].items()},
                Window(KNOWN, {str(name): str(said) for name, said in told["comments"].items()}),
                int(told["used"]),
                str(told["day"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        start = self.start.isoformat() if self.start else None
        told = {"start": start, "counts": self.counts, "comments": self.comments.known, "used": self.used, "day": self.day}
        return json.dumps(told, separators=(",", ":"))
