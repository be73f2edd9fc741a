"""Waits and resolutions become late at their due time, whoever looks."""

import asyncio

import structlog

from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses
from inbox.promptness import episodes, targets

log = structlog.get_logger()
SHORTEST = 0.05  # seconds: a wait that is due and locked is being answered, and asked for again


async def run(place: Place, stop: asyncio.Event) -> None:
    """Mark waits and episodes as late when they become so, until told to stop."""
    while not stop.is_set():
        pause = place.pace.look
        try:
            pause = await _mark(place)
        except FAILURES as error:
            cause = getattr(error, "orig", None) or error
            log.warning("waits could not be marked as late", error=type(cause).__name__)
        await pauses.happens(stop, pause)


async def _mark(place: Place) -> float:
    """Mark what is due; returns the seconds until the next look. A look is never far: a new wait may be due sooner than all others."""
    marked = targets.PORTION
    while marked >= targets.PORTION:
        async with place.database.transaction() as session:
            now = place.clock()
            marked = max([await late(session, now=now, limit=targets.PORTION) for late in (targets.breach, episodes.breach)])
    async with place.database.transaction() as session:
        coming = min((at for at in (await targets.next_due(session), await episodes.next_due(session)) if at), default=None)
    until = (coming - place.clock()).total_seconds() if coming else place.pace.look
    return min(max(until, SHORTEST), place.pace.look)
