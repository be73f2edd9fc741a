"""What every connector has to do, whatever its platform: the checks, and the adapter that a connector brings to be checked.

An adapter puts the connector before a fake of its platform. To check a connector of yours: write an adapter and add it to
`test_conformance.ADAPTERS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol

from inbox.contract import Batch, Connector, EventKind
from tests.connectors.answers import Answer

MORNING = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Said:
    """Something that happened on the platform. `by`: an author, or "us" for the connected account itself."""

    message_id: str
    text: str = ""
    kind: EventKind = EventKind.MESSAGE
    by: str = "anna"
    seconds: int = 0
    parent: str | None = None
    client_key: str | None = None

    @property
    def at(self) -> datetime:
        return MORNING + timedelta(seconds=self.seconds)


class Adapter(Protocol):
    """A connector before a fake platform. Times are the platform's own; `thread` is the one that everything is said in."""

    name: ClassVar[str]
    secrets: ClassVar[tuple[str, ...]]  # none of these may show anywhere
    thread: ClassVar[str]
    kinds: ClassVar[frozenset[EventKind]]  # what the platform can tell
    returns_client_key: ClassVar[bool]  # the echo of a reply of ours brings its key back

    def config(self, address: str = "http://127.0.0.1:9/") -> dict[str, Any]:
        """Settings of the channel; `address` is where the fake platform listens."""
        ...

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        """What the connector makes of it when the platform delivers this, in one go."""
        ...

    def accepts(self, external_id: str) -> Answer:
        """The platform's answer to a reply that it takes."""
        ...
