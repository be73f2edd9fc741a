"""A Threads profile before Meta's answers."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.threads import Threads
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.meta.fake import APP_SECRET, TOKEN, VERIFY_TOKEN, Refusal, pushed
from tests.connectors.threads import fake


def publishing(publish: Answer) -> Answer:
    """A profile that makes a reply ready, and answers its publication like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        told = {"id": "c1", "status": "FINISHED"}
        await (publish if b"threads_publish" in head else says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(code: int, status: int = 400, message: str = "refused") -> Answer:
    return publishing(says(status, json.dumps(Refusal(code, message=message).content).encode()))


class ThreadsAdapter:
    """Notifications as the profile's app gets them."""

    name: ClassVar[str] = "threads"
    account: ClassVar[str] = fake.USER
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, APP_SECRET, VERIFY_TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "901"
    prelude: ClassVar[tuple[str, ...]] = ("/threads",)
    silence: ClassVar[Answer | None] = staticmethod(publishing(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("190 with the token", refuses(190, 401, f"Malformed access token {TOKEN}"), (AuthError,)),
        Trouble("10", refuses(10, 403, f"Not for {TOKEN}"), (AuthError,)),
        Trouble("100", refuses(100), (Permanent,)),
        Trouble("4", refuses(4, 403), (RateLimited,), retry_after=300),
        Trouble("429", publishing(says(429, b"", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("1", refuses(1, 500), (Ambiguous,)),
        Trouble("500", publishing(says(500)), (Ambiguous,)),
        Trouble("500 before anything is published", says(500), (Transient,)),
        Trouble("503", publishing(says(503)), (Transient,)),
        Trouble("bad JSON", publishing(says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("bad JSON before anything is published", says(200, b"<html>welcome</html>"), (Transient,)),
        Trouble("JSON of something else", publishing(says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", publishing(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", publishing(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "edits": "Threads tells of none.",
        "reactions": "The API tells of none.",
        "fetched files": "Pictures come with addresses that need no token.",
        "attachments": "Threads fetches files from public addresses only.",
        "private replies": "Threads has no API for direct messages.",
        "approved texts": "Threads has no windows.",
        "like": "The API can give none.",
        "edit": "The API changes no posts.",
        "spam": "The API has no such action.",
    }
    todo: ClassVar[dict[str, str]] = {
        "approve": "Answers to posts that want approval are not read.",
        "counts": "Only its list tells how many answers a post has.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return fake.config(address)

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Threads)
        events: list[Event] = []
        for one in said:
            by = "shop" if one.by == "us" else one.by
            parent = one.parent or ("m1" if one.by == "us" else "55")  # ours are answers, else they are posts
            _, batches = connector.webhook(pushed(fake.replied(one.message_id, one.text, by=by, to=parent, at=one.at)))
            assert not batches[""].rejected
            events += batches[""].events
        return Batch(events)

    def accepts(self) -> Answer:
        return publishing(says(200, json.dumps({"id": self.sent_id}).encode()))


ADAPTER: Adapter = ThreadsAdapter()
