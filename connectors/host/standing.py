"""What a connector knows of its account's standing: read after each batch and while the host waits, stored when it changes."""

import asyncio
from dataclasses import asdict
from typing import Any

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.host.place import Place
from inbox.contract import Connector, Standing, TellsStanding
from inbox.conversations import standings
from inbox.conversations.leases import Lease
from inbox.models import Channel

log = structlog.get_logger()


class Watch:
    """The standing of one connection. What it has never told leaves what is known as it is."""

    def __init__(self, place: Place, lease: Lease, channel: Channel, connector: Connector) -> None:
        self._place = place
        self._lease = lease
        self._connector = connector if isinstance(connector, TellsStanding) else None
        self._told = Standing()
        self._kept = {name: getattr(channel, name) for name in asdict(self._told)}
        self._next = float("-inf")  # when to store again, by the loop's clock

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while self._connector is not None:
            await self.look()
            await asyncio.sleep(self._place.pace.standing)

    async def look(self, *, last: bool = False) -> None:
        """Store what has changed. A quota changes with every request: within `pace.standing` it is stored once, and at the `last` look."""
        if self._connector is None:
            return
        try:
            found = self._connector.standing
            changed = self._changed(found)
        except Exception as error:  # a connector may be anybody's code
            log.warning("a connector cannot tell its standing", channel=self._lease.channel_id, error=type(error).__name__)
            return
        time = asyncio.get_running_loop().time()
        if not changed or (time < self._next and not last):
            return
        try:
            async with self._place.database.transaction() as session:
                await standings.store(session, self._lease.channel_id, changed, fence=self._lease.fence)
        except (SQLAlchemyError, psycopg.Error) as error:
            log.warning("a channel's standing was not stored", channel=self._lease.channel_id, error=type(error).__name__)
            return
        self._kept |= changed
        self._told, self._next = found, time + self._place.pace.standing

    def _changed(self, found: Standing) -> dict[str, Any]:
        """What is told anew and differs from what is kept."""
        told = asdict(self._told)
        return {name: value for name, value in asdict(found).items() if value != told[name] and value != self._kept[name]}
