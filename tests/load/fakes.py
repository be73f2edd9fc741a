"""Connectors to `tests.load.platform`, which can also die at the worst moment."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from connectors import http
from inbox.contract import Author, Batch, Capabilities, Receipt, Reply

TOGETHER = 3  # replies of a scene: all have come to the same point before the process dies


class FakeConfig(BaseModel):
    """Where the platform is, and when to die: "", "before" the request, or "after" its answer."""

    url: str
    channel: str
    die: str = ""


class Plain:
    """A platform that takes every request for a new one and cannot be asked."""

    name: ClassVar[str] = "plain"
    title: ClassVar[str] = "Plain"
    Config: ClassVar[type[BaseModel]] = FakeConfig
    capabilities: ClassVar[Capabilities] = Capabilities()
    path: ClassVar[str] = "/send"
    came: ClassVar[int] = 0

    def __init__(self, config: FakeConfig) -> None:
        self.config = config
        self.client = http.Client(self.title)

    async def check(self) -> Author:
        return Author(id="us", name="Us", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        await asyncio.Event().wait()
        yield Batch(cursor=cursor)

    async def send(self, reply: Reply) -> Receipt:
        await self.perhaps_die("before")
        given = {"key": reply.key, "channel": self.config.channel, "text": reply.text}
        answer = await self.client.fetch_json("POST", self.config.url + self.path, sending=True, json=given)
        await self.perhaps_die("after")
        return Receipt(answer["id"], datetime.now(UTC))

    async def perhaps_die(self, moment: str) -> None:
        """Die when all replies of the scene have come this far: nothing is tidied up."""
        if self.config.die != moment:
            return
        Plain.came += 1
        while Plain.came < TOGETHER:  # noqa: ASYNC110  # three tasks meet, once
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    async def aclose(self) -> None:
        await self.client.aclose()


class Askable(Plain):
    """A platform that can be asked what it has."""

    name: ClassVar[str] = "askable"

    async def find_sent(self, reply: Reply) -> Receipt | None:
        wanted = {"key": reply.key, "channel": self.config.channel}
        answer = await self.client.fetch_json("GET", self.config.url + "/sent", params=wanted)
        return Receipt(answer["id"], datetime.now(UTC)) if answer["id"] else None


class Idempotent(Plain):
    """A platform that knows a key when it comes again."""

    name: ClassVar[str] = "idempotent"
    capabilities: ClassVar[Capabilities] = Capabilities(idempotent_send=True)
    path: ClassVar[str] = "/send/once"
