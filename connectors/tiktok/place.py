"""Where the reading of an account stands."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from connectors.polling import Window, read_cursor
from inbox.contract import CursorExpired

KNOWN = 800  # comments that are remembered


@dataclass(slots=True)
class Place:
    """`start`: what was said before is history that nobody asked for. `counts`: how many comments each video has.

    `comments`: "hidden", or nothing, by name.
    """

    start: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    comments: Window = field(default_factory=lambda: Window(KNOWN))

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        told = read_cursor(cursor)
        try:
            counts = {str(name): int(count) for name, count in told["counts"].items()}
            known = {str(name): str(state) for name, state in told["comments"].items()}
            return cls(datetime.fromisoformat(told["start"]), counts, Window(KNOWN, known))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        start = self.start.isoformat() if self.start else None
        return json.dumps({"start": start, "counts": self.counts, "comments": self.comments.known}, separators=(",", ":"))
