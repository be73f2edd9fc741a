"""Where the reading stands: the latest comments, with what was last known of each.

WordPress tells no time of a change (https://developer.wordpress.org/rest-api/reference/comments/#schema has none), so words are compared
by a digest.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, cast

from connectors.wordpress.shapes import Comment
from inbox.contract import CursorExpired

MOST_WATCHED = 300
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Known:
    """`revision` counts its changes, so that a change back to what was before is news too."""

    digest: str
    status: str
    revision: int = 0


UNREAD = Known("", "")  # there is such a comment, and it could not be read


@dataclass(slots=True)
class Place:
    """`last`: the highest id ever read. `watched`: the latest comments by id."""

    last: int = 0
    watched: dict[int, Known] = field(default_factory=dict[int, Known])
    is_new: bool = True

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            watched = {int(name): Known(str(one[0]), str(one[1]), int(one[2])) for name, one in told["watched"].items()}
            return cls(int(told["last"]), watched, is_new=False)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        watched = {str(name): [one.digest, one.status, one.revision] for name, one in self.watched.items()}
        return json.dumps({"last": self.last, "watched": watched}, separators=(",", ":"))

    def is_news(self, number: int) -> bool:
        """Whether this comment was never read: ids may come out of order where several databases give them."""
        return number > self.last or (number not in self.watched and number > min(self.watched, default=self.last))

    def watch(self, number: int, known: Known) -> None:
        """Look at this comment again; the oldest gives way."""
        self.watched[number] = known
        self.last = max(self.last, number)
        while len(self.watched) > MOST_WATCHED:
            del self.watched[min(self.watched)]


def known(comment: Comment, before: Known | None = None) -> Known:
    """What is known of a comment by now; `before` itself where nothing has changed.

    What waits for approval from the beginning is "waiting": somebody has to look at it. What was taken back to "hold" was seen.
    """
    digest = hashlib.sha256(comment.content.raw.encode(errors="replace")).hexdigest()[:12]
    waits = comment.status == "hold" and (before is None or before.status == WAITING)
    status = WAITING if waits else comment.status
    if before is not None and (before.digest, before.status) == (digest, status):
        return before
    return Known(digest, status, before.revision + 1 if before else 0)
