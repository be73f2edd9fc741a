"""Wakes the open chats of one process. It reads which conversations changed; what changed each chat reads for itself."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg import AsyncConnection
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from inbox import events, pauses
from inbox.db import Database
from inbox.models import LogEvent
from inbox.team import presence

POLL_SECONDS = 5.0  # a wake-up is a hint: one may be lost
RETRY_SECONDS = 1.0
log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class Watch:
    """One open chat. `changed` and `typing` say what to look at when `wake` is set."""

    conversation_id: int | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    changed: bool = False
    typing: bool = False

    def poke(self, *, changed: bool = False, typing: bool = False) -> None:
        self.changed |= changed
        self.typing |= typing
        self.wake.set()


class Hub:
    """Listens while a chat is open, over one connection for all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: set[Watch] = set()
        self._reading: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[Watch]:
        watch = Watch()
        self._watches.add(watch)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        try:
            yield watch
        finally:
            self._watches.discard(watch)
            if not self._watches:
                await self._stop()

    async def _stop(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            await pauses.stop(reading)

    async def _read(self) -> None:
        while True:
            try:
                async with await self._listen() as connection:
                    await self._follow(connection)
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                log.warning("the chats' reader lost its database", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self) -> AsyncConnection[tuple[object, ...]]:
        opening = asyncio.create_task(self._database.listen(events.CHANNEL, presence.CHANNEL))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:  # the last chat closed meanwhile: what is opened is closed
            await (await opening).close()
            raise

    async def _follow(self, connection: AsyncConnection[tuple[object, ...]]) -> None:
        async with self._database.transaction() as session:
            last = await events.last_id(session)
        for watch in self._watches:
            watch.poke(changed=True)  # what happened before this connection listened
        while True:
            async for notice in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                if notice.channel == presence.CHANNEL:
                    self._show_typing(notice.payload)
            last = await self._show_changes(last)

    def _show_typing(self, payload: str) -> None:
        conversation = payload.rpartition(" ")[2]
        for watch in self._watches:
            if str(watch.conversation_id) == conversation:
                watch.poke(typing=True)

    async def _show_changes(self, last: int) -> int:
        open_now = {watch.conversation_id for watch in self._watches if watch.conversation_id is not None}
        async with self._database.transaction() as session:
            newest = await events.last_id(session)
            query = select(col(LogEvent.conversation_id)).where(col(LogEvent.id) > last, col(LogEvent.conversation_id).in_(open_now))
            changed = set(await session.scalars(query.distinct())) if newest > last and open_now else set[int | None]()
        for watch in self._watches:
            if watch.conversation_id in changed:
                watch.poke(changed=True)
        return newest
