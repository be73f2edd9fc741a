"""Discord before a server that behaves as its documents say."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from connectors import http
from connectors.discord import Discord
from connectors.discord.config import DiscordConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Rejected, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.discord import fake, shapes
from tests.connectors.discord.shapes import GENERAL, US

SENT = "1400000000000000001"


def refuses(status: int, code: int, *headers: str, **more: Any) -> Answer:
    return answers.says(status, json.dumps({"message": f"no {fake.TOKEN}", "code": code, **more}).encode(), *headers)


def number(message_id: str) -> str:
    """The suite's id as one that Discord could give."""
    tail = message_id.rpartition("/")[2]
    return tail if tail.isdecimal() else str(int.from_bytes(tail.encode(), "big"))


class DiscordAdapter:
    """A channel with everybody of the suite in it, who all speak to us: in a room, only that expects an answer."""

    name: ClassVar[str] = "discord"
    account: ClassVar[str] = US["id"]
    thread_id: ClassVar[str] = GENERAL
    secrets: ClassVar[tuple[str, ...]] = (fake.TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = f"{GENERAL}/{SENT}"
    silence: ClassVar[Answer | None] = staticmethod(answers.hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, 0), (AuthError,)),
        Trouble("403", refuses(403, 50013), (Permanent,)),
        Trouble("cannot write to them", refuses(403, 50007), (Permanent,)),
        Trouble("404", refuses(404, 10003), (Permanent,)),
        Trouble("too long", refuses(400, 50035), (Permanent,)),
        Trouble("413", refuses(413, 40005), (Permanent,)),
        Trouble("429", refuses(429, 0, "retry-after: 8", retry_after=7.25, **{"global": False}), (RateLimited,), retry_after=7.25),
        Trouble("429 everywhere", refuses(429, 0, "retry-after: 7", "x-ratelimit-global: true"), (RateLimited,), retry_after=7),
        Trouble("429 of a gate", answers.says(429, b"error code: 1015", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("403 of a gate", answers.says(403, b"<html>blocked</html>"), (Transient,)),
        Trouble("500", refuses(500, 0), (Ambiguous,)),
        Trouble("503", refuses(503, 0), (Transient,)),
        Trouble("bad JSON", answers.says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", answers.says(200, b"{}"), (Ambiguous,)),
        Trouble("hangs up", answers.hangs_up, (Ambiguous,)),
        Trouble("breaks off", answers.breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "webhooks": "Messages come by the gateway only; Discord's webhooks tell of other things.",
        "fetched files": "Files are public for those who know their address.",
        "approved texts": "Discord has no windows.",
        "hide": "A message is there or deleted.",
        "unhide": "Nothing can be hidden.",
        "approve": "Discord holds nothing back that a bot could let through.",
        "spam": "Reports go to Discord, by people.",
        "counts": "Discord says no number that can be relied on.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"token": fake.TOKEN, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        server = fake.Discord()
        events: list[Event] = []
        rejected: list[Rejected] = []
        http.allow(["127.0.0.0/8"])
        async with fake.serving(server) as address:
            discord = Discord(DiscordConfig.model_validate(self.config(Path(), address)))
            async with aclosing(discord.stream(None)) as batches:
                await anext(batches)
                for one in said:
                    await self._say(server, one)
                async for batch in batches:
                    events += batch.events
                    rejected += batch.rejected
                    if len(events) + len(rejected) >= len(said):
                        break
            await discord.aclose()
        return Batch(events, rejected=rejected)

    async def _say(self, server: fake.Discord, one: Said) -> None:
        by = US if one.by == "us" else shapes.user(str(int.from_bytes(one.by.encode(), "big")), one.by)
        more: dict[str, Any] = {"nonce": f"k{one.client_key}"} if one.client_key else {}
        if one.parent:
            more |= {"type": 19, "message_reference": {"type": 0, "channel_id": GENERAL, "message_id": number(one.parent)}}
        at = MORNING if one.kind is EventKind.EDIT else one.at
        told = shapes.message(GENERAL, by, one.text, at, to=[US], **more) | {"id": number(one.message_id)}
        match one.kind:
            case EventKind.EDIT:
                await server.edit(told, one.text, at=one.at)
            case EventKind.DELETE:
                await server.delete(told)
            case EventKind.REACTION:
                await server.react(by, told, one.text)
            case _:
                await server.gateway.dispatch("MESSAGE_CREATE", server._told(told))

    def accepts(self) -> Answer:
        return answers.says(200, json.dumps(shapes.message(GENERAL, US, "At nine.", MORNING) | {"id": SENT}).encode())

    def shown_id(self, message_id: str) -> str:
        """The suite's own id, whatever room it is in."""
        tail = int(message_id.rpartition("/")[2] or 0)
        found = tail.to_bytes(8, "big").strip(b"\0")
        return found.decode() if found.isascii() else message_id


ADAPTER: Adapter = DiscordAdapter()
