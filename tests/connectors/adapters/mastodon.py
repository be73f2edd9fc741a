"""Mastodon before a server that behaves as its documents say."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.mastodon import Mastodon
from connectors.mastodon.config import MastodonConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Rejected, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.mastodon import fake
from tests.connectors.mastodon.fake import ANNA, TOKEN, US


def asked(post: Answer) -> Answer:
    """A server that tells about the account, itself and the message answered, and answers a new status like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        server = fake.Mastodon()
        told: Any = server.add(ANNA, "When?", to=[US])
        if b"verify_credentials" in head:
            told = US
        elif b"/instance" in head:
            told = server._instance(2)
        await (post if head.startswith(b"POST") else answers.says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(status: int, words: str = "", *headers: str) -> Answer:
    return asked(answers.says(status, json.dumps({"error": words}).encode(), *headers))


class MastodonAdapter:
    """An account whose server brings what was said as notifications and as statuses of its own."""

    name: ClassVar[str] = "mastodon"
    account: ClassVar[str] = US["id"]
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "103186777"
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, f"The access token {TOKEN} is invalid"), (AuthError,)),
        Trouble("403 for a scope", refuses(403, "This action is outside the authorized scopes"), (AuthError,)),
        Trouble("403", refuses(403, "This action is not allowed"), (Permanent,)),
        Trouble("404", refuses(404, "Record not found"), (Permanent,)),
        Trouble("422", refuses(422, "Validation failed: Text can't be blank"), (Permanent,)),
        Trouble("429", refuses(429, "Too many requests", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble(
            "429 by date",
            refuses(429, "", "date: Mon, 02 Mar 2026 08:00:00 GMT", "x-ratelimit-reset: 2026-03-02T08:00:09Z"),
            (RateLimited,),
            retry_after=9,
        ),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "webhooks": "Mastodon tells programs of ordinary accounts by streams only.",
        "fetched files": "Media are public.",
        "hide": "Posts belong to their authors; a server's moderators act elsewhere.",
        "unhide": "Nothing can be hidden.",
        "approve": "Posts are not held back.",
        "spam": "Reports go to moderators of servers, by people.",
        "approved texts": "Mastodon has no windows.",
        "standing": "Its limits begin anew every five minutes.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "any order": "Lists are in order, and reactions are told only of our own answers: tests/connectors/mastodon/test_reading.py.",
        "edits": "tests/connectors/mastodon/test_reading.py.",
        "reactions": "Favourites of our own answers: tests/connectors/mastodon/test_reading.py.",
    }
    todo: ClassVar[dict[str, str]] = {
        "listing": "The context of a status could be compared.",
        "counts": "A status tells how many answers it has.",
        "edit": "A status can be changed since Mastodon 3.5.",
        "private replies": "An answer that is mentioned only.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"server": address, "access_token": TOKEN}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        server = fake.Mastodon()
        root = server.add(ANNA, "When?", to=[US], id="m1", at=MORNING)
        for one in said:
            by = US if one.by == "us" else fake.account(one.by)
            answered = root if by is US else server.statuses.get(one.parent or "")  # ours are answers, else they are posts
            server.say(by, one.text, to=[ANNA if by is US else US], answering=answered, id=one.message_id, at=one.at)
        events: list[Event] = []
        rejected: list[Rejected] = []
        http.allow(["127.0.0.0/8"])
        async with fake.serving(server) as address:
            mastodon = Mastodon(MastodonConfig.model_validate(self.config(Path(), address)))
            async with aclosing(mastodon.stream(None)) as batches:
                async for batch in batches:
                    events += batch.events
                    rejected += batch.rejected
                    if len(events) + len(rejected) >= len(said):
                        break
            await mastodon.aclose()
        return Batch(events, rejected=rejected)

    def accepts(self) -> Answer:
        status = fake.Mastodon().add(US, "At nine.", id=self.sent_id)
        return asked(answers.says(200, json.dumps(status).encode()))


ADAPTER: Adapter = MastodonAdapter()
