"""Where the reading of an account stands."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from connectors.polling import Window, read_cursor
from inbox.contract import CursorExpired

KNOWN = 800  # things that are remembered


@dataclass(slots=True)
class Place:
    """`newest`: of each list, when its youngest entry was written. `things`: what each said, with "|hidden" where it is taken away."""

    newest: dict[str, datetime] = field(default_factory=dict[str, datetime])
    things: Window = field(default_factory=lambda: Window(KNOWN))

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        told = read_cursor(cursor)
        try:
            newest = {str(name): datetime.fromisoformat(at) for name, at in told["newest"].items()}
            return cls(newest, Window(KNOWN, {str(name): str(said) for name, said in told["things"].items()}))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        newest = {name: at.isoformat() for name, at in self.newest.items()}
        return json.dumps({"newest": newest, "things": self.things.known}, separators=(",", ":"))
