"""Matrix before a homeserver."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.matrix import ids
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors.answers import Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.matrix import fake
from tests.connectors.matrix.fake import TOKEN

ROOM = "t1"  # as the suite calls its only thread


def when_sending(answer: Answer) -> Answer:
    """A homeserver that knows no encryption in the room, and then answers the reply like this."""

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        is_question = head.startswith(b"GET ")
        await (says(404, b'{"errcode": "M_NOT_FOUND"}') if is_question else answer)(again, writer)

    return answers


def refuses(status: int, code: str, more: str = "") -> Answer:
    return when_sending(says(status, f'{{"errcode": "{code}", "error": "no"{more}}}'.encode()))


class MatrixAdapter:
    """A room with everybody of the suite in it, who all speak to us: in a room, only that expects an answer."""

    name: ClassVar[str] = "matrix"
    account: ClassVar[str] = fake.ME
    secrets: ClassVar[tuple[str, ...]] = (TOKEN,)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = ids.join(ROOM, "$sent1")
    silence: ClassVar[Answer | None] = staticmethod(when_sending(hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, "M_UNKNOWN_TOKEN"), (AuthError,)),
        Trouble("signed out for now", refuses(401, "M_UNKNOWN_TOKEN", ', "soft_logout": true'), (AuthError,)),
        Trouble("403 of a gateway", when_sending(says(403)), (AuthError,)),
        Trouble("not in the room", refuses(403, "M_FORBIDDEN"), (Permanent,)),
        Trouble("404", refuses(404, "M_NOT_FOUND"), (Permanent,)),
        Trouble("too large", refuses(413, "M_TOO_LARGE"), (Permanent,)),
        Trouble("429", refuses(429, "M_LIMIT_EXCEEDED", ', "retry_after_ms": 7000'), (RateLimited,), retry_after=7),
        Trouble("429 with Retry-After", when_sending(says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("500", when_sending(says(500)), (Ambiguous,)),
        Trouble("503", when_sending(says(503)), (Transient,)),
        Trouble("bad JSON", when_sending(says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("hangs up", when_sending(hangs_up), (Ambiguous,)),
        Trouble("breaks off", when_sending(breaks_off), (Ambiguous,)),
        Trouble("hangs up on the question before", hangs_up, (Transient,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "webhooks": "/sync waits for news by itself.",
        "hide": "A room has no hidden messages.",
        "unhide": "A room has no hidden messages.",
        "approve": "A room holds nothing back.",
        "spam": "A report goes to the server's admin, by people.",
        "approved texts": "Matrix has no windows.",
        "standing": "A homeserver tells its limits only when they are reached.",
        "counts": "A room is no post.",
        "listing": "A room is read back by /sync and /messages.",
        "private replies": "Another room would be another conversation.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"homeserver": address, "access_token": TOKEN}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        http.allow(["127.0.0.0/8"])
        async with fake.homeserver() as homeserver:
            homeserver.say(ROOM, "$before")
            matrix = fake.connected(homeserver)
            try:
                async with aclosing(matrix.stream('{"since": "s1"}')) as stream:
                    self._say(homeserver, said)
                    return await anext(stream)
            finally:
                await matrix.aclose()

    def accepts(self) -> Answer:
        return when_sending(says(200, b'{"event_id": "$sent1"}'))

    def shown_id(self, message_id: str) -> str:
        """The suite's own id, whatever room it is in."""
        return message_id.partition("/")[2]

    def _say(self, homeserver: fake.Homeserver, said: Sequence[Said]) -> None:
        """In the order in which it is told; what an edit or a reaction is about was said before, somewhere."""
        for number, one in enumerate(said):
            self._say_one(homeserver, one, f"$event{number}-{hash(one)}")

    def _say_one(self, homeserver: fake.Homeserver, one: Said, name: str) -> None:
        sender = fake.ME if one.by == "us" else f"@{one.by}:localhost"
        target = one.message_id.rpartition("/")[2]
        match one.kind:
            case EventKind.EDIT:
                new, about = {"msgtype": "m.text", "body": one.text}, {"rel_type": "m.replace", "event_id": target}
                homeserver.originals.setdefault(target, sender)
                homeserver.say(ROOM, name, sender, at=one.seconds, body=f"* {one.text}", **{"m.new_content": new, "m.relates_to": about})
            case EventKind.DELETE:
                homeserver.say(ROOM, name, sender, kind="m.room.redaction", at=one.seconds, redacts=target)
            case EventKind.REACTION:
                about = {"rel_type": "m.annotation", "event_id": target, "key": one.text}
                homeserver.say(ROOM, name, sender, kind="m.reaction", at=one.seconds, **{"m.relates_to": about})
            case _:
                relation = {"m.relates_to": {"m.in_reply_to": {"event_id": one.parent}}} if one.parent else {}
                unsigned = {"transaction_id": one.client_key} if one.client_key else {}
                spoken_to = {"m.mentions": {"user_ids": [fake.ME]}}
                homeserver.say(ROOM, target, sender, at=one.seconds, body=one.text, unsigned=unsigned, **spoken_to, **relation)


ADAPTER: Adapter = MatrixAdapter()
