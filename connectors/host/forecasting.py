"""Breach forecasts are fitted anew each day, by one process each."""

import asyncio

import structlog

from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses
from inbox.promptness import forecasts

log = structlog.get_logger()


async def run(place: Place, stop: asyncio.Event) -> None:
    """Fit what is due, until told to stop."""
    while not stop.is_set():
        try:
            await fit_due(place)
        except FAILURES as error:
            cause = getattr(error, "orig", None) or error
            log.warning("breach forecasts could not be fitted", error=type(cause).__name__)
        await pauses.happens(stop, place.pace.oversee)


async def fit_due(place: Place) -> None:
    """Fit the forecasts that no process has fitted within a day; one that fails costs no other."""
    async with place.database.transaction() as session:
        claimed = await forecasts.claim(session, now=place.clock())
    for workspace_id in claimed:
        try:
            async with place.database.transaction() as session:
                fitted = await forecasts.fit(session, workspace_id, now=place.clock())
                await forecasts.keep(session, workspace_id, fitted, now=place.clock())
        except FAILURES:
            raise
        except Exception as error:  # tried again in an hour
            log.error("a breach forecast could not be fitted", workspace=workspace_id, exc_info=error)
