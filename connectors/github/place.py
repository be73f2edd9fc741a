"""Where the reading stands: how far each list was read by its times of change, and what issues said when they were last seen."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_KNOWN = 500
AGAIN = timedelta(seconds=2)  # looked at twice: times are told in whole seconds, and several things happen in one


@dataclass(slots=True)
class Place:
    """`since`: the last change by list. `known`: a digest of the words of each issue and discussion, the latest at the end."""

    since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    known: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def parse(cls, cursor: str, lists: tuple[str, ...], start: datetime) -> "Place":
        """`start`: where a list begins that was not read before."""
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            since = {str(name): datetime.fromisoformat(at) for name, at in told["since"].items()}
            if any(at.tzinfo is None for at in since.values()):
                raise ValueError("a time without its zone")
            return cls({name: since.get(name, start) for name in lists}, {str(name): str(known) for name, known in told["known"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        since = {name: at.isoformat() for name, at in self.since.items()}
        return json.dumps({"since": since, "known": self.known}, separators=(",", ":"))

    def asked(self, name: str) -> datetime:
        return self.since[name] - AGAIN

    def reached(self, name: str, at: datetime) -> None:
        self.since[name] = max(self.since[name], at)

    def note(self, name: str, digest: str) -> bool:
        """Remember what something says now; whether it said something else before. The oldest gives way."""
        before = self.known.pop(name, None)
        self.known[name] = digest
        while len(self.known) > MOST_KNOWN:
            del self.known[next(iter(self.known))]
        return before is not None and before != digest
