"""Where the reading of an account stands."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from connectors.polling import LONG_AGO, Window, read_cursor
from inbox.contract import CursorExpired

KNOWN = 500  # posts that are remembered


@dataclass(slots=True)
class Place:
    """`since`: of each list of posts, its youngest id. `direct`: when the youngest direct message was written. `checked`: for deletions."""

    since: dict[str, str] = field(default_factory=dict[str, str])
    direct: datetime | None = None
    posts: Window = field(default_factory=lambda: Window(KNOWN))
    checked: datetime = LONG_AGO
    is_new: bool = True

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        told = read_cursor(cursor)
        try:
            since = {str(name): str(post) for name, post in told["since"].items()}
            direct = datetime.fromisoformat(told["direct"]) if told["direct"] else None
            return cls(
                since, direct, Window(KNOWN, dict.fromkeys(map(str, told["posts"]), "")), datetime.fromisoformat(told["checked"]), False
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        told = {
            "since": self.since,
            "direct": self.direct.isoformat() if self.direct else None,
            "posts": list(self.posts.known),
            "checked": self.checked.isoformat(),
        }
        return json.dumps(told, separators=(",", ":"))
