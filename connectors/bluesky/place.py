"""How far the account was read, and what is looked at again for deletions."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_WATCHED = 100
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Place:
    """`notification`: the moment of the last one, `own`: the key of the last record of our own.

    `begun`, `own_begun`: what is not later was there before the reading began.
    `chat`: the place in the log of private messages; "" before it was read, as in places of before there was one.
    `watched`: posts that became messages, the latest at the end.
    """

    is_new: bool = True
    begun: datetime = EARLIEST
    notification: datetime = EARLIEST
    own: str = ""
    own_begun: str = ""
    chat: str = ""
    watched: dict[str, None] = field(default_factory=dict[str, None])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            begun, notification = (datetime.fromisoformat(told[name]).astimezone(UTC) for name in ("begun", "notification"))
            watched = {str(uri): None for uri in told["watched"]}
            return cls(False, begun, notification, str(told["own"]), str(told["own_begun"]), str(told.get("chat", "")), watched)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        times = {"begun": self.begun.isoformat(), "notification": self.notification.isoformat()}
        keys = {"own": self.own, "own_begun": self.own_begun, "chat": self.chat}
        return json.dumps(times | keys | {"watched": list(self.watched)}, separators=(",", ":"))

    def watch(self, uri: str) -> None:
        """Look at this post again; the oldest gives way."""
        self.watched.pop(uri, None)
        self.watched[uri] = None
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]
