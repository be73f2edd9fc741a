"""Waits and resolutions become late, and alerts are raised, at their time, whoever looks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses, retargeting
from inbox.automation import escalation
from inbox.promptness import agenda, alerts, episodes, notices, targets
from inbox.promptness.agenda import Agenda

log = structlog.get_logger()
SHORTEST = 0.05  # seconds: a wait that is due and locked is being answered, and asked for again
PORTION = 500  # of each sort, in one transaction
Step = Callable[[AsyncSession, datetime], Awaitable[int]]
STEPS: tuple[Step, ...] = (
    lambda session, now: targets.breach(session, now=now, limit=PORTION),
    lambda session, now: episodes.breach(session, now=now, limit=PORTION),
    lambda session, now: alerts.raise_due(session, now=now, limit=PORTION),
    lambda session, now: notices.come_back(session, now=now, limit=PORTION),
)


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
        todo = await agenda.read(session)
    now = place.clock()
    if todo.is_retargeted:
        async with place.database.transaction() as session:
            for workspace_id in await retargeting.take(session):
                await targets.settle_workspace(session, workspace_id, now=place.clock(), actor="system")
    await _portions(place, [step for at, step in zip(_moments(todo), STEPS, strict=True) if at is not None and at <= now])
    if todo.acts:
        await _act(place)
    if todo.acts or (todo.next is not None and todo.next <= now):
        return SHORTEST  # there may be more
    until = place.pace.look if todo.next is None else (todo.next - place.clock()).total_seconds()
    return min(max(until, SHORTEST), place.pace.look)


def _moments(todo: Agenda) -> tuple[datetime | None, ...]:
    """When the first of each of STEPS is due."""
    return todo.answer, todo.resolution, todo.alert, todo.snoozed


async def _portions(place: Place, steps: Sequence[Step]) -> None:
    """Take these steps until nothing is due any more, in one transaction for each portion."""
    done = PORTION if steps else 0
    while done >= PORTION:
        async with place.database.transaction() as session:
            now = place.clock()
            done = max([await step(session, now) for step in steps])


async def _act(place: Place) -> None:
    """One by one; a process that dies in between leaves it to the next look of any other."""
    async with place.database.transaction() as session:
        acting = await escalation.waiting(session)
    for alert_id in acting:
        async with place.database.transaction() as session:
            await escalation.act(session, alert_id, now=place.clock())
