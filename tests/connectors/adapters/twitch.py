"""Twitch before a server that behaves as its documents say."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.twitch import Twitch, parse
from connectors.twitch.config import TwitchConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Rejected, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.twitch import fake
from tests.connectors.twitch.fake import CLIENT, ROOM, TOKEN, US, said


def asked(post: Answer) -> Answer:
    """A Twitch that tells about the account and the channel, and answers a new message like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        told: Any = {"data": [{"id": one[0], "login": one[1]} for one in (US, ROOM) if one[1].encode() in head]}
        if b"/validate" in head:
            told = {"client_id": CLIENT, "login": US[1], "user_id": US[0], "scopes": ["user:read:chat", "user:write:chat"], "expires_in": 9}
        await (post if head.startswith(b"POST") else answers.says(200, json.dumps(told).encode()))(again, writer)

    return answer


def refuses(status: int, *headers: str) -> Answer:
    return asked(answers.says(status, json.dumps({"status": status, "message": f"no {TOKEN}"}).encode(), *headers))


class TwitchAdapter:
    """A chat with everybody of the suite in it, who all speak to us: in a room, only that expects an answer."""

    name: ClassVar[str] = "twitch"
    account: ClassVar[str] = US[0]
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.DELETE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "abc-123-def"
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401), (AuthError,)),
        Trouble("403", refuses(403), (Permanent,)),
        Trouble("422", refuses(422), (Permanent,)),
        Trouble("429", refuses(429, "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b'{"data": []}')), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "history": "Twitch keeps no chat that could be read.",
        "edits": "Twitch has none.",
        "reactions": "Twitch has none.",
        "fetched files": "Chats have no files.",
        "listing": "Twitch keeps no chat that could be read.",
        "counts": "Twitch keeps no chat that could be read.",
        "attachments": "Twitch's chat takes no files.",
        "once": "Twitch knows no repeats and cannot be asked.",
        "private replies": "Whispers are given to nobody new.",
        "approved texts": "Twitch has no windows.",
        "like": "Twitch has none.",
        "hide": "A message is there or deleted.",
        "unhide": "Nothing can be hidden.",
        "edit": "Twitch has none.",
        "spam": "Twitch has no such action.",
    }
    todo: ClassVar[dict[str, str]] = {
        "approve": "Messages that AutoMod holds could be let through.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"client_id": CLIENT, "access_token": TOKEN, "channel": ROOM[1], "server": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        server = fake.Twitch()
        events: list[Event] = []
        rejected: list[Rejected] = []
        http.allow(["127.0.0.0/8"])
        async with fake.serving(server) as address:
            twitch = Twitch(TwitchConfig.model_validate(self.config(Path(), address)))
            async with aclosing(twitch.stream(None)) as batches:
                await anext(batches)
                for one in said:
                    await self._say(server, one)
                while len(events) + len(rejected) < len(said):
                    batch = await anext(batches)
                    events += batch.events
                    rejected += batch.rejected
            await twitch.aclose()
        return Batch(events, rejected=rejected)

    async def _say(self, server: fake.Twitch, one: Said) -> None:
        if one.kind is EventKind.DELETE:
            await server.tell(parse.WANTED[1], fake.deleted(one.message_id), at=one.at)
            return
        by = US if one.by == "us" else (one.by, one.by)
        spoken_to = {"type": "mention", "text": "", "mention": {"user_id": US[0]}}
        told = said(by, one.text, one.message_id, message={"text": one.text, "fragments": [spoken_to]})
        if one.parent:
            told["reply"] = {"parent_message_id": one.parent, "parent_user_id": US[0]}
        await server.tell(parse.WANTED[0], told, at=one.at)

    def accepts(self) -> Answer:
        sent = {"message_id": self.sent_id, "is_sent": True, "drop_reason": None}
        return asked(answers.says(200, json.dumps({"data": [sent]}).encode()))


ADAPTER: Adapter = TwitchAdapter()
