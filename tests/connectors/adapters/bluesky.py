"""Bluesky before a server that behaves as its documents say."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.bluesky import Bluesky, ids
from connectors.bluesky.config import BlueskyConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Rejected, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.bluesky import fake
from tests.connectors.bluesky.fake import ANNA, PASSWORD, US
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble


def asked(put: Answer, sign_in: Answer | None = None) -> Answer:
    """A server that gives a session, shows the message answered, and takes a new record like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        network = fake.Network()
        told: Any = network._session()
        if b"getPosts" in head:
            told = {"posts": [network.add(ANNA, "When?", key="m1")]}
        answering = answers.says(200, json.dumps(told).encode())
        if b"putRecord" in head:
            answering = put
        elif b"Session" in head and sign_in:
            answering = sign_in
        await answering(again, writer)

    return answer


def refusal(status: int, error: str, words: str = "", *headers: str) -> Answer:
    return answers.says(status, json.dumps({"error": error, "message": words}).encode(), *headers)


def refuses(status: int, error: str, words: str = "", *headers: str) -> Answer:
    return asked(refusal(status, error, words, *headers))


class BlueskyAdapter:
    """An account whose server brings what was said as notifications and as records of its own."""

    name: ClassVar[str] = "bluesky"
    account: ClassVar[str] = US["did"]
    secrets: ClassVar[tuple[str, ...]] = (PASSWORD, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    prelude: ClassVar[tuple[str, ...]] = ("/com.atproto.server.createSession",)
    sent_id: ClassVar[str] = ids.join(US["did"], ids.POST, ids.derived("our-key"))
    thread_id: ClassVar[str] = ids.join(ANNA["did"], ids.POST, "m1")
    parent_id: ClassVar[str] = ids.join(ANNA["did"], ids.POST, "m1")
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", asked(answers.hangs, refusal(401, "AuthenticationRequired", f"Invalid password {PASSWORD}")), (AuthError,)),
        Trouble("a closed account", asked(answers.hangs, refusal(401, "AccountTakedown")), (AuthError,)),
        Trouble("a session that is not accepted", refuses(400, "InvalidToken", f"access-{PASSWORD}-1"), (Transient,)),
        Trouble("400", refuses(400, "InvalidRequest", "grapheme too big"), (Permanent,)),
        Trouble("403", refuses(403, "Forbidden"), (Permanent,)),
        Trouble("429", refuses(429, "RateLimitExceeded", "", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble(
            "429 by date",
            refuses(429, "RateLimitExceeded", "", "date: Mon, 02 Mar 2026 08:00:00 GMT", "ratelimit-reset: 1772438409"),
            (RateLimited,),
            retry_after=9,
        ),
        Trouble("429 at the door", asked(answers.hangs, refusal(429, "RateLimitExceeded", "", "retry-after: 8")), (RateLimited,), 8),
        Trouble("500", refuses(500, "InternalServerError"), (Ambiguous,)),
        Trouble("502", refuses(502, "UpstreamFailure"), (Ambiguous,)),
        Trouble("503", refuses(503, "NotAvailable"), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "edits": "Bluesky has none.",
        "webhooks": "The network calls nobody: it is asked.",
        "fetched files": "Pictures are public, and private messages have none.",
        "approved texts": "Bluesky has no windows.",
        "edit": "Bluesky has no edits.",
        "approve": "Posts are not held back.",
        "spam": "Reports go to moderators of the network, by people.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "reactions": "Likes and reposts of our own answers, and reactions to private messages: tests/connectors/bluesky.",
    }
    todo: ClassVar[dict[str, str]] = {
        "counts": "A post tells how many answers it has.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"server": address, "handle": US["handle"], "app_password": PASSWORD}

    def shown_id(self, uri: str) -> str:
        return uri.rpartition("/")[2]

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        network = fake.Network()
        root = network.add(ANNA, "When?", key="m1", at=MORNING, facets=fake.naming(US, "When?"))
        for one in said:
            by = US if one.by == "us" else fake.person(one.by)
            if by is US:
                network.add(by, one.text, answering=root, key=one.message_id.rpartition("/")[2], at=one.at)
            else:
                network.say(by, one.text, key=one.message_id, at=one.at, facets=fake.naming(US, one.text))
        events: list[Event] = []
        rejected: list[Rejected] = []
        http.allow(["127.0.0.0/8"])
        async with fake.serving(network) as address:
            bluesky = Bluesky(BlueskyConfig.model_validate(self.config(Path(), address)))
            async with aclosing(bluesky.stream(None)) as batches:
                async for batch in batches:
                    events += batch.events
                    rejected += batch.rejected
                    if len(events) + len(rejected) >= len(said):
                        break
            await bluesky.aclose()
        return Batch(events, rejected=rejected)

    def accepts(self) -> Answer:
        return asked(answers.says(200, json.dumps({"uri": self.sent_id, "cid": "bafy", "validationStatus": "valid"}).encode()))


ADAPTER: Adapter = BlueskyAdapter()
