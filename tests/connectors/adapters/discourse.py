"""A forum before answers as its documents say: what is said comes by webhook."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.discourse import Discourse, hooks
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.discourse import fake

EVENTS = {EventKind.MESSAGE: "post_created", EventKind.EDIT: "post_edited", EventKind.DELETE: "post_destroyed"}


def asked(post: Answer) -> Answer:
    """A forum that tells of the post answered, and answers a new one like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        told = fake.post(1, "When?")
        await (post if head.startswith(b"POST") else answers.says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(status: int, kind: str, *words: str) -> Answer:
    return asked(answers.says(status, json.dumps({"errors": words, "error_type": kind}).encode()))


class DiscourseAdapter:
    """Posts of one private topic: in public, what somebody answers to somebody else waits for nobody."""

    name: ClassVar[str] = "discourse"
    account: ClassVar[str] = fake.US
    secrets: ClassVar[tuple[str, ...]] = (fake.KEY, fake.SECRET, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({*EVENTS, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = str(fake.TOPIC)
    sent_id: ClassVar[str] = f"{fake.TOPIC}/9000001"
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("403", refuses(403, "invalid_access", f"No: {fake.KEY}"), (AuthError,)),
        Trouble("403 without a word", asked(answers.says(403, b"no")), (AuthError,)),
        Trouble("403 for this topic", refuses(403, "rate", "This topic is closed."), (Permanent,)),
        Trouble("404", refuses(404, "not_found", "gone"), (Permanent,)),
        Trouble("too short", refuses(422, "invalid", f"Body is too short (minimum is 20 characters) {fake.KEY}"), (Permanent,)),
        Trouble("301", asked(answers.says(301, b"", "location: https://www.forum.example/")), (Permanent,)),
        Trouble("429", asked(answers.says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("429 in JSON", asked(answers.says(429, b'{"extras": {"wait_seconds": 9}}')), (RateLimited,), retry_after=9),
        Trouble("500", asked(answers.says(500, b"<html>oops</html>")), (Ambiguous,)),
        Trouble("503", asked(answers.says(503)), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b'{"a": 1}')), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "fetched files": "Files stand in the text as links.",
        "standing": "A key has no end; limits begin anew every minute.",
        "approved texts": "Discourse has no windows.",
        "hide": "Only members' flags hide a post.",
        "spam": "A flag is looked at by people; it is not undone from here.",
        "approve": "What waits for approval is told to nobody.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"forum": address, "username": fake.US, "api_key": fake.KEY, "webhook_secret": fake.SECRET}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Discourse)
        batches = [hooks.parse(connector._reader, *self._told(one), one.at) for one in said]
        assert not any(batch.rejected or batch.passed_over for batch in batches)
        return Batch([event for batch in batches for event in batch.events])

    def accepts(self) -> Answer:
        return asked(answers.says(200, json.dumps(fake.post(number(self.sent_id), "At nine.", fake.US)).encode()))

    def shown_id(self, external_id: str) -> str:
        known = {f"{fake.TOPIC}/{number(name)}": name for name in ("m1", "m2", "m3")}
        return known.get(external_id, external_id)

    def _told(self, said: Said) -> tuple[str, bytes]:
        by = fake.US if said.by == "us" else said.by
        own = number(said.message_id)
        more = {"version": 2} if said.kind is EventKind.EDIT else {}
        answered = number(said.parent) if said.parent else None
        post = fake.post(own, said.text, by, at=said.at, reply_to_post_number=answered, **more) | {"topic_archetype": "private_message"}
        if said.kind is EventKind.REACTION:
            user = {"id": post["user_id"], "username": by, "name": by.title()}
            return "post_liked", json.dumps({"like": {"post": post, "user": user}}).encode()
        return EVENTS[said.kind], json.dumps({"post": post}).encode()


def number(message_id: str) -> int:
    """The suite names messages m1 and native-1: the forum numbers them, in their order."""
    message_id = message_id.partition("/")[2] or message_id
    if message_id.removeprefix("m").isdecimal() and len(message_id) == 2:
        return 1000 + int(message_id[1])
    return int(message_id) if message_id.isdecimal() else 2000 + zlib.crc32(message_id.encode()) % 1_000_000


ADAPTER: Adapter = DiscourseAdapter()
