"""Says that this installation lives: an address is asked for every minute while the timer of alerts works, and misses it else."""

import asyncio

import structlog

from connectors import http
from connectors.host.place import Place
from inbox import pauses
from inbox.contract import ConnectorError

MINUTE = 60.0
log = structlog.get_logger()


async def run(place: Place, stop: asyncio.Event) -> None:
    """Ask for the address until told to stop; never while the timer stands still."""
    if not place.settings.heartbeat_url:
        return
    client = http.Client("The heartbeat's address")
    try:
        while not stop.is_set():
            if await pauses.happens(place.looked, MINUTE) and not stop.is_set():
                place.looked.clear()
                await _beat(client, place.settings.heartbeat_url)
            await pauses.happens(stop, MINUTE)
    finally:
        await client.aclose()


async def _beat(client: http.Client, url: str) -> None:
    try:
        await client.fetch("GET", url)
    except ConnectorError as error:
        log.warning("the heartbeat could not be told", error=str(error))
