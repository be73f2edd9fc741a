"""An account on Lemmy before answers as the documents say."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.lemmy import Lemmy
from connectors.lemmy.config import LemmyConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.lemmy import fake
from tests.connectors.serving import serving


def asked(post: Answer) -> Answer:
    """A server that tells of the comment answered, and answers a new one like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        told = {"comment_view": fake.Lemmy().say("When?")}
        await (post if head.startswith(b"POST") else answers.says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(status: int, error: str) -> Answer:
    return asked(answers.says(status, json.dumps({"error": error}).encode()))


class LemmyAdapter:
    """Answers to a post of ours."""

    name: ClassVar[str] = "lemmy"
    account: ClassVar[str] = str(fake.US["id"])
    secrets: ClassVar[tuple[str, ...]] = (fake.TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "comment/9000001"
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, "incorrect_login"), (AuthError,)),
        Trouble("400 for the token", refuses(400, "not_logged_in"), (AuthError,)),
        Trouble("locked", refuses(400, "locked"), (WindowClosed,)),
        Trouble("banned here", refuses(400, "banned_from_community"), (Permanent,)),
        Trouble("404", asked(answers.says(404, b"")), (Permanent,)),
        Trouble("301", asked(answers.says(301, b"", "location: https://www.lemmy.example/")), (Permanent,)),
        Trouble("429", asked(answers.says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("too often", refuses(400, "rate_limit_error"), (RateLimited,), retry_after=60),
        Trouble("500", asked(answers.says(500, b"oops")), (Ambiguous,)),
        Trouble("503", asked(answers.says(503)), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b'{"a": 1}')), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Nobody is told whose a vote is.",
        "webhooks": "Lemmy calls nobody.",
        "fetched files": "Pictures are public.",
        "standing": "A token has no end, and limits begin anew every minute.",
        "approved texts": "Lemmy has no windows.",
        "approve": "Comments are not held back.",
        "spam": "Reports go to moderators, by people.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "edits": "tests/connectors/lemmy/test_lemmy.py.",
        "deletions": "tests/connectors/lemmy/test_lemmy.py.",
        "any order": "Lists are in order, and there are no reactions: tests/connectors/lemmy/test_lemmy.py.",
    }
    todo: ClassVar[dict[str, str]] = {
        "listing": "The comments of a post could be compared.",
        "counts": "A post tells how many comments it has.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"server": address, "token": fake.TOKEN, "history": 50}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        lemmy = fake.Lemmy()
        lemmy.say("When?", number=number("m1"))
        lemmy.answers.clear()  # known already
        for one in said:
            by = "shop" if one.by == "us" else one.by
            under = number(one.parent or "m1") if one.parent or by == "shop" else None  # ours are answers
            lemmy.say(one.text, by, under=under, number=number(one.message_id), at=one.at)
        events: list[Event] = []
        http.allow(["127.0.0.0/8"])
        async with serving(lemmy.answer) as address:
            account = Lemmy(LemmyConfig.model_validate(self.config(Path(), address)))
            async with aclosing(account.stream(None)) as batches:
                async for batch in batches:
                    assert not batch.rejected
                    events += batch.events
                    if len(events) >= len(said):
                        break
            await account.aclose()
        return Batch(events)

    def accepts(self) -> Answer:
        told = {"comment_view": fake.Lemmy().say("At nine.", "shop", number=number(self.sent_id))}
        return asked(answers.says(200, json.dumps(told).encode()))


def number(message_id: str) -> int:
    """The suite names messages m1 and native-1: the server numbers them."""
    message_id = message_id.partition("/")[2] or message_id
    return int(message_id) if message_id.isdecimal() else 1000 + zlib.crc32(message_id.encode()) % 1_000_000


ADAPTER: Adapter = LemmyAdapter()
