"""One open website chat: what each frame does, and what is pushed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import WebSocket
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from api import widget_files
from api.deps import House
from api.widget_access import ADDRESSES, RATINGS, Door, count, open_door
from api.widget_frames import Email, Frame, FrameIn, Hello, Message, Ping, Rate, Seen, Typing, Unasked
from api.widget_hub import Watch
from connectors.widget import origin
from inbox.conversations import chats, ratings, visitors, visits
from inbox.conversations.chats import Changes, Line
from inbox.conversations.visitors import Said
from inbox.errors import NotFound, ParleyError, TooMany
from inbox.models import Rating, Visitor
from inbox.promptness import typical

SEND_SECONDS = 20.0  # a reader that takes nothing for so long is gone
GATHER_SECONDS = 0.03
TYPING_EVERY = timedelta(seconds=2)


@dataclass(slots=True)
class Visit:
    """A socket with the visitor behind it, once they have spoken."""

    house: House
    websocket: WebSocket
    door: Door
    watch: Watch
    address: str
    token: str = ""
    locale: str = "en"
    visitor: Visitor | None = None
    last: int = 0
    seen: int = 0
    asked: int | None = None  # the question that the page shows
    typed_at: datetime | None = None
    colleague_typed: bool = False
    greeted: bool = False

    async def take(self, frame: Frame) -> None:
        """Do what one frame asks."""
        doing: dict[type[FrameIn], Callable[[Any], Awaitable[None]]] = {
            Hello: self._hello,
            Message: self._message,
            Typing: self._typing,
            Seen: self._seen,
            Email: self._email,
            Rate: self._rate,
            Unasked: self._unasked,
            Ping: self._ping,
        }
        if not self.greeted and not isinstance(frame, Hello):
            await self.send(type="refused", code="hello")
            return
        await doing[type(frame)](frame)

    async def push(self) -> None:
        """Send what the log brings, as long as the socket is open."""
        while True:
            await self.watch.wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self.watch.wake.clear()
            changed, typing = self.watch.changed, self.watch.typing
            self.watch.changed = self.watch.typing = False
            if self.visitor is not None and changed and not await self._push_changes(self.visitor):
                return
            if self.visitor is not None and typing and self.watch.conversation_id is not None:
                async with self.house.database.transaction() as session:
                    on = await visits.colleague_types(session, self.watch.conversation_id, now=self.house.clock())
                if on or self.colleague_typed:  # the visitor's own typing wakes this too
                    await self.send(type="typing", on=on)
                self.colleague_typed = on

    async def refuse_unreadable(self, text: str, error: ValidationError) -> bool:
        """A message that is only too long is told so; the rest of the nonsense ends the socket. Whether it goes on."""
        details = error.errors(include_url=False, include_context=False, include_input=False)
        codes = {"string_too_long": "too_long", "string_too_short": "empty", "string_pattern_mismatch": "invalid"}
        known = [
            codes[item["type"]] for item in details if item["type"] in codes and item["loc"][-1:] in {("text",), ("email",), ("comment",)}
        ]
        if not known:
            await self.websocket.close(1003)
            return False
        key = json.loads(text).get("key")
        await self.send(type="refused", code=known[0], key=key if isinstance(key, str) else None)
        return True

    async def leave(self) -> None:
        """The visitor has gone; after a minute answers go out by mail."""
        if self.visitor is not None:
            now = self.house.clock()
            async with self.house.database.transaction() as session:
                await visits.connected(session, self.visitor, until=now)

    async def send(self, **frame: Any) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self.websocket.send_text(json.dumps(frame, ensure_ascii=False, separators=(",", ":")))

    async def _hello(self, frame: Hello) -> None:
        house, channel, now = self.house, self.door.channel, self.house.clock()
        self.locale, fresh = frame.locale, False
        async with house.database.transaction() as session:
            self.visitor = await visitors.find(session, house.vault, channel, frame.token)
            known = visitors.genuine(house.vault, channel, frame.token)
            if not known or (self.visitor is None and await visitors.was_erased(session, channel, frame.token)):
                fresh = True
            self.token = visitors.offer_token(house.vault, channel) if fresh else frame.token
            changes = Changes(0, whole=True)
            if self.visitor is not None:
                changes = await chats.changes(session, self.visitor, frame.after, now=now)
                self.watch.conversation_id = await visitors.conversation_id(session, self.visitor)
                await visits.connected(session, self.visitor, until=now + visits.CONNECTED)
            here = await visits.team_is_there(session, channel.workspace_id, now=now)
            usual = await typical.answer(session, channel.id, now)
        self.greeted, self.last, self.seen, self.asked = True, changes.last, changes.seen, changes.question
        about: dict[str, Any] = {"token": self.token, "fresh": fresh, "here": here, "typical": usual, "mails": self._mails()}
        await self.send(type="ready", **about, email=self.visitor.email if self.visitor else None, **self._shown(changes))

    async def _message(self, frame: Message) -> None:
        page = frame.page if self._is_welcome(frame.page) else None
        try:
            message_id = await widget_files.say(
                self.house, self.door, self.token, Said(frame.key, frame.text, page), locale=self.locale, address=self.address
            )
        except ParleyError as error:
            retry_after = error.retry_after if isinstance(error, TooMany) else None
            await self.send(type="refused", code=error.code, key=frame.key, retry_after=retry_after)
            return
        async with self.house.database.transaction() as session:
            self.visitor = self.visitor or await visitors.find(session, self.house.vault, self.door.channel, self.token)
            if self.visitor is not None:
                self.watch.conversation_id = await visitors.conversation_id(session, self.visitor)
                await visits.spoke(session, self.visitor, now=self.house.clock())
            here = await visits.team_is_there(session, self.door.channel.workspace_id, now=self.house.clock())
        await self.send(type="accepted", key=frame.key, id=message_id, here=here)
        self.watch.poke(changed=True)

    async def _typing(self, frame: Typing) -> None:
        del frame
        now = self.house.clock()
        if self.visitor is None or (self.typed_at is not None and now - self.typed_at < TYPING_EVERY):
            return
        self.typed_at = now
        async with self.house.database.transaction() as session:
            await visits.typing(session, self.visitor, now=now)

    async def _seen(self, frame: Seen) -> None:
        if self.visitor is not None:
            async with self.house.database.transaction() as session:
                await visitors.seen(session, self.door.channel, self.visitor, frame.message, now=self.house.clock())

    async def _email(self, frame: Email) -> None:
        if self.visitor is None or not self._mails():
            await self.send(type="refused", code="email")
            return
        try:
            await count(self.house, "address", self.token, ADDRESSES)
        except TooMany as error:
            await self.send(type="refused", code=error.code, retry_after=error.retry_after)
            return
        async with self.house.database.transaction() as session:
            await visitors.keep_address(session, self.visitor, frame.email, now=self.house.clock())
        await self.send(type="team", email=frame.email)

    async def _rate(self, frame: Rate) -> None:
        await self._about_rating(frame.rating, "rated", lambda session, rating: ratings.give(
            session, rating.id, score=frame.score, comment=frame.comment, now=self.house.clock()
        ))  # fmt: skip

    async def _unasked(self, frame: Unasked) -> None:
        await self._about_rating(frame.rating, "unasked", lambda session, rating: ratings.refuse(session, rating, now=self.house.clock()))

    async def _about_rating(self, rating_id: int, told: str, do: Callable[[AsyncSession, Rating], Awaitable[Any]]) -> None:
        """Do something with a question of this very chat, and say that it is done."""
        try:
            await count(self.house, "rating", self.token, RATINGS)
            async with self.house.database.transaction() as session:
                await do(session, await ratings.of_chat(session, self.watch.conversation_id or 0, rating_id))
        except ParleyError as error:
            await self.send(type="refused", code=error.code, rating=rating_id)
            return
        await self.send(type=told, rating=rating_id)

    async def _ping(self, frame: Ping) -> None:
        """Every half minute: the visitor is there, and the channel may have been switched off."""
        del frame
        try:
            async with self.house.database.transaction() as session:
                self.door = await open_door(session, self.house, self.door.channel.key)
                if self.visitor is not None:
                    await visits.connected(session, self.visitor, until=self.house.clock() + visits.CONNECTED)
        except NotFound:
            await self.websocket.close(1008)
            return
        await self.send(type="pong")

    async def _push_changes(self, visitor: Visitor) -> bool:
        async with self.house.database.transaction() as session:
            current = await visitors.find(session, self.house.vault, self.door.channel, self.token)
            changes = await chats.changes(session, visitor, self.last, now=self.house.clock()) if current is not None else None
        if changes is None:
            await self.send(type="ended")
            await self.websocket.close(1000)
            return False
        news = changes.whole or changes.lines or changes.gone or changes.seen != self.seen or changes.question != self.asked
        self.last, self.seen, self.asked = changes.last, changes.seen, changes.question
        if news:
            await self.send(type="messages", **self._shown(changes))
        return True

    def _shown(self, changes: Changes) -> dict[str, Any]:
        return {
            "last": changes.last,
            "whole": changes.whole,
            "messages": [self._line(line) for line in changes.lines],
            "gone": list(changes.gone),
            "seen": changes.seen if self.door.config.show_seen else 0,
            "question": changes.question,
        }

    def _line(self, line: Line) -> dict[str, Any]:
        now = self.house.clock()
        files = [
            {
                "name": file.name,
                "size": file.size,
                "picture": file.media_type in widget_files.PICTURES,
                "link": widget_files.link(self.house, self.door, file, now=now),
            }
            for file in line.files
        ]
        about = {"id": line.id, "key": line.key, "mine": line.mine, "author": line.author, "text": line.text}
        return {**about, "at": line.at.isoformat(), "edited": line.edited, "files": files}

    def _mails(self) -> bool:
        return self.house.settings.smtp_url is not None

    def _is_welcome(self, page: str) -> bool:
        try:
            return origin(page) == self.websocket.headers.get("origin", "").lower()
        except ValueError:
            return False
