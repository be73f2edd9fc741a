"""Where the reading stands: what the server calls the version we have, and a digest of each entry that was seen."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from inbox.contract import CursorExpired

MOST_KNOWN = 1000


@dataclass(slots=True)
class Place:
    """`known`: digests by the digest of the entry's id, the latest at the end. A feed shows only its latest entries."""

    is_new: bool = True
    etag: str = ""
    modified: str = ""
    known: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def read(cls, cursor: str | None) -> "Place":
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            known = {str(name): str(digest) for name, digest in told["known"].items()}
            return cls(False, str(told["etag"]), str(told["modified"]), known)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        return json.dumps({"etag": self.etag, "modified": self.modified, "known": self.known}, separators=(",", ":"))

    def note(self, name: str, digest: str) -> None:
        """Remember this entry; the one that was seen longest ago gives way."""
        self.known.pop(name, None)
        self.known[name] = digest
        while len(self.known) > MOST_KNOWN:
            del self.known[next(iter(self.known))]
