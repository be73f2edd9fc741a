"""The demonstration before its town."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors.demo import Demo, script
from connectors.demo.town import Post
from inbox.contract import Batch, Connector, EventKind
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble


class DemoAdapter:
    """The demonstration: its platform is a folder, in which nothing fails that the script does not want to fail."""

    name: ClassVar[str] = "demo"
    account: ClassVar[str] = script.US.id
    secrets: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "reply-1-our-key"
    silence: ClassVar[Answer | None] = None
    trouble: ClassVar[tuple[Trouble, ...]] = ()
    reasons: ClassVar[dict[str, str]] = {
        "any order": "The town tells of no reactions.",
        "reactions": "The town tells of none.",
        "echoes": "The town does not tell us what we said ourselves.",
        "failures": "A folder takes every answer; what fails is in the script.",
        "dead connections": "No network on the way out: a file.",
        "reading": "The town is a folder of files that are read whole.",
        "once": "The town takes what it is given; one thread never answers, to show a doubt.",
        "approve": "The town holds nothing back.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"folder": folder, "place": "chat"}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Demo)
        for one in said:
            author = self.account if one.by == "us" else one.by
            connector.town.type(Post(one.message_id, "t1", one.text, one.at, parent=one.parent, author=author))
        async with aclosing(connector.stream(None)) as stream:
            return await anext(stream)

    def accepts(self) -> Answer | None:
        return None


ADAPTER: Adapter = DemoAdapter()
