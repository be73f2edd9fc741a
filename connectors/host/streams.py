"""Which channels this process reads: leases taken, kept and let go, and one task for each channel."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.host import reading
from connectors.host.accounts import PATIENCE
from connectors.host.place import Place
from inbox import pauses
from inbox.conversations import leases, outbox
from inbox.conversations.leases import Lease

log = structlog.get_logger()
HOSTS = text(
    "SELECT count(DISTINCT application_name) FROM pg_stat_activity WHERE application_name LIKE :name AND datname = current_database()"
)


@dataclass(slots=True)
class Reading:
    """A channel that is being read."""

    lease: Lease
    task: asyncio.Task[None]


async def run(place: Place, stop: asyncio.Event) -> None:
    """Read this process's share of the channels until told to stop."""
    readings: dict[int, Reading] = {}
    try:
        while not stop.is_set():
            try:
                await _look(place, readings)
            except (SQLAlchemyError, psycopg.Error, OSError) as error:  # fences keep what is read meanwhile from harm
                log.warning("the database does not answer", error=type(error).__name__)
            await pauses.happens(stop, place.pace.look)
    finally:
        await _leave(place, readings, list(readings))


async def _look(place: Place, readings: dict[int, Reading]) -> None:
    """Keep what is ours, end what is not any more, give away what is too much, take what is free."""
    pace = place.pace
    over = [channel_id for channel_id, reading in readings.items() if reading.task.done()]
    await _leave(place, readings, over)
    async with place.database.transaction() as session:
        kept = {
            lease.channel_id: lease for lease in await leases.renew(session, owner=place.owner, seconds=pace.channel_lease, ids=readings)
        }
        hosts = await session.scalar(HOSTS, {"name": f"{outbox.APPLICATION} %"}) or 1
        share = ceil(await leases.count(session) / max(hosts, 1))
    changed = [channel_id for channel_id, reading in readings.items() if kept.get(channel_id) != reading.lease]
    surplus = [channel_id for channel_id in readings if channel_id not in changed][share:]
    await _leave(place, readings, changed + surplus)
    if len(readings) < share:
        async with place.database.transaction() as session:
            taken = await leases.take(session, owner=place.owner, seconds=pace.channel_lease, limit=share - len(readings))
        _begin(place, readings, taken)


def _begin(place: Place, readings: dict[int, Reading], taken: Sequence[Lease]) -> None:
    for lease in taken:
        task = asyncio.create_task(reading.read(place, lease), name=f"channel {lease.channel_id}")
        readings[lease.channel_id] = Reading(lease, task)


async def _leave(place: Place, readings: dict[int, Reading], ids: list[int]) -> None:
    """End these tasks and let their channels go; what was not committed comes again to whoever takes them."""
    if not ids:
        return
    tasks = [readings.pop(channel_id).task for channel_id in ids]
    for task in tasks:
        task.cancel()
    ended, late = await asyncio.wait(tasks, timeout=2 * PATIENCE)  # whoever does not end keeps nobody waiting: its fence is old
    for task in ended:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reading a channel ended unexpectedly", error=type(error).__name__)
    for task in late:
        log.error("reading a channel does not end", task=task.get_name())
    try:
        async with place.database.transaction() as session:
            await leases.release(session, owner=place.owner, ids=ids)
    except (SQLAlchemyError, psycopg.Error, OSError):
        log.warning("leases could not be released; they run out")
