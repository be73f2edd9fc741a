"""Replies and actions out of the inbox: claimed, sent outside of any transaction, and what became of them written down."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.host import acting as hands
from connectors.host import sending
from connectors.host.place import Place
from inbox import pauses
from inbox.conversations import acting, outbox
from inbox.models import Message, Moderation

log = structlog.get_logger()
BREATH = 0.02  # seconds between two looks: under load one look serves many commits


class Wake:
    """Rung when there may be something to send: a commit anywhere, or a send that ended here."""

    def __init__(self) -> None:
        self._bell = asyncio.Event()

    def ring(self) -> None:
        self._bell.set()

    async def wait(self, seconds: float) -> None:
        """Until the bell rings, or so long."""
        await pauses.happens(self._bell, max(seconds, 0.0))
        self._bell.clear()


class Delivery:
    """The replies that this process is sending, and the actions that it is asking for."""

    def __init__(self, place: Place, wake: Wake) -> None:
        self._place = place
        self._wake = wake
        self._tasks: dict[asyncio.Task[None], int] = {}  # and the channel of each
        self._silent: dict[str, float] = {}  # processes without a connection, and since when, by the loop's clock
        self._looks_at = 0.0  # when to look next for what was left behind, by the loop's clock

    async def run(self, stop: asyncio.Event) -> None:
        """Send what is due until told to stop; then give what has begun a moment to end."""
        watching = asyncio.create_task(self._ring_when(stop))
        try:
            while not stop.is_set():
                try:
                    seconds = await self._turn()
                except (SQLAlchemyError, psycopg.Error, OSError) as error:
                    log.warning("the database does not answer", error=type(error).__name__)
                    seconds = self._place.pace.look
                await self._wake.wait(seconds)
                await asyncio.sleep(BREATH)
        finally:
            watching.cancel()
            await self._end()

    async def _turn(self) -> float:
        """Begin what is due; returns the seconds until the next look."""
        place, pace = self._place, self._place.pace
        now, time = place.clock(), asyncio.get_running_loop().time()
        if time >= self._looks_at:
            self._looks_at = time + pace.look
            async with place.database.transaction() as session:
                ask_at = now + timedelta(seconds=pace.ask_after)
                await outbox.expire_leases(session, now, ask_at=ask_at)
                if gone := self._gone(await outbox.silent(session, me=place.owner), time):
                    await outbox.abandon(session, gone, now, ask_at=ask_at)
                await acting.expire_leases(session, now)
            await self._ask(now)
        full = True
        while full and (room := self._room()) > 0:
            async with place.database.transaction() as session:
                due = await outbox.claim(session, owner=place.owner, now=now, limit=room, lease=pace.send_lease, busy=self._busy())
            for message in due:
                self._begin(sending.send(place, message, time + pace.send_lease), message)
            full = len(due) == room
        await self._act(now, time)
        async with place.database.transaction() as session:
            due_next = (await outbox.next_due(session, now), await acting.next_due(session, now))
        coming = min((moment for moment in due_next if moment is not None), default=None)
        return pace.look if coming is None else min(pace.look, (coming - place.clock()).total_seconds())

    async def _act(self, now: datetime, time: float) -> None:
        """Begin the actions on messages that are due."""
        place, lease = self._place, self._place.pace.send_lease
        if (room := self._room()) <= 0:
            return
        async with place.database.transaction() as session:
            due = await acting.claim(session, owner=place.owner, now=now, limit=room, lease=lease, busy=self._busy())
        for moderation in due:
            self._begin(hands.act(place, moderation, time + lease), moderation)
        if len(due) == room:
            self._wake.ring()

    def _gone(self, silent: Iterable[str], time: float) -> list[str]:
        """Those that have been silent at every look for long enough: a connection that was only lost is back sooner."""
        self._silent = {owner: self._silent.get(owner, time) for owner in silent}
        return [owner for owner, since in self._silent.items() if time - since >= self._place.pace.gone]

    async def _ask(self, now: datetime) -> None:
        """Ask the platforms what became of replies that nobody knows about."""
        again = now + timedelta(seconds=self._place.pace.send_lease + random.uniform(0, 5))  # noqa: S311  # not a secret
        room = self._room()
        if room > 0:
            async with self._place.database.transaction() as session:
                doubtful = await outbox.doubtful(session, now=now, again_at=again, limit=room)
            for message in doubtful:
                self._begin(sending.ask(self._place, message), message)

    def _room(self) -> int:
        pace = self._place.pace
        return min(pace.at_once - len(self._tasks), pace.at_once_each)  # one claim never fills a channel beyond its share

    def _busy(self) -> list[int]:
        """Channels that send at their limit: a platform that hangs holds up nobody else's replies."""
        return [channel_id for channel_id, count in Counter(self._tasks.values()).items() if count >= self._place.pace.at_once_each]

    def _begin(self, work: Coroutine[None, None, None], thing: Message | Moderation) -> None:
        task = asyncio.create_task(work, name=f"{type(thing).__name__} {thing.id}")
        self._tasks[task] = thing.channel_id
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a reply's outcome was not written down; its lease runs out", exc_info=error)
        self._wake.ring()

    async def _ring_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.ring()

    async def _end(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._place.pace.farewell)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
