"""Waits and resolutions become late, and alerts are raised, at their time, whoever looks."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses, retargeting
from inbox.conversations import escalation, hold
from inbox.promptness import alerts, episodes, notices, targets

log = structlog.get_logger()
SHORTEST = 0.05  # seconds: a wait that is due and locked is being answered, and asked for again


async def run(place: Place, stop: asyncio.Event) -> None:
    """Mark waits and episodes as late and raise alerts when their time comes, until told to stop."""
    while not stop.is_set():
        pause = place.pace.look
        try:
            pause = await _look(place)
            place.looked.set()
        except FAILURES as error:
            cause = getattr(error, "orig", None) or error
            log.warning("waits could not be marked as late", error=type(cause).__name__)
        await pauses.happens(stop, pause)


async def _look(place: Place) -> float:
    """Do what is due; returns the seconds until the next look. A look is never far: a new wait may be due sooner than all others."""
    async with place.database.transaction() as session:
        for workspace_id in await retargeting.take(session):
            await targets.settle_workspace(session, workspace_id, now=place.clock(), actor="system")
    await _portions(place, lambda session, now: targets.breach(session, now=now, limit=targets.PORTION), targets.PORTION)
    await _portions(place, lambda session, now: episodes.breach(session, now=now, limit=targets.PORTION), targets.PORTION)
    await _portions(place, _raise, alerts.PORTION)
    async with place.database.transaction() as session:
        is_held = await hold.since(session) is not None
        acting = [] if is_held else await escalation.waiting(session)
        await notices.come_back(session, now=place.clock())
        coming = [await targets.next_due(session), await episodes.next_due(session)]
        coming.append(None if is_held else await alerts.next_due(session))
    for alert_id in acting:  # one by one; a process that dies in between leaves it to the next look of any other
        async with place.database.transaction() as session:
            await escalation.act(session, alert_id, now=place.clock())
    until = min(((moment - place.clock()).total_seconds() for moment in coming if moment is not None), default=place.pace.look)
    return min(max(until, SHORTEST), place.pace.look)


async def _raise(session: AsyncSession, now: datetime) -> int:
    """A restored installation tells nobody anything; what was due then says afterwards that it comes late."""
    return 0 if await hold.since(session) is not None else await alerts.raise_due(session, now=now, limit=alerts.PORTION)


async def _portions(place: Place, step: Callable[[AsyncSession, datetime], Awaitable[int]], portion: int) -> None:
    done = portion
    while done >= portion:
        async with place.database.transaction() as session:
            done = await step(session, place.clock())
