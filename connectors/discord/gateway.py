"""The gateway: one websocket on which Discord tells what happens (https://docs.discord.com/developers/events/gateway).

A session outlives its connection for some minutes: whoever resumes it gets what happened meanwhile, each event with its number.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import websockets
from websockets.asyncio.client import ClientConnection

from connectors import websocket
from connectors.discord.endings import Broken, Ended, ending
from inbox.contract import ConnectorError, Permanent, Transient

Json = dict[str, Any]
INTENTS = sum(1 << bit for bit in (0, 9, 10, 12, 13, 15))  # servers, messages, reactions; direct ones; and the words of messages
DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, HEARD = 0, 1, 2, 6, 7, 9, 10, 11
LEAVING = 4000  # any code but 1000 and 1001 keeps the session for resuming
GREETING = 20.0  # seconds until Discord has said hello
MOST_WAITING = 10_000  # events that are not stored yet: beyond, they are left to resuming


@dataclass(frozen=True, slots=True)
class Session:
    """What resuming needs: the session's name, where it is, and the number of the last event that was stored."""

    id: str
    address: str
    number: int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One event. A message that is none has no kind, and is given as it came."""

    kind: str
    data: Any
    number: int | None = None


@asynccontextmanager
async def connected(address: str, token: str, session: Session | None, *, secure: bool) -> AsyncGenerator["Connection"]:
    """An open connection that keeps itself alive; a given session is resumed. `secure`: the token leaves protected or not at all."""
    if secure and not address.startswith("wss:"):
        raise Permanent("Discord's gateway has an address that does not protect the token.")
    try:
        socket = await websocket.connect("Discord's gateway", f"{address.rstrip('/')}/?v=10&encoding=json")
    except Transient as error:
        if session is None:
            raise
        raise Ended(str(error)) from None  # where the session is, nobody answers any more
    connection = Connection(socket, token, session)
    try:
        await connection.open()
        yield connection
    finally:
        await connection.aclose()


class Connection:
    """What comes by one websocket, in order; its end comes last."""

    def __init__(self, socket: ClientConnection, token: str, session: Session | None) -> None:
        self._socket, self._token, self._session = socket, token, session
        self._waiting: asyncio.Queue[Dispatch | ConnectorError] = asyncio.Queue()
        self._number = session.number if session else None
        self._is_heard = True
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Hello, then who we are."""
        try:
            async with asyncio.timeout(GREETING):
                hello = _object(await self._socket.recv())
        except TimeoutError:
            raise Broken("Discord's gateway does not say hello.") from None
        except websockets.ConnectionClosed as closed:
            raise ending(closed) from None
        interval = _dict(hello.get("d")).get("heartbeat_interval")
        if hello.get("op") != HELLO or not isinstance(interval, int | float) or interval <= 0:
            raise Broken("Discord's gateway does not say hello.")
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._beat(interval / 1000))]
        session = self._session
        if session is None:
            properties = {"os": "linux", "browser": "parley", "device": "parley"}
            await self._say(IDENTIFY, {"token": self._token, "intents": INTENTS, "properties": properties, "large_threshold": 50})
        else:
            await self._say(RESUME, {"token": self._token, "session_id": session.id, "seq": session.number})

    async def next(self) -> Dispatch:
        """The next event, once there is one. Raises when there are no more."""
        found = await self._waiting.get()
        if isinstance(found, Dispatch):
            return found
        self._waiting.put_nowait(found)
        raise found

    def more(self, most: int) -> list[Dispatch]:
        """What has come already."""
        found: list[Dispatch] = []
        while len(found) < most and not self._waiting.empty():
            one = self._waiting.get_nowait()
            if not isinstance(one, Dispatch):
                self._waiting.put_nowait(one)
                break
            found.append(one)
        return found

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(OSError, websockets.WebSocketException):
            await self._socket.close(LEAVING)

    async def _receive(self) -> None:
        try:
            while True:
                end = await self._take(await self._socket.recv())
                if end is None and self._waiting.qsize() > MOST_WAITING:
                    end = Broken("Discord tells faster than it can be stored.")
                if end is not None:
                    self._waiting.put_nowait(end)
                    return
        except websockets.ConnectionClosed as closed:
            self._waiting.put_nowait(ending(closed))

    async def _take(self, raw: str | bytes) -> ConnectorError | None:
        """One message; returns what ends the connection."""
        told = _object(raw)
        operation = told.get("op")
        if operation == DISPATCH:
            number = told.get("s")
            if isinstance(number, int):
                self._number = number
            self._waiting.put_nowait(Dispatch(str(told.get("t")), told.get("d"), self._number))
        elif operation == HEARTBEAT:
            await self._say(HEARTBEAT, self._number)
        elif operation == HEARD:
            self._is_heard = True
        elif operation == RECONNECT:
            return Broken("Discord asks us to connect again.")
        elif operation == INVALID:
            return Broken("Discord asks us to resume.") if told.get("d") is True else Ended("The session is over.")
        elif operation is None:
            self._waiting.put_nowait(Dispatch("", raw))
        return None

    async def _beat(self, interval: float) -> None:
        """A sign of life at each interval. One that nobody answered means that nobody is there."""
        await asyncio.sleep(interval * random.random())  # noqa: S311  # not a secret
        while self._is_heard:
            self._is_heard = False
            await self._say(HEARTBEAT, self._number)
            await asyncio.sleep(interval)
        self._waiting.put_nowait(Broken("Discord's gateway does not answer any more."))
        self._tasks[0].cancel()

    async def _say(self, operation: int, data: Any) -> None:
        with suppress(websockets.ConnectionClosed):  # the receiver notices it too, and knows why
            await self._socket.send(json.dumps({"op": operation, "d": data}))


def _object(raw: str | bytes) -> Json:
    """A message; nothing where it is not JSON."""
    try:
        return _dict(json.loads(raw))
    except (ValueError, RecursionError):
        return {}


def _dict(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
