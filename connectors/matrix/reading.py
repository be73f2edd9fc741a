"""The account as a stream of batches: what one look has brought, read, in pieces that fit into a transaction."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.matrix import ids, parse, sync
from connectors.matrix.config import MatrixConfig
from connectors.matrix.homeserver import Homeserver, Json, escape
from connectors.matrix.parse import Passed
from connectors.matrix.place import Hanging, Place
from connectors.matrix.rooms import Room, Rooms, as_dict, as_text
from inbox.contract import Batch, Event, EventKind, Permanent, Rejected

MOST_EVENTS = 200  # in one batch
SHORTEST_LOOK = 1.0  # seconds: a homeserver that answers at once with nothing is not asked all the time
REASONS = 100  # why something was passed over, told apart
log = logging.getLogger(__name__)


class Reader:
    """One stream of an account."""

    def __init__(self, homeserver: Homeserver, config: MatrixConfig, me: str, place: Place) -> None:
        self._homeserver, self._config, self._me, self._place = homeserver, config, me, place
        self._rooms = Rooms(me)
        self._is_first = True
        self.passed: Counter[str] = Counter()  # what meant nothing here, by reason

    async def batches(self) -> AsyncGenerator[Batch]:
        """What is new; the last batch of a look moves the cursor, so that one that was not stored comes again as a whole."""
        began = time.monotonic()
        is_new = not self._place.since
        news, since = await sync.look(self._homeserver, self._config, self._place, self._rooms, first=self._is_first)
        self._is_first = False
        for room_id, inviter in news.invitations:  # before the cursor moves: the homeserver tells of an invitation once
            await self._answer_invitation(room_id, inviter)
        before = self._place.cursor()
        pieces = _Pieces()
        for room, told in [] if is_new and not self._config.history else news.events:
            await self._take(room, told, pieces)
            if pieces.is_full:
                yield pieces.batch(None, gap=news.gap)
                news.gap, pieces = False, _Pieces()
        for room, told in news.receipts:
            pieces.events += self._receipts(room, told)
        self._place.since = since
        cursor = self._place.cursor()
        if cursor != before:
            yield pieces.batch(cursor, gap=news.gap)
        if not (news.events or news.invitations) and time.monotonic() - began < SHORTEST_LOOK and not is_new:
            await asyncio.sleep(SHORTEST_LOOK)

    async def _take(self, room: Room, told: Json, pieces: "_Pieces") -> None:
        """Read one event; what cannot be read is kept, what means nothing is counted."""
        try:
            event = await self._read(room, told)
        except Passed as passed:
            self._pass(str(passed))
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            pieces.rejected.append(
                Rejected(json.dumps({"room": _portrait(room), "event": told}).encode(), f"{type(error).__name__}: {error}")
            )
        else:
            pieces.events.append(event)

    def _pass(self, reason: str) -> None:
        """Count what is passed over; anybody may invent kinds of events, so only so many are told apart."""
        if reason not in self.passed and len(self.passed) >= REASONS:
            reason = "something else"
        if reason not in self.passed:
            log.info("Passed over in a Matrix room: %s.", reason)
        self.passed[reason] += 1

    async def _read(self, room: Room, told: Json) -> Event:
        kind, relation = told.get("type"), parse.Relation.of(told)
        if kind in parse.MESSAGES and relation.kind == "m.replace":
            return await self._edit(room, told, relation.target)
        if kind in parse.MESSAGES:
            event = parse.message(told, room, self._me)
            self._place.note_sender(event.id, as_text(told.get("sender")))
            return event
        if kind == "m.reaction":
            event = parse.reaction(told, room, self._me)
            self._place.note_hanging(event.id, Hanging(relation.target, as_text(told.get("sender")), event.text))
            return event
        if kind == "m.room.redaction":
            return await self._redaction(parse.redaction(told, room, self._me), room)
        raise Passed(f"{kind!r:.80} is not for people to answer")

    async def _edit(self, room: Room, told: Json, target: str) -> Event:
        """New words count only from whoever wrote the old ones; homeservers do not check that."""
        event = parse.edit(told, room, self._me)
        sender = self._place.senders.get(target) or as_text((await self._event(room, target)).get("sender"))
        if sender != told.get("sender"):
            raise Passed("an edit of somebody else's message")
        self._place.note_sender(target, sender)
        self._place.note_hanging(event.id, Hanging(target, sender, ""))
        return event

    async def _redaction(self, event: Event, room: Room) -> Event:
        """A message taken back is deleted; of a reaction or an edit what was before it comes back."""
        gone = self._place.hanging.pop(ids.split(event.message_id).event, None)
        if gone is None:
            return event
        target = ids.join(room.id, gone.target)
        if gone.emoji:
            author = room.author(gone.author, self._me)
            return replace(event, kind=EventKind.REACTION, message_id=target, author=author, text=self._place.left(gone))
        before = await self._event(room, gone.target)
        newest = as_dict(as_dict(as_dict(before.get("unsigned")).get("m.relations")).get("m.replace"))
        content = as_dict(as_dict(newest.get("content")).get("m.new_content")) or as_dict(before.get("content"))
        text, html = parse.words(before, content, has_quote=bool(parse.Relation.of(before).answers))
        return replace(event, kind=EventKind.EDIT, message_id=target, author=room.author(gone.author, self._me), text=text, html=html)

    async def _event(self, room: Room, name: str) -> Json:
        """An event as the homeserver has it; nothing where it is not ours to see."""
        try:
            return await self._homeserver.get(f"/rooms/{escape(room.id)}/event/{escape(name)}")
        except Permanent:
            return {}

    def _receipts(self, room: Room, told: Json) -> list[Event]:
        """Who has read how far: in direct chats only, since in a room nobody in particular was spoken to."""
        found: list[Event] = []
        if told.get("type") != "m.receipt" or not room.is_direct:
            return found
        for target, kinds in as_dict(told.get("content")).items():
            for user, receipt in as_dict(as_dict(kinds).get("m.read")).items():
                if user != self._me and isinstance(as_dict(receipt).get("ts"), int):
                    found.append(parse.read(room, user, target, as_dict(receipt), self._me))
        return found

    async def _answer_invitation(self, room_id: str, inviter: str) -> None:
        if not self._config.accepts(inviter):
            self._pass("an invitation by somebody who is not listed")
            return
        try:
            await self._homeserver.change("POST", f"/join/{escape(room_id)}", {})
        except Permanent as error:
            log.warning("An invitation could not be accepted: %s", error)


class _Pieces:
    """A batch that is being filled."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []

    @property
    def is_full(self) -> bool:
        return len(self.events) + len(self.rejected) >= MOST_EVENTS

    def batch(self, cursor: str | None, *, gap: bool) -> Batch:
        return Batch(self.events, cursor, gap=gap, rejected=self.rejected)


def _portrait(room: Room) -> dict[str, Any]:
    """What of a room is needed to read an event of it again."""
    return {"id": room.id, "name": room.name, "direct": room.is_direct}


def reread(raw: bytes, received_at: datetime, me: str) -> Batch:
    """An event that could not be read before. One without a time has ours."""
    try:
        told = as_dict(json.loads(raw))
        portrait, event = as_dict(told["room"]), as_dict(told["event"])
        if not isinstance(event.get("origin_server_ts"), int):
            event["origin_server_ts"] = int(received_at.timestamp() * 1000)
        room = Room(as_text(portrait["id"]), name=as_text(portrait.get("name")), said_direct=portrait.get("direct") is True)
        readers = {"m.reaction": parse.reaction, "m.room.redaction": parse.redaction} | dict.fromkeys(parse.MESSAGES, parse.message)
        read = parse.edit if parse.Relation.of(event).kind == "m.replace" else readers[as_text(event.get("type"))]
        return Batch([read(event, room, me)])
    except (ValueError, TypeError, KeyError, Passed) as error:
        return Batch(rejected=[Rejected(raw, f"{type(error).__name__}: {error}")])
