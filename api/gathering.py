"""Webhooks that arrive together are stored together: one transaction for all that wait, each answered only after its commit."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psycopg
import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.deps import House
from inbox.contract import Batch, Event, Rejected
from inbox.conversations import receive
from inbox.models import Channel

log = structlog.get_logger()
MOMENT = 0.002  # seconds that the first one waits for others; while a commit runs, the next ones gather by themselves
PORTION = 200  # requests in one transaction
DATABASE_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError, OSError)


@dataclass(slots=True)
class Waiting:
    """One request: what it brings, by account ("" is the channel itself), and the promise that its sender waits for."""

    batches: Mapping[str, Batch]
    stored: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering:
    """The requests of one process that wait to be stored, for each channel."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._waiting: dict[int, list[Waiting]] = defaultdict(list)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def store(self, channel_id: int, batches: Mapping[str, Batch]) -> None:
        """Return once everything is committed; raise when it is not."""
        if not any(batch.events or batch.rejected or batch.passed_over for batch in batches.values()):
            return
        waiting = Waiting(batches)
        self._waiting[channel_id].append(waiting)
        if channel_id not in self._tasks:
            self._tasks[channel_id] = asyncio.create_task(self._drain(channel_id))
        await asyncio.shield(waiting.stored)  # the sender may hang up; the others still wait

    async def close(self) -> None:
        """Store what still waits."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _drain(self, channel_id: int) -> None:
        try:
            await asyncio.sleep(MOMENT)
            while together := self._waiting[channel_id][:PORTION]:
                del self._waiting[channel_id][:PORTION]
                await self._store(channel_id, together)
        finally:
            del self._tasks[channel_id]
            for left in self._waiting.pop(channel_id, []):
                _settle(left, ConnectionError("the process ends"))

    async def _store(self, channel_id: int, together: Sequence[Waiting]) -> None:
        """One transaction for all; when it fails, one for each, so that a poisoned request fails alone."""
        try:
            async with self._house.database.transaction() as session:
                await self._take_in(session, channel_id, together)
        except Exception as error:  # whatever it was: these requests are not stored, and their senders are told
            if len(together) == 1 or isinstance(error, DATABASE_AWAY):
                log.warning("webhooks were not stored", channel=channel_id, requests=len(together), error=type(error).__name__)
                for waiting in together:
                    _settle(waiting, error)
                return
            for waiting in together:
                await self._store(channel_id, [waiting])
        else:
            for waiting in together:
                _settle(waiting, None)

    async def _take_in(self, session: AsyncSession, channel_id: int, together: Sequence[Waiting]) -> None:
        channel = await session.get_one(Channel, channel_id)
        now = self._house.clock()
        for target, batch in await _by_channel(session, channel, together):
            await receive.receive(session, target, batch, now=now, move_cursor=False, files=self._house.files)


async def _by_channel(session: AsyncSession, channel: Channel, together: Sequence[Waiting]) -> list[tuple[Channel, Batch]]:
    """What came, for each channel, in the order of their ids. What names an account that is not connected is kept as unreadable."""
    accounts = {account for waiting in together for account in waiting.batches if account}
    others: dict[str, Channel] = {}
    if accounts:
        known = select(Channel).where(
            col(Channel.workspace_id) == channel.workspace_id,
            col(Channel.platform) == channel.platform,
            col(Channel.account_id).in_(accounts),
            col(Channel.removed_at).is_(None),
        )
        others = {found.account_id: found for found in await session.scalars(known)}
    gathered: dict[int, tuple[Channel, list[Event], list[Rejected], Counter[str]]] = {}
    for waiting in together:
        for account, batch in waiting.batches.items():
            target = others.get(account) or channel
            _, events, rejected, passed_over = gathered.setdefault(target.id, (target, [], [], Counter()))
            rejected.extend(batch.rejected)
            passed_over.update(batch.passed_over)
            if account and account not in others:
                rejected.extend(Rejected(repr(event.raw).encode(), "It is for an account that is not connected.") for event in batch.events)
            else:
                events.extend(batch.events)
    return [
        (target, Batch(events, rejected=rejected, passed_over=passed_over))
        for _, (target, events, rejected, passed_over) in sorted(gathered.items())
    ]


def _settle(waiting: Waiting, error: Exception | None) -> None:
    if waiting.stored.done():
        return
    if error is None:
        waiting.stored.set_result(None)
    else:
        waiting.stored.set_exception(error)
        waiting.stored.exception()  # looked at: a sender who hung up leaves no complaint behind
