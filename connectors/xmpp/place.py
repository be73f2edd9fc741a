"""How far each archive was read, and what is remembered of messages while the stream lasts.

A correction names the id that the client gave, a reaction that of either side, a retraction may be of somebody else's message: who wrote
what has to be known.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, cast

from inbox.contract import CursorExpired

REMEMBERED = 5_000  # messages


class Read(NamedTuple):
    """The last entry of an archive that was read; both "" while the archive is empty. `at` is the archive's own time."""

    id: str = ""
    at: str = ""


@dataclass(slots=True)
class Place:
    """The cursor: by archive, the account's own is ""."""

    archives: dict[str, Read] = field(default_factory=dict[str, Read])

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """The place that a cursor holds; one that cannot be read is as good as forgotten."""
        if cursor is None:
            return cls()
        try:
            told: Any = json.loads(cursor)
            return cls({str(name): Read(str(id_), str(at)) for name, (id_, at) in cast("dict[Any, Any]", told["archives"]).items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CursorExpired("The place in this account's archive cannot be read: it begins with what the server still has.") from None

    def cursor(self) -> str:
        return json.dumps({"archives": self.archives}, ensure_ascii=False)


@dataclass(slots=True)
class Memory:
    """The newest messages: who wrote them, and how their clients call them."""

    writers: dict[str, str] = field(default_factory=dict[str, str])  # by message id
    called: dict[tuple[str, str, str], str] = field(default_factory=dict[tuple[str, str, str], str])  # by place, writer and client's id
    met: dict[str, None] = field(default_factory=dict[str, None])  # entries of archives

    def note(self, where: str, writer: str, client_id: str, message_id: str) -> None:
        """A message that is new."""
        self.writers[message_id] = writer
        if client_id:
            self.called[where, writer, client_id] = message_id
        _forget(self.writers)
        _forget(self.called)

    def recall(self, where: str, writer: str, client_id: str, message_id: str) -> None:
        """An old message; one that is newer keeps its name."""
        self.writers.setdefault(message_id, writer)
        if client_id:
            self.called.setdefault((where, writer, client_id), message_id)

    def meet(self, entry: str) -> None:
        self.met[entry] = None
        _forget(self.met)


def _forget(known: dict[Any, Any]) -> None:
    while len(known) > REMEMBERED:
        del known[next(iter(known))]
