"""Where the reading of a channel stands."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from connectors.polling import Window, read_cursor
from inbox.contract import CursorExpired

COMMENTS, THREADS = 600, 200  # that are remembered


@dataclass(slots=True)
class Place:
    """`start`: what was said before is history that nobody asked for. `newest`: when the youngest thread began.

    `comments`: the version of each, with "|held" where it waits for review. `threads`: how many answers each has.
    """

    start: datetime | None = None
    newest: datetime | None = None
    comments: Window = field(default_factory=lambda: Window(COMMENTS))
    threads: Window = field(default_factory=lambda: Window(THREADS))
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
                datetime.fromisoformat(told["newest"]),
                Window(COMMENTS, {str(name): str(version) for name, version in told["comments"].items()}),
                Window(THREADS, {str(name): str(count) for name, count in told["threads"].items()}),
                int(told["used"]),
                str(told["day"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        told = {
            "start": self.start.isoformat() if self.start else None,
            "newest": self.newest.isoformat() if self.newest else None,
            "comments": self.comments.known,
            "threads": self.threads.known,
            "used": self.used,
            "day": self.day,
        }
        return json.dumps(told, separators=(",", ":"))
