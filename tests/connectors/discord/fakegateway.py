"""The gateway of a Discord on this machine (https://docs.discord.com/developers/events/gateway): sessions, events, heartbeats."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import websockets
from websockets.asyncio.server import ServerConnection, serve

Json = dict[str, Any]
CONTENT = 1 << 15
NEEDED = {  # intents (https://docs.discord.com/developers/events/gateway#list-of-intents): in servers, in direct chats
    "MESSAGE_CREATE": (9, 12), "MESSAGE_UPDATE": (9, 12), "MESSAGE_DELETE": (9, 12), "MESSAGE_DELETE_BULK": (9, 9),
    "MESSAGE_REACTION_ADD": (10, 13), "MESSAGE_REACTION_REMOVE": (10, 13), "MESSAGE_REACTION_REMOVE_ALL": (10, 13),
    "MESSAGE_REACTION_REMOVE_EMOJI": (10, 13), "TYPING_START": (11, 14),
}  # fmt: skip


@dataclass
class Session:
    id: str
    intents: int
    events: list[Json] = field(default_factory=list[Json])
    ears: ServerConnection | None = None
    squeezer: Any = None

    async def tell(self, payload: Json) -> None:
        if self.ears is None:
            return
        raw = json.dumps(payload, ensure_ascii=False)
        with suppress(websockets.ConnectionClosed):
            if self.squeezer is None:
                await self.ears.send(raw)
            else:  # https://docs.discord.com/developers/events/gateway#transport-compression
                await self.ears.send(self.squeezer.compress(raw.encode()) + self.squeezer.flush(zlib.Z_SYNC_FLUSH))


@dataclass
class Gateway:
    """`welcome`: the events of a new session after READY, made anew for each."""

    token: str
    user: Json
    guilds: list[str]
    welcome: Any
    interval: int = 45_000  # milliseconds
    allows_content: bool = True
    is_deaf: bool = False  # hears heartbeats and does not say so
    sessions: dict[str, Session] = field(default_factory=dict[str, Session])
    identified: int = 0
    resumed: int = 0
    heartbeats: list[int | None] = field(default_factory=list["int | None"])
    closes: list[int] = field(default_factory=list[int])  # codes that new connections are closed with
    ears: set[ServerConnection] = field(default_factory=set[ServerConnection])
    connections: int = 0
    address: str = ""

    async def dispatch(self, kind: str, data: Json) -> None:
        """Something happens: every session that wants it is told, and remembers it for resuming."""
        for session in list(self.sessions.values()):
            needed = NEEDED.get(kind)
            if needed and not session.intents >> needed["guild_id" not in data] & 1:
                continue
            seen = data
            is_ours = data.get("author", {}).get("id") == self.user["id"] or "guild_id" not in data
            if kind in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and not session.intents & CONTENT and not is_ours:
                seen = data | {"content": "", "embeds": [], "attachments": [], "components": []}
            await self._event(session, kind, seen)

    async def _event(self, session: Session, kind: str, data: Json) -> None:
        payload = {"op": 0, "t": kind, "s": len(session.events) + 1, "d": data}
        session.events.append(payload)
        await session.tell(payload)

    async def say(self, payload: Json) -> None:
        """Something other than an event, to everybody."""
        for session in list(self.sessions.values()):
            await session.tell(payload)

    async def drop(self, code: int = 0) -> None:
        """Close every connection, with a code or without a word. Sessions stay."""
        for session in list(self.sessions.values()):
            ears, session.ears = session.ears, None
            if ears is not None and code:
                await ears.close(code)
            elif ears is not None:
                ears.transport.abort()

    def forget(self) -> None:
        """Sessions that nobody came back to in time; those who are still there are cut off."""
        self.sessions.clear()
        for ears in self.ears:
            ears.transport.abort()

    async def answer(self, ears: ServerConnection) -> None:
        self.connections += 1
        self.ears.add(ears)
        query = parse_qs(urlsplit(ears.request.path if ears.request else "").query)
        squeezer = zlib.compressobj() if query.get("compress") == ["zlib-stream"] else None
        guest = Session("", 0, ears=ears, squeezer=squeezer)
        if query.get("v") != ["10"] or query.get("encoding", ["json"]) != ["json"]:
            await ears.close(4012)
            return
        if self.closes:
            await ears.close(self.closes.pop(0))
            return
        await guest.tell({"op": 10, "d": {"heartbeat_interval": self.interval, "_trace": ["fake"]}, "s": None, "t": None})
        session: Session | None = None
        try:
            async for raw in ears:
                session = await self._hear(ears, json.loads(raw), session or guest) or session
        except websockets.ConnectionClosed:
            pass
        finally:
            self.ears.discard(ears)
            if session is not None and session.ears is ears:
                session.ears = None
                if ears.close_code in {1000, 1001}:
                    self.sessions.pop(session.id, None)

    async def _hear(self, ears: ServerConnection, told: Json, session: Session) -> Session | None:
        match told.get("op"):
            case 1:
                self.heartbeats.append(told["d"])
                if not self.is_deaf:
                    await session.tell({"op": 11, "d": None, "s": None, "t": None})
            case 2 if session.id:
                await ears.close(4005)
            case 2:
                return await self._identify(ears, told["d"], session)
            case 6:
                return await self._resume(ears, told["d"], session)
            case 3 | 4 | 8 | 31 | 43:
                if not session.id:
                    await ears.close(4003)
            case _:
                await ears.close(4001)
        return None

    async def _identify(self, ears: ServerConnection, told: Json, guest: Session) -> Session | None:
        """https://docs.discord.com/developers/events/gateway-events#identify"""
        if told["token"] != self.token:
            await ears.close(4004)
        elif not isinstance(told.get("intents"), int) or not {"os", "browser", "device"} <= told["properties"].keys():
            await ears.close(4013)
        elif told["intents"] & CONTENT and not self.allows_content:
            await ears.close(4014)
        else:
            self.identified += 1
            session = Session(f"session{self.identified}", told["intents"], ears=ears, squeezer=guest.squeezer)
            self.sessions[session.id] = session
            ready = {
                "v": 10, "user": self.user | {"verified": True, "mfa_enabled": False, "flags": 0, "email": None},
                "guilds": [{"id": name, "unavailable": True} for name in self.guilds], "session_id": session.id,
                "resume_gateway_url": self.address, "application": {"id": self.user["id"], "flags": 1 << 19}, "private_channels": [],
                "relationships": [], "session_type": "normal", "shard": [0, 1],
            }  # fmt: skip
            await self._event(session, "READY", ready)
            for kind, data in self.welcome():
                await self._event(session, kind, data)
            return session
        return None

    async def _resume(self, ears: ServerConnection, told: Json, guest: Session) -> Session | None:
        """https://docs.discord.com/developers/events/gateway-events#resume"""
        session = self.sessions.get(told["session_id"])
        if told["token"] != self.token:
            await ears.close(4004)
        elif session is None:
            await guest.tell({"op": 9, "d": False, "s": None, "t": None})
        elif told["seq"] > len(session.events):
            await ears.close(4007)
        else:
            self.resumed += 1
            session.ears, session.squeezer = ears, guest.squeezer
            for payload in session.events[told["seq"] :]:
                await session.tell(payload)
            await self._event(session, "RESUMED", {})
            return session
        return None


@asynccontextmanager
async def opened(gateway: Gateway) -> AsyncIterator[str]:
    """The address of this gateway."""
    async with serve(gateway.answer, "127.0.0.1", 0, compression=None, ping_interval=None, close_timeout=0.5) as server:
        gateway.address = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        try:
            yield gateway.address
        finally:
            await asyncio.sleep(0)
