"""A WordPress site before answers as its documents say; the real one is in tests/servers."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.wordpress import WordPress
from connectors.wordpress.config import WordPressConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.serving import serving
from tests.connectors.wordpress import fake


def asked(post: Answer) -> Answer:
    """A site that tells of the comment answered, and answers a new one like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        told = fake.user() if b"users%2Fme" in head else fake.comment(1, "When?")
        await (post if head.startswith(b"POST") else answers.says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(status: int, code: str, words: str = "No.", *headers: str) -> Answer:
    return asked(answers.says(status, json.dumps({"code": code, "message": words}).encode(), *headers))


class WordPressAdapter:
    """Comments under one post."""

    name: ClassVar[str] = "wordpress"
    account: ClassVar[str] = str(fake.US)
    secrets: ClassVar[tuple[str, ...]] = (fake.PASSWORD, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "9000001"
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, "rest_not_logged_in", f"No: {fake.PASSWORD}"), (AuthError,)),
        Trouble("403", refuses(403, "rest_cannot_create"), (AuthError,)),
        Trouble("closed", refuses(403, "rest_comment_closed", "Sorry, comments are closed for this item."), (WindowClosed,)),
        Trouble("a draft", refuses(403, "rest_comment_draft_post"), (Permanent,)),
        Trouble("too long", refuses(400, "comment_content_column_length", f"Too long: {fake.PASSWORD}"), (Permanent,)),
        Trouble("too fast", refuses(400, "comment_flood"), (RateLimited,), retry_after=15),
        Trouble("404", asked(answers.says(404, b"<html>not here</html>")), (Permanent,)),
        Trouble("301", asked(answers.says(301, b"", "location: https://www.blog.example/")), (Permanent,)),
        Trouble("429", asked(answers.says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("500", asked(answers.says(500, b"<p>Error establishing a database connection</p>")), (Ambiguous,)),
        Trouble("500 of PHP", refuses(500, "internal_server_error"), (Ambiguous,)),
        Trouble("not created", refuses(500, "rest_comment_failed_create"), (Permanent,)),
        Trouble("502", asked(answers.says(502)), (Ambiguous,)),
        Trouble("503", asked(answers.says(503)), (Transient,)),
        Trouble("being updated", asked(answers.says(503, b"", "retry-after: 600")), (RateLimited,), retry_after=600),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Comments have none.",
        "webhooks": "WordPress calls nobody.",
        "fetched files": "Comments have no files.",
        "standing": "An application password has no end, and there is no quota.",
        "attachments": "Comments have no files.",
        "private replies": "WordPress knows no private talk.",
        "approved texts": "WordPress has no windows.",
        "like": "Comments have no likes.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "edits": "tests/servers/test_wordpress.py.",
        "deletions": "tests/servers/test_wordpress.py.",
        "any order": "Lists are in order: tests/servers/test_wordpress.py.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"site": address, "username": "mira", "application_password": fake.PASSWORD}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        site = fake.WordPress()
        for one in said:
            by_us = one.by == "us"
            parent = number(one.parent or "m1") if one.parent or by_us else 0  # ours are answers
            site.say(one.text, number(one.message_id), by_us=by_us, name=one.by.title(), at=one.at, parent=parent)
        events: list[Event] = []
        http.allow(["127.0.0.0/8"])
        async with serving(site.answer) as address:
            wordpress = WordPress(WordPressConfig.model_validate(self.config(Path(), address)))
            async with aclosing(wordpress.stream(None)) as batches:
                async for batch in batches:
                    assert not batch.rejected
                    events += batch.events
                    if len(events) >= len(said):
                        break
            await wordpress.aclose()
        return Batch(events)

    def accepts(self) -> Answer:
        return asked(answers.says(201, json.dumps(fake.comment(int(self.sent_id), "At nine.", by_us=True, parent=1)).encode()))


def number(message_id: str) -> int:
    """The suite names messages m1 and native-1: WordPress numbers them."""
    return int(message_id) if message_id.isdecimal() else 1000 + zlib.crc32(message_id.encode()) % 1_000_000


ADAPTER: Adapter = WordPressAdapter()
