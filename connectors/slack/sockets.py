"""Socket Mode: events by websocket, each acknowledged once it is stored (https://docs.slack.dev/apis/events-api/using-socket-mode).

Slack replaces connections every few hours and says so before: the next one is opened while the old one is still read, so that nothing falls
between.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from connectors import websocket
from connectors.slack.api import Api, Json
from inbox.contract import ConnectorError, Permanent, Transient

HELLO = 20.0  # seconds within which Slack greets
PING = 20.0  # seconds between signs of life
OFF = "Socket Mode is switched off: switch it on again on the app's page."
OFTEN = 10.0  # seconds: connections that are to be replaced sooner than that are none


@dataclass(frozen=True, slots=True)
class Frame:
    """One envelope, and the connection that it came by."""

    envelope: Json
    connection: ClientConnection

    async def acknowledge(self) -> None:
        """Slack sends it again otherwise. On a connection that is gone nobody waits for it."""
        name = self.envelope.get("envelope_id")
        if isinstance(name, str):
            try:
                await self.connection.send(json.dumps({"envelope_id": name}))
            except ConnectionClosed:
                return


class Listener:
    """Envelopes, by one connection after the other."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._frames: asyncio.Queue[Frame | ConnectorError] = asyncio.Queue()
        self._pumps: set[asyncio.Task[None]] = set()
        self._opened = float("-inf")

    async def next(self) -> Frame:
        """The next envelope; raises what ended the connection."""
        found = await self._frames.get()
        if isinstance(found, ConnectorError):
            raise found
        return found

    async def open(self) -> None:
        """A new connection, once Slack has greeted on it."""
        if monotonic() - self._opened < OFTEN:
            raise Transient("Slack ends its connections again and again.")
        self._opened = monotonic()
        connection = await websocket.connect("Slack", await self._api.open_socket(), ping=PING)
        try:
            async with asyncio.timeout(HELLO):
                hello = _parsed(await connection.recv())
        except (TimeoutError, WebSocketException, OSError):
            hello = {}
        if hello.get("type") != "hello":
            await connection.close()
            raise Permanent(OFF) if hello.get("reason") == "link_disabled" else Transient("Slack does not greet.")
        pump = asyncio.create_task(self._pump(connection))
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)

    async def close(self) -> None:
        pumps = list(self._pumps)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, connection: ClientConnection) -> None:
        """Read on until the connection ends; that is a failure only where no other one has taken over."""
        is_replaced = False
        try:
            async for raw in connection:
                envelope = _parsed(raw)
                if envelope.get("type") == "disconnect":
                    if envelope.get("reason") == "link_disabled":
                        raise Permanent(OFF)
                    if not is_replaced:
                        await self.open()
                        is_replaced = True
                elif "envelope_id" in envelope:
                    await self._frames.put(Frame(envelope, connection))
            ended: ConnectorError = Transient("The connection to Slack ended.")
        except (WebSocketException, OSError):
            ended = Transient("The connection to Slack broke.")
        except ConnectorError as error:
            ended = error
        finally:
            await connection.close()
        if not is_replaced:
            await self._frames.put(ended)


@asynccontextmanager
async def listening(api: Api) -> AsyncGenerator[Listener]:
    """A connection on which Slack has greeted."""
    listener = Listener(api)
    try:
        await listener.open()
        yield listener
    finally:
        await listener.close()


def _parsed(raw: str | bytes) -> Json:
    try:
        found: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}
