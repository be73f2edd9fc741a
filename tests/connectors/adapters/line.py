"""LINE before a server that behaves as its documents say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.line.connector import sign
from inbox.contract import AcceptsWebhooks, Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Request, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.line import fake
from tests.connectors.line.fake import SECRET, TOKEN, US


def refuses(status: int, *headers: str, words: str = "no") -> Answer:
    return answers.says(status, json.dumps({"message": f"{words} {TOKEN}"}).encode(), *headers)


class LineAdapter:
    """Chats with people, each pushed."""

    name: ClassVar[str] = "line"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, SECRET, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.DELETE})
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "461230966842064897"
    silence: ClassVar[Answer | None] = staticmethod(answers.hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401), (AuthError,)),
        Trouble("403", refuses(403), (Permanent,)),
        Trouble("400", refuses(400), (Permanent,)),
        Trouble("429", refuses(429, "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("429 for the month", refuses(429, words="You have reached your monthly limit."), (Permanent,)),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", answers.says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", answers.says(200, b"{}"), (Ambiguous,)),
        Trouble("hangs up", answers.hangs_up, (Ambiguous,)),
        Trouble("breaks off", answers.breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "history": "LINE lists no messages.",
        "edits": "LINE tells of none.",
        "reactions": "LINE tells of none.",
        "listing": "LINE lists no messages.",
        "counts": "Chats stand under no post.",
        "attachments": "LINE takes files only from public addresses.",
        "private replies": "A chat is private already.",
        "approved texts": "LINE has no windows.",
        "actions": "An account can neither change nor delete what was said.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"access_token": TOKEN, "channel_secret": SECRET, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, AcceptsWebhooks)
        body = fake.body(*(self._say(one) for one in said))
        request = Request("POST", {"x-line-signature": sign(SECRET, body)}, {}, body, MORNING)
        return connector.webhook(request)[1][""]

    def _say(self, one: Said) -> Any:
        by = fake.source(US if one.by == "us" else one.by)
        if one.kind is EventKind.DELETE:
            return fake.happening("unsend", at=one.at, by=by, unsend={"messageId": one.message_id})
        inner = {"quotedMessageId": one.parent} if one.parent else {}
        return fake.message(one.text, one.message_id, at=one.at, by=by, message=inner)

    def accepts(self) -> Answer:
        return answers.says(200, json.dumps({"sentMessages": [{"id": self.sent_id}]}).encode())


ADAPTER: Adapter = LineAdapter()
