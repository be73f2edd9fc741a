"""What is due by itself: snoozed conversations, and things to forget."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.place import Place
from inbox import pauses
from inbox.conversations import erasing, silence, standings, timers
from inbox.promptness import notices, troubles

log = structlog.get_logger()
KEPT = timedelta(days=1)  # a file that nothing names
FAILURES = (SQLAlchemyError, psycopg.Error, OSError)
UNREMOVED = "what is past its time could not be removed"
UNSEEN = "channels could not be looked through"
Step = Callable[[AsyncSession, datetime], Awaitable[int]]


async def run(place: Place, stop: asyncio.Event) -> None:
    """Wake conversations at their time, and tidy now and then, until told to stop."""
    tidied = swept = overseen = float("-inf")
    while not stop.is_set():
        pause = place.pace.look
        try:
            pause = await _wake(place)
        except FAILURES as error:
            _tell("conversations could not be woken", error)
        if asyncio.get_running_loop().time() - tidied > place.pace.tidy:
            tidied = asyncio.get_running_loop().time()
            await _tidy(place)
        if asyncio.get_running_loop().time() - overseen > place.pace.oversee:
            overseen = asyncio.get_running_loop().time()
            await _attempt("channels that are silent, or whose credentials end", _oversee(place), sentence=UNSEEN)
        if asyncio.get_running_loop().time() - swept > place.pace.sweep:
            swept = asyncio.get_running_loop().time()
            await _attempt("files of nothing", _sweep(place))
        await pauses.happens(stop, pause)


async def _wake(place: Place) -> float:
    """Wake what is due; returns the seconds until the next look."""
    try:
        async with place.database.transaction() as session:
            await timers.wake_snoozed(session, place.clock())
    except (DBAPIError, psycopg.Error) as error:
        if _is_lost(error):
            raise
        await _wake_each(place)
    async with place.database.transaction() as session:
        now = place.clock()
        coming = await timers.next_snoozed(session, now)
    until = (coming - now).total_seconds() if coming else place.pace.look
    return min(max(until, 0.05), place.pace.look)


async def _wake_each(place: Place) -> None:
    """One by one: a conversation that cannot be changed keeps nobody else asleep."""
    async with place.database.transaction() as session:
        due = await timers.due_to_wake(session, place.clock())
    for number in due:
        try:
            async with place.database.transaction() as session:
                await timers.wake_snoozed(session, place.clock(), only=number)
        except (DBAPIError, psycopg.Error) as error:
            if _is_lost(error):
                raise
            _tell("a conversation could not be woken", error, conversation=number)


async def _tidy(place: Place) -> None:
    """Forget what is old, each kind by itself: one that fails costs no other."""
    days = place.settings
    await _attempt("presence and tries", _expire(place))
    await _attempt("raw payloads", _in_portions(place, lambda session, now: timers.forget_raw(session, now, days=days.raw_days)))
    await _attempt("deleted messages", _in_portions(place, lambda session, now: timers.purge_deleted(session, now, days=days.deleted_days)))
    await _attempt("alerts", _in_portions(place, notices.forget))
    await _attempt("the log", _in_portions(place, lambda session, now: timers.shorten_log(session, now, days=days.event_days)))


async def _expire(place: Place) -> None:
    async with place.database.transaction() as session:
        await timers.expire(session, place.clock())


async def _attempt(what: str, step: Awaitable[None], *, sentence: str = UNREMOVED) -> None:
    try:
        await step
    except FAILURES as error:
        _tell(sentence, error, what=what)


async def _oversee(place: Place) -> None:
    async with place.database.transaction() as session:
        await silence.note(session, place.clock())
    async with place.database.transaction() as session:
        await standings.warn(session, place.clock())
        await silence.look(session, place.clock())
    disk = await asyncio.to_thread(shutil.disk_usage, place.settings.home)
    async with place.database.transaction() as session:
        await troubles.look(session, free=disk.free / disk.total, backup_days=place.settings.backup_days, now=place.clock())


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


def _is_lost(error: Exception) -> bool:
    """Whether the connection is at fault, and no row."""
    return error.connection_invalidated if isinstance(error, DBAPIError) else isinstance(error, psycopg.OperationalError)


def _tell(sentence: str, error: Exception, **which: object) -> None:
    cause = getattr(error, "orig", None) or error  # the driver's error says more than SQLAlchemy's name for it
    log.warning(sentence, error=type(cause).__name__, **which)
