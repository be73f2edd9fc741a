"""The website chat, which is its own platform."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from inbox.contract import Batch, Connector, EventKind
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble


class WidgetAdapter:
    """The website chat: it is the inbox, so nothing comes in through the connector and nothing can fail on the way out."""

    name: ClassVar[str] = "widget"
    account: ClassVar[str] = "widget"
    secrets: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[frozenset[EventKind]] = frozenset()
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "answer:our-key"
    silence: ClassVar[Answer | None] = None
    trouble: ClassVar[tuple[Trouble, ...]] = ()
    reasons: ClassVar[dict[str, str]] = {
        "reading": "Nothing comes in through the connector: visitors write through the chat's own socket (tests/api/test_widget.py).",
        "suite": "Nothing comes in through the connector: visitors write through the chat's own socket (tests/api/test_widget.py).",
        "failures": "No network on the way out: the inbox itself.",
        "dead connections": "No network on the way out: the inbox itself.",
        "private replies": "A chat is private.",
        "approved texts": "A chat has no windows.",
        "actions": "A visitor's words are shown to the visitor only.",
        "every character": "Out only.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        raise NotImplementedError("what visitors write comes in through the chat's own socket: tests/api/test_widget.py")

    def accepts(self) -> Answer | None:
        return None


ADAPTER: Adapter = WidgetAdapter()
