"""Live events by server-sent events (https://docs.joinmastodon.org/methods/streaming/#http)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from connectors import http
from connectors.mastodon.server import Server
from inbox.contract import Transient

SILENCE = 60.0  # seconds: the server says something every fifteen, if only that it is there
LONGEST = 4 * 1024 * 1024  # bytes of one event


@dataclass(frozen=True, slots=True)
class Told:
    """One event, or a sign of life, which has no kind."""

    kind: str = ""
    data: str = ""


@asynccontextmanager
async def listening(server: Server) -> AsyncGenerator[AsyncGenerator[Told]]:
    """An open connection, and what comes by it until it ends."""
    address = _address(server.address, (await server.limits()).streaming)
    client = http.Client("The server's live stream", headers=server.headers, timeout=httpx.Timeout(SILENCE, connect=10.0))
    try:
        async with client.stream("GET", f"{address}/api/v1/streaming/user", headers={"accept": "text/event-stream"}) as response:
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Transient("The server's live stream is something else.")
            yield _events(response)
    finally:
        await client.aclose()


async def _events(response: httpx.Response) -> AsyncGenerator[Told]:
    """Lines end with a line feed and nothing else: JSON may hold characters that Python takes for ends of lines."""
    rest, kind, data = b"", "", list[str]()
    async for part in response.aiter_bytes():
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > LONGEST or sum(map(len, data)) > LONGEST:
            raise Transient("The server's live stream sends an event without end.")
        for raw in lines:
            line = raw.decode(errors="replace").removesuffix("\r")
            name, _, value = line.partition(":")
            if not line:
                if kind:
                    yield Told(kind, "\n".join(data))
                kind, data = "", []
            elif not name:
                yield Told()
            elif name == "event":
                kind = value.removeprefix(" ")
            elif name == "data":
                data.append(value.removeprefix(" "))


def _address(server: str, streaming: str) -> str:
    """Where the stream is: the same server, unless it names another one, which it does as a websocket's address.

    The token never leaves by an unprotected connection because of what the server says.
    """
    told = urlsplit(streaming)
    if not told.hostname or told.scheme not in {"ws", "wss", "http", "https"}:
        return server
    scheme = "https" if told.scheme in {"wss", "https"} or server.startswith("https:") else "http"
    return f"{scheme}://{told.netloc}{told.path.rstrip('/')}"
