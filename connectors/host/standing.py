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
        self._told: set[str] = set()
        self._kept: dict[str, Any] = {name: getattr(channel, name) for name in asdict(Standing())}
        self._looking = asyncio.Lock()  # after a batch, and by itself
        self._next = float("-inf")  # when to store again, by the loop's clock

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while self._connector is not None:
            await self.look()
            await asyncio.sleep(self._place.pace.standing)

    async def look(self, *, last: bool = False) -> None:
        """Store what has changed. A quota changes with every request: within `pace.standing` it is stored once, and at the `last` look."""
        async with self._looking:
            changed = self._look()
            if changed and (last or asyncio.get_running_loop().time() >= self._next):
                await self._store(changed)

    def _look(self) -> dict[str, Any]:
        """What differs from what is kept, of what this connection has told at some time."""
        if self._connector is None:
            return {}
        try:
            found = asdict(self._connector.standing)
        except Exception as error:  # a connector may be anybody's code
            log.warning("a connector cannot tell its standing", channel=self._lease.channel_id, error=type(error).__name__)
            return {}
        self._told |= {name for name, value in found.items() if value is not None}
        return {name: found[name] for name in self._told if found[name] != self._kept[name]}

    async def _store(self, changed: dict[str, Any]) -> None:
        try:
            async with self._place.database.transaction() as session:
                await standings.store(session, self._lease.channel_id, changed, fence=self._lease.fence)
        except (SQLAlchemyError, psycopg.Error) as error:
            log.warning("a channel's standing was not stored", channel=self._lease.channel_id, error=type(error).__name__)
            return
        self._kept |= changed
        self._next = asyncio.get_running_loop().time() + self._place.pace.standing
