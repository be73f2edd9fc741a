"""A feed before a server that has it: an entry for everything said."""

from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from connectors import http
from connectors.feed import Feed
from connectors.feed.config import FeedConfig
from inbox.contract import Batch, Connector, EventKind
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.serving import serving

PASSWORD = "hunter2 hunter3"


class FeedAdapter:
    """A feed behind a password, read only."""

    name: ClassVar[str] = "feed"
    account: ClassVar[str] = "127.0.0.1/feed"
    secrets: ClassVar[tuple[str, ...]] = (PASSWORD, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT})
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = ""
    silence: ClassVar[Answer | None] = None
    trouble: ClassVar[tuple[Trouble, ...]] = ()
    reasons: ClassVar[dict[str, str]] = {
        "deletions": "What leaves a feed has only become old.",
        "reactions": "Feeds have none.",
        "any order": "A feed is read whole, and tells of no deletions and reactions.",
        "webhooks": "Feeds are fetched.",
        "reread": "An entry that cannot be read stays in the feed.",
        "fetched files": "Files are public.",
        "listing": "A feed is listed at every look.",
        "counts": "A feed shows its latest entries and says no number.",
        "standing": "Servers of feeds tell of no quota.",
        "sending": "A feed can only be read.",
        "actions": "A feed can only be read.",
        **dict.fromkeys(("echoes", "native answers", "receipts", "dead connections", "length"), "A feed can only be read."),
        "every character": "In only.",
        "failures": "Of the look only.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"address": f"{address.rstrip('/')}/feed", "username": "mira", "password": PASSWORD}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        async def answer(request: Request) -> Response:
            return Response(self._atom(said), media_type="application/atom+xml")

        http.allow(["127.0.0.0/8"])
        async with serving(answer) as address:
            feed = Feed(FeedConfig.model_validate(self.config(Path(), address)))
            async with aclosing(feed.stream(None)) as batches:
                batch = await anext(batches)
            await feed.aclose()
        return batch

    def accepts(self) -> Answer | None:
        return None

    def _atom(self, said: Sequence[Said]) -> str:
        """https://www.rfc-editor.org/rfc/rfc4287"""
        entries = (
            f"<entry><id>urn:said:{one.message_id}</id><updated>{one.at.isoformat()}</updated><published>{one.at.isoformat()}</published>"
            f'<author><name>{one.by}</name></author><content type="text">{escape(one.text)}</content></entry>'
            for one in said
        )
        return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>The Shop</title><id>urn:feed</id>{"".join(entries)}</feed>'


ADAPTER: Adapter = FeedAdapter()
