"""The host: channels stream into the inbox, replies leave it, timers fire. Any number of processes may run it at once."""

import asyncio
import os
import secrets
import socket
from contextlib import suppress

import psycopg
import structlog

from connectors.host import almanacs, breaches, forecasting, heartbeat, nights, streams, timers
from connectors.host import files as fetching
from connectors.host.accounts import Accounts
from connectors.host.delivery import Delivery, Wake
from connectors.host.pace import Pace
from connectors.host.place import Place
from inbox import pauses
from inbox.conversations import outbox
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import Vault
from inbox.settings import Settings

log = structlog.get_logger()


async def run(database: Database, vault: Vault, files: Files, settings: Settings, stop: asyncio.Event, *, pace: Pace | None = None) -> None:
    """Work until `stop` is set, then let go of everything within a few seconds."""
    owner = f"{socket.gethostname()[:24]}:{os.getpid()}:{secrets.token_hex(4)}"  # whole, it fits into the name of a connection
    place = Place(database, files, settings, Accounts(vault, settings, database), owner, pace or Pace())
    wake = Wake()
    listening = asyncio.create_task(_listen(place, wake))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(streams.run(place, stop))
            tasks.create_task(Delivery(place, wake).run(stop))
            tasks.create_task(timers.run(place, stop))
            tasks.create_task(breaches.run(place, stop))
            tasks.create_task(heartbeat.run(place, stop))
            tasks.create_task(fetching.run(place, stop))
            tasks.create_task(nights.run(place, stop))
            tasks.create_task(almanacs.run(place, stop))
            tasks.create_task(forecasting.run(place, stop))
    finally:
        await pauses.stop(listening)
        await place.accounts.close()


async def _listen(place: Place, wake: Wake) -> None:
    """Ring when something was committed. Only a hint: without it, every look finds the same."""
    name = f"{outbox.APPLICATION} {place.owner}"
    while True:
        with suppress(psycopg.Error, OSError):
            async with await place.database.listen() as connection:
                await connection.execute("SELECT set_config('application_name', %s, false)", (name,))
                wake.ring()
                async for _ in connection.notifies():
                    wake.ring()
        await asyncio.sleep(place.pace.look)
