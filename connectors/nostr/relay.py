"""One connection to a relay (https://github.com/nostr-protocol/nips/blob/master/01.md#communication-between-clients-and-relays)."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from connectors import http, websocket
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
PING = 20.0  # seconds between signs of life
MOST_WORDS = 300
BROKEN = (WebSocketException, OSError, EOFError)


class Relay:
    """What is asked and told over one connection; one question at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._questions = 0
        self._meanwhile: deque[list[Any]] = deque()  # what was told while a question was open

    async def query(self, *filters: Mapping[str, Any]) -> list[Json]:
        """The events that the relay has of these."""
        self._questions += 1
        name = f"q{self._questions}"
        found: list[Json] = []
        await self._say("REQ", name, *filters)
        async with _in_time():
            while True:
                told = await self._hear()
                if told[:2] == ["EVENT", name] and len(told) > 2:
                    found.append(_object(told[2]))
                elif told[:2] == ["EOSE", name]:
                    break
                elif told[:2] == ["CLOSED", name]:
                    raise _refusal(told[2:])
                elif told[:1] in (["EVENT"], ["CLOSED"]):
                    self._meanwhile.append(told)
        await self._say("CLOSE", name)
        return found

    async def publish(self, event: Json) -> None:
        """Hand an event in; one that the relay has already is as good."""
        await self._say("EVENT", event)
        try:
            async with asyncio.timeout(_patience()):
                while True:
                    told = await self._hear()
                    if told[:2] == ["OK", event["id"]]:
                        break
        except TimeoutError:
            raise Ambiguous("The relay did not answer in time.") from None
        except Transient:
            raise Ambiguous("The connection to the relay broke.") from None
        words = str(told[3]) if len(told) > 3 else ""
        if len(told) < 3 or (told[2] is not True and not words.startswith("duplicate:")):
            raise _refusal([words])

    async def listen(self, name: str, *filters: Mapping[str, Any]) -> None:
        """From now on hear of these too, the ones that are there first."""
        await self._say("REQ", name, *filters)

    async def heard(self) -> AsyncGenerator[Json]:
        """What the relay tells by itself, for ever."""
        while True:
            told = self._meanwhile.popleft() if self._meanwhile else await self._hear()
            if told[:1] == ["EVENT"] and len(told) > 2:
                yield _object(told[2])
            elif told[:2] in (["CLOSED", "live"], ["CLOSED", "watched"]):
                raise _refusal(told[2:])

    async def _say(self, *words: Any) -> None:
        try:
            await self._socket.send(json.dumps(words, ensure_ascii=False))
        except BROKEN:
            raise Transient("The connection to the relay broke.") from None

    async def _hear(self) -> list[Any]:
        try:
            raw = await self._socket.recv()
        except BROKEN:
            raise Transient("The connection to the relay broke.") from None
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError):
            raise Transient("The relay answered with something that is not JSON.") from None
        return cast("list[Any]", told) if isinstance(told, list) else []


@asynccontextmanager
async def connected(address: str) -> AsyncGenerator[Relay]:
    """An open connection. It goes to an address that was checked, as all connections of channels do."""
    socket = await websocket.connect("The relay", address, ping=PING)
    try:
        yield Relay(socket)
    finally:
        await socket.close()


@asynccontextmanager
async def _in_time() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(_patience()):
            yield
    except TimeoutError:
        raise Transient("The relay did not answer in time.") from None


def _patience() -> float:
    return http.TIMEOUT.read or 20.0


def _refusal(words: list[Any]) -> ConnectorError:
    """What a relay means by no: a word before a colon says which kind it is."""
    said = str(words[0])[:MOST_WORDS] if words else ""
    kind = said.partition(":")[0]
    if kind == "rate-limited":
        return RateLimited(f"The relay asks us to wait ({said}).", http.PAUSE)
    if kind in {"auth-required", "restricted"}:
        return AuthError(f"The relay lets only those in who sign in, which is not connected here ({said}).")
    if kind == "error":
        return Transient(f"The relay failed ({said}).")
    return Permanent(f"The relay says no ({said or 'without a reason'}).")


def _object(told: Any) -> Json:
    return cast("Json", told) if isinstance(told, dict) else {}
