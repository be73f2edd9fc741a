"""What every connector has to do, whatever its platform: the adapter that a connector brings to be checked. The checks are in `checks`.

An adapter puts the connector before a fake of its platform. To check a connector of yours, run
`pytest --parley-connector=your_package.adapter:ADAPTER` where Parley and your package are installed.

A connector whose `Capabilities.replies` is false is asked about reading only: not about sending, receipts, native answers and waits.

Besides what the protocol asks for, an adapter may have
- `reasons`: why something is not done, by the words of docs/maturity.md ("echoes": "The town does not tell us what we said.");
- `todo`: the same for what could be done and is not yet;
- `prelude`: how the addresses end that the connector asks before the reply itself, where that is no GET ("/oauth/token");
- `speaks`: the protocol on the way out where it is not HTTP ("smtp"): the suite's HTTP failures are not for it;
- `elsewhere`: which tests show what the suite cannot;
- `thread_id`, `parent_id`: where to answer, and `shown_id`: the suite's message id, in one of the platform's that says more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, Protocol

from connectors.conformance.answers import Answer
from inbox.contract import Batch, Connector, ConnectorError, EventKind

NOWHERE = "http://127.0.0.1:9/"
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


@dataclass(frozen=True, slots=True)
class Trouble:
    """A way in which the platform fails a reply, and what the connector has to make of it."""

    name: str
    answer: Answer
    expected: tuple[type[ConnectorError], ...]
    retry_after: float | None = None


class Adapter(Protocol):
    """A connector before a fake platform. Times are the platform's own."""

    name: ClassVar[str]
    account: ClassVar[str]  # the connected account's id
    secrets: ClassVar[tuple[str, ...]]  # none of these may show anywhere
    kinds: ClassVar[frozenset[EventKind]]  # what the platform can tell; none: nothing comes in through the connector
    echoes: ClassVar[bool]  # our own replies come back
    returns_client_key: ClassVar[bool]  # with their key
    folds_blanks: ClassVar[bool]  # a no-break blank comes in as a blank
    sent_id: ClassVar[str]  # the platform's id of the reply whose key is "our-key"
    silence: ClassVar[Answer | None]  # takes the reply and never answers; None: cannot happen
    trouble: ClassVar[tuple[Trouble, ...]]

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        """Settings of the channel; `address` is where the fake platform listens, `folder` is the test's own."""
        ...

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        """What the connector makes of it when the platform delivers this, in one go."""
        ...

    def accepts(self) -> Answer | None:
        """The platform's answer to a reply that it takes; None: there is nobody to ask."""
        ...
