"""The log's reader of one web process: one LISTEN connection, one reading of each event, and every open page told what concerns it."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from api import boards, crowd, news
from api.counts import Counts
from api.deps import House
from api.watcher import Watcher
from inbox import db, events, pauses
from inbox.conversations import reading, views
from inbox.models import LogEvent, Member, Workspace
from inbox.promptness import notices
from inbox.team import presence, rights, sessions

APART = 0.05  # seconds between two readings: what happens within them travels in one frame
POLL = 2.0  # seconds without a wake-up: NOTIFY is only a hint
COUNT_APART = 0.5  # seconds between two countings of queues
BOARD_APART = 10.0  # seconds after which a wallboard is drawn anew though nothing happened: what is due comes nearer
GUARD = 2.0  # seconds between two looks at who is still signed in
BATCH = 1000
SIGNED_OUT = 4401  # the code that such a socket is closed with
MOST_MISSED = 2000  # events; a page that missed more reads itself again
log = structlog.get_logger()
Thing = TypeVar("Thing")


class Hub:
    """Every page that is open in this process."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.watchers: dict[int, set[Watcher]] = defaultdict(set)  # by workspace
        self.cursor = 0
        self.ready = asyncio.Event()
        self._crowd = crowd.Crowd(house)
        self._uncounted: set[int] = set()
        self._changed = asyncio.Event()  # there is something to count
        self._sets: WeakValueDictionary[frozenset[Any], frozenset[Any]] = WeakValueDictionary()

    async def join(self, watcher: Watcher) -> None:
        """Let a page take part, with the rights it has now."""
        await self.ready.wait()
        async with self.house.database.transaction() as session:
            watcher.channels = self.shared(await rights.channels(session, watcher.access))
        self.watchers[watcher.access.workspace_id].add(watcher)

    def leave(self, watcher: Watcher) -> None:
        of_workspace = self.watchers[watcher.access.workspace_id]
        of_workspace.discard(watcher)
        if not of_workspace:
            del self.watchers[watcher.access.workspace_id]

    def everybody(self) -> list[Watcher]:
        return [watcher for of_workspace in self.watchers.values() for watcher in of_workspace]

    def shared(self, shown: frozenset[Thing]) -> frozenset[Thing]:
        """The one set of these things: many pages show the same, and keep it once."""
        return self._sets.setdefault(shown, shown)

    async def catch_up(self, watcher: Watcher, after: int) -> None:
        """Tell a page what happened since it was drawn, up to now, then the numbers; what comes later reaches it with everybody's."""
        workspace_id = watcher.access.workspace_id
        async with self.house.database.transaction() as session:
            oldest = await events.oldest_id(session)
            missed = await events.since(session, after, workspace_id=workspace_id, limit=MOST_MISSED + 1)
            if after + 1 < oldest or len(missed) > MOST_MISSED:
                watcher.refresh()
            elif missed:
                await self._deal(session, workspace_id, missed, [watcher])
        self._recount(workspace_id)

    async def run(self) -> None:
        """Read the log until cancelled. A lost connection is tried again: nothing is skipped, since the table is the truth."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                if db.lost(error):
                    log.warning("the log's reader lost the database and tries again", error=type(error).__name__)
                else:
                    log.error("the log's reader failed and begins again", exc_info=error)
                await asyncio.sleep(1)

    async def _listen(self) -> None:
        database = self.house.database
        connection = await database.listen(events.CHANNEL, presence.CHANNEL)
        try:
            if not self.ready.is_set():
                async with database.transaction() as session:
                    self.cursor = await events.last_id(session)
                self.ready.set()
            woken = asyncio.Event()
            database.readers.add(woken)
            hearing = asyncio.create_task(self._hear(connection, woken))
            try:
                while not hearing.done():
                    await pauses.happens(woken, min(POLL, self._crowd.rest()))
                    woken.clear()
                    has_read = await self._read()
                    has_told = await self._crowd.tell(self.everybody())
                    if has_read or has_told:  # what comes after a quiet moment is told at once
                        await asyncio.sleep(APART)
                await hearing
            finally:
                database.readers.discard(woken)
                hearing.cancel()
        finally:
            await connection.close()

    async def _hear(self, connection: psycopg.AsyncConnection[tuple[object, ...]], woken: asyncio.Event) -> None:
        async for notify in connection.notifies():
            if notify.channel == presence.CHANNEL:
                self._crowd.moved(notify.payload)
                self._recount(*boards.of_presence(notify.payload, self.watchers))
            woken.set()

    async def _read(self) -> bool:
        """Read and deal what is new, in parts; whether there was anything."""
        before = self.cursor
        while True:
            async with self.house.database.transaction() as session:
                found = await events.since(session, self.cursor, limit=BATCH)
                by_workspace: dict[int, list[LogEvent]] = defaultdict(list)
                for event in found:
                    by_workspace[event.workspace_id].append(event)
                for workspace_id, batch in by_workspace.items():
                    if workspace_id in self.watchers:
                        await self._deal_or_refresh(session, workspace_id, batch, tuple(self.watchers[workspace_id]))
                        self._recount(workspace_id)
            if found:
                self.cursor = found[-1].id
            if len(found) < BATCH:
                return self.cursor > before

    async def _deal_or_refresh(
        self, session: AsyncSession, workspace_id: int, batch: Sequence[LogEvent], watchers: Collection[Watcher]
    ) -> None:
        """Deal; what cannot be drawn must not silence every page for good: they read themselves again, and the log says why."""
        try:
            await self._deal(session, workspace_id, batch, watchers)
        except Exception as error:
            if db.lost(error):
                raise
            session.expunge_all()  # the other workspaces' events stay readable
            await session.rollback()  # after a refused statement the transaction takes no other
            log.error("events could not be shown", workspace=workspace_id, first=batch[0].id, last=batch[-1].id, exc_info=error)
            for watcher in watchers:
                watcher.refresh()

    async def _deal(self, session: AsyncSession, workspace_id: int, batch: Sequence[LogEvent], watchers: Collection[Watcher]) -> None:
        if any(map(news.changes_everything, batch)):
            await self._renew(session, watchers)
        gathered = await news.gather(session, workspace_id, batch, watchers)
        workspace = await session.get(Workspace, workspace_id)
        drawing = news.Drawing(gathered, workspace_id, workspace.timezone if workspace else "UTC", self.house.clock())
        for watcher in watchers:
            drawing.tell(watcher)

    async def _renew(self, session: AsyncSession, watchers: Iterable[Watcher]) -> None:
        """Rights as they are now, before anything that came after their change is dealt out."""
        for watcher in watchers:
            member = await session.get(Member, watcher.member_id, populate_existing=True)
            if member is not None:
                watcher.access = rights.of(member)
            watcher.channels = self.shared(await rights.channels(session, watcher.access))

    def _recount(self, *workspace_ids: int) -> None:
        self._uncounted.update(workspace_ids)
        if workspace_ids:
            self._changed.set()

    async def count(self) -> None:
        """Keep the numbers behind the views and the wallboards true: at once after a quiet moment, at most twice a second."""
        drawn = asyncio.get_running_loop().time()
        while True:
            await pauses.happens(self._changed, BOARD_APART)
            self._changed.clear()
            if asyncio.get_running_loop().time() - drawn > BOARD_APART:
                drawn = asyncio.get_running_loop().time()
                self._uncounted |= {workspace_id for workspace_id, here in self.watchers.items() if any(one.board for one in here)}
            waiting, self._uncounted = self._uncounted, set()
            try:
                for workspace_id in waiting:
                    async with self.house.database.transaction() as session:
                        await self._count(session, workspace_id)
            except Exception as error:  # one workspace that cannot be counted must not end the counting
                if db.lost(error):
                    self._recount(*waiting)
                else:
                    log.error("queues could not be counted", exc_info=error)
            await asyncio.sleep(COUNT_APART)

    async def _count(self, session: AsyncSession, workspace_id: int) -> None:
        by_rights: dict[frozenset[int], list[Watcher]] = defaultdict(list)
        for watcher in self.watchers.get(workspace_id, ()):
            by_rights[watcher.channels].append(watcher)
        tallies = await views.tally(session, workspace_id)
        for channels, watchers in by_rights.items():
            shown = {view for watcher in watchers for view in watcher.views}
            counts = Counts(views.counts(tallies, shown, channels, None))
            owned = views.Owned(tallies, channels)
            unread = await reading.unread(session, workspace_id, channels, {watcher.member_id for watcher in watchers})
            alerted = await notices.unseen(session, {watcher.member_id for watcher in watchers}, channels, now=self.house.clock())
            for watcher in watchers:
                counts.tell(watcher, owned.of(watcher.member_id), unread.get(watcher.member_id, 0), alerted.get(watcher.member_id, 0))
        shown = [watcher for watcher in self.watchers.get(workspace_id, ()) if watcher.board]
        if shown:
            await boards.tell(session, workspace_id, shown, figures=self.house.settings.member_figures, now=self.house.clock())

    async def guard(self) -> None:
        """End the sockets of sessions that were ended and of members who were removed."""
        while True:
            await asyncio.sleep(GUARD)
            try:
                await self._guard(self.house.clock())
            except Exception as error:  # without this look nobody is shown out any more
                if not db.lost(error):
                    log.error("signed-in pages could not be looked through", exc_info=error)

    async def _guard(self, now: datetime) -> None:
        asked = self.everybody()  # who joins while the database looks is asked about the next time
        if not asked:
            return
        async with self.house.database.transaction() as session:
            welcome = await sessions.signed_in(session, {watcher.session_id for watcher in asked}, now=now)
        for watcher in asked:
            if (watcher.session_id, watcher.member_id) not in welcome:
                self.leave(watcher)
                watcher.wire.end(SIGNED_OUT)
