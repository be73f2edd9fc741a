"""Where the reading stands: the last post of each list, and the latest with what was known of each."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from connectors.discourse.shapes import Post
from inbox.contract import CursorExpired

MOST_WATCHED = 50  # as many as a list shows
Known = tuple[str, str]


@dataclass(slots=True)
class Place:
    """`last`: the highest id read, by list. `watched`: by list and id, the post's name, version, and whether it is hidden."""

    last: dict[str, int] = field(default_factory=dict[str, int])
    watched: dict[str, dict[int, Known]] = field(default_factory=dict[str, dict[int, Known]])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            last = {str(name): int(number) for name, number in told["last"].items()}
            watched = {
                str(name): {int(number): (str(known[0]), str(known[1])) for number, known in posts.items()}
                for name, posts in told["watched"].items()
            }
            return cls(last, watched)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        return json.dumps({"last": self.last, "watched": self.watched}, separators=(",", ":"))

    def of(self, name: str) -> dict[int, Known]:
        """What is watched of a list."""
        return self.watched.setdefault(name, {})

    def watch(self, name: str, post: Post) -> None:
        """Look at this post again; the oldest gives way."""
        watched = self.of(name)
        watched[post.id] = (post.name_in_topic, state(post))
        while len(watched) > MOST_WATCHED:
            del watched[min(watched)]


def state(post: Post) -> str:
    """What a look compares."""
    return f"{post.version}{'h' if post.hidden else ''}"
