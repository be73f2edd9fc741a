"""What is due by itself: snoozed conversations, and things to forget."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.place import Place
from inbox import pauses
from inbox.conversations import erasing, timers

log = structlog.get_logger()
KEPT = timedelta(days=1)  # a file that nothing names
Step = Callable[[AsyncSession, datetime], Awaitable[int]]


async def run(place: Place, stop: asyncio.Event) -> None:
    """Wake conversations at their time, and tidy now and then, until told to stop."""
    tidied = swept = float("-inf")
    while not stop.is_set():
        pause = place.pace.look
        try:
            pause = await _wake(place)
            if asyncio.get_running_loop().time() - tidied > place.pace.tidy:
                tidied = asyncio.get_running_loop().time()
                await _tidy(place)
            if asyncio.get_running_loop().time() - swept > place.pace.sweep:
                swept = asyncio.get_running_loop().time()
                await _sweep(place)
        except (SQLAlchemyError, psycopg.Error, OSError) as error:
            log.warning("the database does not answer", error=type(error).__name__)
        await pauses.happens(stop, pause)


async def _wake(place: Place) -> float:
    """Wake what is due; returns the seconds until the next look."""
    async with place.database.transaction() as session:
        await timers.wake_snoozed(session, place.clock())
        coming = await timers.next_snoozed(session)
    until = (coming - place.clock()).total_seconds() if coming else place.pace.look
    return min(max(until, 0.05), place.pace.look)


async def _tidy(place: Place) -> None:
    async with place.database.transaction() as session:
        await timers.expire(session, place.clock())
    await _in_portions(place, lambda session, now: timers.forget_raw(session, now, days=place.settings.raw_days))
    await _in_portions(place, lambda session, now: timers.shorten_log(session, now, days=place.settings.event_days))


async def _sweep(place: Place) -> None:
    """Remove files that no attachment names. A new one may belong to a transaction that has not committed yet: it stays for a day."""
    before = (place.clock() - KEPT).timestamp()
    old = await asyncio.to_thread(place.files.unused, before)
    names = sorted(old)
    for start in range(0, len(names), timers.PORTION):
        async with place.database.transaction() as session:
            unnamed = await erasing.unnamed(session, names[start : start + timers.PORTION])
        await asyncio.to_thread(place.files.sweep, [old[name] for name in unnamed], before)


async def _in_portions(place: Place, step: Step) -> None:
    done = timers.PORTION
    while done >= timers.PORTION:
        async with place.database.transaction() as session:
            done = await step(session, place.clock())
