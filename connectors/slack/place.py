"""Where the reading stands: how far each conversation was read, which threads were alive, and what is looked at again for deletions."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from connectors.slack.shapes import order
from inbox.contract import CursorExpired

MOST_THREADS = 50
MOST_WATCHED = 200


@dataclass(slots=True)
class Place:
    """`read`: the last stamp by channel. `threads`: the last answer by thread, the latest at the end. `watched`: messages by their ids."""

    is_new: bool = True
    read: dict[str, str] = field(default_factory=dict[str, str])
    threads: dict[str, str] = field(default_factory=dict[str, str])
    watched: list[str] = field(default_factory=list[str])

    @classmethod
    def parse(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            read = {str(channel): str(stamp) for channel, stamp in told["read"].items()}
            threads = {str(thread): str(stamp) for thread, stamp in told["threads"].items()}
            for stamp in (*read.values(), *threads.values()):
                order(stamp)
            return cls(False, read, threads, [str(name) for name in told["watched"]])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        return json.dumps({"read": self.read, "threads": self.threads, "watched": self.watched}, separators=(",", ":"))

    def after(self, channel: str, stamp: str) -> None:
        """The channel was read up to there."""
        if order(stamp) > order(self.read.get(channel, "0")):
            self.read[channel] = stamp

    def answered(self, thread: str, stamp: str) -> None:
        """Somebody spoke in this thread; the one that was quiet for longest gives way."""
        last = self.threads.pop(thread, "0")
        self.threads[thread] = max(last, stamp, key=order)
        while len(self.threads) > MOST_THREADS:
            del self.threads[next(iter(self.threads))]

    def watch(self, names: Iterable[str]) -> None:
        """Look whether these are still there; the oldest give way."""
        self.watched = list(dict.fromkeys([*self.watched, *names]))[-MOST_WATCHED:]
