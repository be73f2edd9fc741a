"""The website chat's other side for tests: a served app, and a page that speaks its socket."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from api import wire
from tests.served import listening

SECONDS = 30.0
SITE = "https://www.example.org"


@asynccontextmanager
async def serving(app: FastAPI, **other: Any) -> AsyncIterator[str]:
    """The app on a port of its own, served as Parley is; gives its address."""
    given: dict[str, Any] = {"log_level": "warning", "ws": wire.Sockets, "ws_per_message_deflate": False, "ws_max_size": 1_000_000}
    async with listening(app, **given | {"timeout_graceful_shutdown": None} | other) as address:
        yield address


class Page:
    """One browser page with the chat open."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []

    @property
    def token(self) -> str:
        return self.ready["token"]

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next frame of a kind; others before it are kept in `frames`."""
        async with asyncio.timeout(SECONDS):
            while True:
                frame = json.loads(await self.socket.recv())
                self.frames.append(frame)
                if frame["type"] == kind:
                    return frame

    async def say(self, text: str, key: str = "") -> dict[str, Any]:
        await self.send(type="message", key=key or secrets.token_hex(8), text=text)
        return await self.hear("accepted")

    async def lines(self, text: str) -> dict[str, Any]:
        """The chat's frame that shows a text, and that message."""
        while True:
            frame = await self.hear("messages")
            for line in frame["messages"]:
                if line["text"] == text:
                    return line


@asynccontextmanager
async def visiting(address: str, key: str, *, token: str = "", after: int = 0, origin: str = SITE) -> AsyncIterator[Page]:
    """A page that has said hello."""
    async with connect(f"{address.replace('http', 'ws')}/widget/{key}/socket", origin=origin, proxy=None) as socket:  # pyright: ignore[reportArgumentType]
        page = Page(socket)
        await page.send(type="hello", token=token, after=after)
        page.ready = await page.hear("ready")
        yield page
