"""A relay on this machine (https://github.com/nostr-protocol/nips/blob/master/01.md); a real one stands in tests/servers."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from connectors.nostr import notes, schnorr

Json = dict[str, Any]
QUIET = logging.getLogger("tests.quiet")  # this side of the wire may know the address
QUIET.setLevel(logging.CRITICAL)
MORNING = 1_772_438_400  # Monday, 2 March 2026, 8:00


class Person:
    """A key, and what is signed with it."""

    def __init__(self, name: str) -> None:
        self.secret = notes.hashlib.sha256(name.encode()).digest()
        self.key = schnorr.public_key(self.secret).hex()
        self.name = name

    def note(self, text: str, *, answering: Json | None = None, naming: "Person | None" = None, at: int = MORNING, **more: Any) -> Json:
        tags: list[list[str]] = more.pop("tags", [])
        people = [naming.key] if naming else []
        if answering:
            told = notes.Note.model_validate(answering)
            tags += [["e", told.root or told.id, "", "root"], *([["e", told.id, "", "reply"]] if told.root else [])]
            people += [told.pubkey, *told.values("p")]
        tags += [["p", key] for key in dict.fromkeys(people) if key != self.key]
        return notes.signed(self.secret, more.pop("kind", notes.NOTE), text, tags, at)

    def profile(self) -> Json:
        shown = {"name": self.name.title(), "nip05": f"{self.name}@shop.test"}
        return notes.signed(self.secret, notes.PROFILE, json.dumps(shown), [], MORNING)

    def react(self, note: Json, emoji: str = "+", at: int = MORNING) -> Json:
        return notes.signed(self.secret, notes.REACTION, emoji, [["e", note["id"]], ["p", note["pubkey"]]], at)

    def delete(self, event: Json, at: int = MORNING) -> Json:
        return notes.signed(self.secret, notes.DELETION, "", [["e", event["id"]]], at)


US, ANNA, BERND = Person("shop"), Person("anna"), Person("bernd")


@dataclass
class Relay:
    """What it keeps, who listens, and what it says to a new event instead of taking it."""

    events: dict[str, Json] = field(default_factory=dict[str, Json])
    most: int = 500
    verdict: str = ""
    is_silent: bool = False  # takes events and never says so
    hangs_up: bool = False
    says_odd: bool = False
    address: str = ""
    interrupting: list[Json] = field(default_factory=list[Json])  # come in between a question and its answer
    published: list[Json] = field(default_factory=list[Json])
    _ears: list["_Connection"] = field(default_factory=list["_Connection"])

    def add(self, *events: Json) -> Json:
        for event in events:
            if event["id"] not in self.events:
                self.events[event["id"]] = event
                for ear in self._ears:
                    ear.tell(event)
        return events[-1]

    def close(self) -> None:
        for ear in self._ears:
            ear.writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        self._ears.append(connection)
        try:
            while data := await reader.read(65536):
                connection.receive(data)
        finally:
            self._ears.remove(connection)
            writer.close()

    def found(self, one: Json) -> list[Json]:
        """The newest events that match, at most as many as it gives at once."""
        matching = sorted((event for event in self.events.values() if matches(event, one)), key=lambda event: -event["created_at"])
        return matching[: min(one.get("limit", self.most), self.most)]


class _Connection:
    def __init__(self, relay: Relay, writer: asyncio.StreamWriter) -> None:
        self.relay, self.writer = relay, writer
        self.protocol = ServerProtocol(logger=QUIET)
        self.filters: dict[str, list[Json]] = {}

    def receive(self, data: bytes) -> None:
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self.hear(json.loads(event.data))
        self.flush()

    def hear(self, told: list[Any]) -> None:
        match told:
            case ["REQ", name, *filters]:
                self.filters[name] = filters
                if "live" in self.filters and name.startswith("q") and self.relay.interrupting:
                    self.relay.add(self.relay.interrupting.pop())
                for event in {event["id"]: event for one in filters for event in self.relay.found(one)}.values():
                    self.say("EVENT", name, event)
                self.say("EOSE", name)
            case ["CLOSE", name]:
                self.filters.pop(name, None)
            case ["EVENT", event]:
                self.take(event)

    def take(self, event: Json) -> None:
        if self.relay.hangs_up:
            self.writer.close()
        elif self.relay.says_odd:
            self.protocol.send_text(b"<html>")
        elif not self.relay.is_silent:
            if not self.relay.verdict:
                self.relay.published.append(event)
                self.relay.add(event)
            self.say("OK", event["id"], not self.relay.verdict, self.relay.verdict)

    def tell(self, event: Json) -> None:
        for name, filters in self.filters.items():
            if any(matches(event, one) for one in filters):
                self.say("EVENT", name, event)
        self.flush()

    def say(self, *words: Any) -> None:
        self.protocol.send_text(json.dumps(words).encode())

    def flush(self) -> None:
        for data in self.protocol.data_to_send():
            if not self.writer.is_closing():
                self.writer.write(data) if data else self.writer.close()


def matches(event: Json, one: Json) -> bool:
    for name, wanted in one.items():
        if name.startswith("#"):
            if not any(tag[0] == name[1:] and tag[1] in wanted for tag in event["tags"] if len(tag) > 1):
                return False
        elif name in {"ids", "authors", "kinds"}:
            if event[{"ids": "id", "authors": "pubkey", "kinds": "kind"}[name]] not in wanted:
                return False
        elif (name == "since" and event["created_at"] < wanted) or (name == "until" and event["created_at"] > wanted):
            return False
    return True


@asynccontextmanager
async def serving(relay: Relay) -> AsyncIterator[str]:
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    async with server:
        relay.address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield relay.address
        relay.close()
