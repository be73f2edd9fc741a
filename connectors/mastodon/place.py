"""Where the reading stands: the last notification and the last status of our own, and what is looked at again for changes."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_WATCHED = 100


@dataclass(slots=True)
class Place:
    """`watched`: statuses by id, with what was last known of them, the latest at the end. Nobody but the server can order ids."""

    is_new: bool = True
    notification: str | None = None
    status: str | None = None
    watched: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            watched = {str(name): str(known) for name, known in told["watched"].items()}
            return cls(False, _text(told["notification"]), _text(told["status"]), watched)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        told = {"notification": self.notification, "status": self.status, "watched": self.watched}
        return json.dumps(told, separators=(",", ":"))

    def watch(self, status: str, known: str) -> None:
        """Look at this status again; the oldest gives way."""
        self.watched.pop(status, None)
        self.watched[status] = known
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
