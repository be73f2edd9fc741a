"""Feeds of holidays (iCalendar), read every day for the calendars that they belong to."""

import asyncio

import structlog

from connectors import http
from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses
from inbox.contract import ConnectorError
from inbox.errors import ParleyError
from inbox.promptness.agreements import almanac, sources
from inbox.promptness.agreements.sources import Due

log = structlog.get_logger()
AT_ONCE = 5
LONGEST = 60.0  # seconds for one feed
SLOW, STRANGE = "The feed did not answer in time.", "The feed cannot be understood: the server's log says why."


async def run(place: Place, stop: asyncio.Event) -> None:
    """Read what is due, until told to stop."""
    http.allow(place.settings.allow_private_networks)
    client = http.Client("The feed", limit=almanac.LARGEST)
    try:
        while not stop.is_set():
            try:
                await look(place, client)
            except FAILURES as error:
                log.warning("feeds of calendars could not be read", error=type(error).__name__)
            await pauses.happens(stop, place.pace.check)
    finally:
        await client.aclose()


async def look(place: Place, client: http.Client) -> int:
    """Read the feeds that are due, and write down what they say or why not; how many."""
    async with place.database.transaction() as session:
        due = await sources.claim(session, place.clock(), limit=AT_ONCE)
    for each in due:
        try:
            await _read(place, client, each)
        except (ConnectorError, ParleyError) as error:
            await _fail(place, each, str(error))
        except TimeoutError:
            await _fail(place, each, SLOW)
        except FAILURES:
            raise
        except Exception as error:  # of a library that reads what anybody wrote: channels and alerts must not end with it
            log.error("a feed of a calendar could not be understood", source=each.source.id, exc_info=error)
            await _fail(place, each, STRANGE)
    return len(due)


async def _read(place: Place, client: http.Client, due: Due) -> None:
    url = place.accounts.vault.decrypt(due.source.secret_url or "")
    async with asyncio.timeout(LONGEST):
        response = await client.follow(url)
    today = place.clock().astimezone(due.zone).date()
    days = await asyncio.to_thread(almanac.read, response.content, zone=due.zone, today=today, opens=due.source.opens)
    async with place.database.transaction() as session:
        changed = await sources.keep(session, due.source.id, days, now=place.clock())
    if changed:
        log.info("a feed of a calendar said something new", source=due.source.id)


async def _fail(place: Place, due: Due, error: str) -> None:
    log.info("a feed of a calendar could not be read", source=due.source.id)
    async with place.database.transaction() as session:
        await sources.fail(session, due.source.id, error, now=place.clock())
