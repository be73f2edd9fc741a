"""A homeserver on a port of this machine, with one account and as many people as speak.

What it answers follows the client-server API: https://spec.matrix.org/v1.15/client-server-api/ (#syncing, #standard-error-response,
#sending-events-to-a-room, #content-repository). The tests with Synapse (tests/servers/test_matrix.py) show that the real one answers alike.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from connectors.matrix import Matrix

Json = dict[str, Any]
ME = "@parley:localhost"
TOKEN = "syt_hunter2_hunter3"
ROOM = "!help:localhost"
CHAT = "!chat:localhost"
STATE: dict[str, list[Json]] = {
    ROOM: [
        {"type": "m.room.create", "state_key": "", "sender": "@owner:localhost", "content": {"room_version": "11"}},
        {"type": "m.room.name", "state_key": "", "sender": "@owner:localhost", "content": {"name": "Help"}},
        {"type": "m.room.topic", "state_key": "", "sender": "@owner:localhost", "content": {"topic": "Ask away"}},
        {"type": "m.room.canonical_alias", "state_key": "", "sender": "@owner:localhost", "content": {"alias": "#help:localhost"}},
        {
            "type": "m.room.power_levels",
            "state_key": "",
            "sender": "@owner:localhost",
            "content": {"users": {"@owner:localhost": 100, "@bernd:localhost": 50}},
        },
        {"type": "m.room.member", "state_key": "@anna:localhost", "sender": "@anna:localhost", "content": {"displayname": "Anna"}},
    ],
    CHAT: [{"type": "m.room.member", "state_key": "@anna:localhost", "sender": "@anna:localhost", "content": {"displayname": "Anna"}}],
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)


@dataclass
class Homeserver:
    """What it has. `timelines`: events by room, oldest first; a look shows the last `at_once` of those after the place asked for."""

    timelines: dict[str, list[Json]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    refuse: dict[str, tuple[int, Json]] = field(default_factory=dict)  # by a piece of the path
    receipts: dict[str, Json] = field(default_factory=dict)
    invited: dict[str, str] = field(default_factory=dict)  # by room, who invites
    at_once: int = 50
    originals: dict[str, str] = field(default_factory=dict)  # events said long ago, and who said them
    sent: dict[str, str] = field(default_factory=dict)  # by transaction, the event
    address: str = ""

    def say(
        self, room: str, name: str, sender: str = "@anna:localhost", *, kind: str = "m.room.message", at: int = 0, **content: Any
    ) -> Json:
        """Something happens in a room; "redacts" and "unsigned" stand beside the content."""
        beside = {key: content.pop(key) for key in ("redacts", "unsigned", "state_key") if key in content}
        if kind == "m.room.message" and "msgtype" not in content:
            content = {"msgtype": "m.text", **content}
        time = 1_772_438_400_000 + at * 1000
        event = {"type": kind, "event_id": name, "sender": sender, "origin_server_ts": time, "content": content, **beside}
        self.timelines.setdefault(room, []).append(event)
        return event

    async def answer(self, asked: Asked) -> tuple[int, Any]:
        for piece, refusal in self.refuse.items():
            if piece in asked.path:
                return refusal
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Unrecognised access token", "soft_logout": False}
        if "/media/" in asked.path:
            return self._media(asked)
        match asked.path.removeprefix("/_matrix/client/v3/").split("/"):
            case ["account", "whoami"]:
                return 200, {"user_id": ME, "device_id": "PARLEY"}
            case ["profile", _]:
                return 200, {"displayname": "The shop"}
            case ["sync"]:
                return await self._sync(asked)
            case ["join", room]:
                self.invited.pop(unquote(room), None)
                return 200, {"room_id": unquote(room)}
            case ["rooms", room, *what]:
                return self._in_room(unquote(room), what, asked)
            case _:
                return 404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}

    def _in_room(self, room: str, what: list[str], asked: Asked) -> tuple[int, Any]:
        match what:
            case ["messages"]:
                return self._messages(room, asked)
            case ["event", name]:
                found = [event for event in self.timelines.get(room, []) if event["event_id"] == unquote(name)]
                found += [{"event_id": unquote(name), "sender": self.originals[unquote(name)]}] if unquote(name) in self.originals else []
                return (200, found[0]) if found else (404, {"errcode": "M_NOT_FOUND", "error": "Event not found."})
            case ["state", "m.room.encryption"]:
                return 404, {"errcode": "M_NOT_FOUND", "error": "Event not found."}
            case ["send" | "redact", _, transaction]:
                return 200, {"event_id": self.sent.setdefault(unquote(transaction), f"$sent{len(self.sent) + 1}")}
            case _:
                return 404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}

    async def _sync(self, asked: Asked) -> tuple[int, Any]:
        since = asked.query.get("since", "")
        if since and not since.startswith("s"):
            return 400, {"errcode": "M_UNKNOWN", "error": "Invalid stream token"}
        begin = int(since[1:] or 0) if since else 0
        end = max((len(events) for events in self.timelines.values()), default=0)
        if since and begin == end and not self.invited and not self.receipts:
            await asyncio.sleep(0.2)  # a long poll, shortened
        joined: Json = {}
        for room, events in self.timelines.items():
            new = events[begin:]
            limited = len(new) > self.at_once
            joined[room] = {
                "summary": {"m.joined_member_count": 2 if room == CHAT else 5},
                "state": {"events": STATE.get(room, [])},
                "timeline": {"events": new[-self.at_once :], "limited": limited, "prev_batch": f"t{len(events) - self.at_once}"},
                "ephemeral": {"events": [self.receipts.pop(room)] if room in self.receipts else []},
            }
        invited = {
            room: {
                "invite_state": {"events": [{"type": "m.room.member", "state_key": ME, "sender": who, "content": {"membership": "invite"}}]}
            }
            for room, who in self.invited.items()
        }
        return 200, {"next_batch": f"s{end}", "rooms": {"join": joined, "invite": invited}}

    def _messages(self, room: str, asked: Asked) -> tuple[int, Any]:
        begin, until, limit = int(asked.query["from"][1:]), int(asked.query.get("to", "s0")[1:]), int(asked.query["limit"])
        first = max(begin - limit, until)
        chunk = list(reversed(self.timelines[room][first:begin]))
        return 200, {"start": asked.query["from"], "chunk": chunk, "state": [], **({"end": f"t{first}"} if first > until else {})}

    def _media(self, asked: Asked) -> tuple[int, Any]:
        if asked.method == "POST":
            name = f"file{len(self.files) + 1}"
            self.files[name] = asked.body
            return 200, {"content_uri": f"mxc://localhost/{name}"}
        found = self.files.get(asked.path.rpartition("/")[2])
        return (200, found) if found is not None else (404, {"errcode": "M_NOT_FOUND", "error": "Not found"})


@asynccontextmanager
async def homeserver() -> AsyncIterator[Homeserver]:
    """It listens as long as the block lasts."""
    fake = Homeserver()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await _read(reader)
                fake.asked.append(asked)
                status, told = await fake.answer(asked)
                body = told if isinstance(told, bytes) else json.dumps(told).encode()
                writer.write(
                    f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        fake.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield fake


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, target, _ = line.split(" ")
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, parts.path, query, headers, body)


def connected(fake: Homeserver, **settings: Any) -> Matrix:
    return Matrix(Matrix.Config.model_validate({"homeserver": fake.address, "access_token": TOKEN, **settings}))
