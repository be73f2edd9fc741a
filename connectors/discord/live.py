"""A connection's whole life: begin or resume a session, catch up where it has to begin, then tell what comes."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from time import monotonic
from typing import Any, cast

from connectors.discord.api import Api
from connectors.discord.catchup import Catcher
from connectors.discord.gateway import Connection, Dispatch, Session
from connectors.discord.place import Place
from connectors.discord.reading import Pieces, Reader
from connectors.discord.world import World
from inbox.contract import Batch, Transient

AT_ONCE = 100  # events in one batch
ARRIVING = 10.0  # seconds to wait for the next of the bot's servers
STEADY = 30.0  # seconds that a connection has to last to count as one that works
SHORTEST, LONGEST = 1.0, 30.0  # seconds before the next connection when the last ones did not
MOST_TRIES = 5  # of them, until it is a failure


class Live:
    """What stays while connections come and go."""

    def __init__(self, api: Api, world: World, place: Place, history: int) -> None:
        self.place, self._world = place, world
        self._reader = Reader(world, place)
        self._catcher = Catcher(api, self._reader, history)
        self._in_vain, self._began = 0, monotonic()

    async def batches(self, connection: Connection) -> AsyncGenerator[Batch]:
        """Everything that one connection brings."""
        first = [await connection.next()]
        if self.place.session is None:
            session = _session(first[0])
            held, number = await self._arrive(connection, first[0])
            async with aclosing(self._catcher.all()) as batches:
                async for batch in batches:  # the cursor names no session yet: whoever starts again here catches up again
                    yield batch
            self.place.session = replace(session, number=number)
            yield Batch(cursor=str(self.place))
            first = held
        while True:
            async with aclosing(self._tell(first)) as batches:
                async for batch in batches:
                    yield batch
            first = [await connection.next(), *connection.more(AT_ONCE - 1)]

    async def pause(self) -> None:
        """Before the next connection: none after one that worked for a while, more and more after those that did not."""
        self._in_vain = 1 if monotonic() - self._began > STEADY else self._in_vain + 1
        if self._in_vain > MOST_TRIES:
            self._in_vain = 0
            raise Transient("Discord's gateway ends every connection.")
        if self._in_vain > 1:
            await asyncio.sleep(min(LONGEST, SHORTEST * 2**self._in_vain) * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
        self._began = monotonic()

    async def _arrive(self, connection: Connection, ready: Dispatch) -> tuple[list[Dispatch], int]:
        """Wait until the bot's servers are told of. What is said meanwhile is kept for later, with the number of the event before it."""
        held: list[Dispatch] = []
        number = ready.number or 0
        guilds = cast("list[Any]", _dict(ready.data).get("guilds") or [])
        waiting = {str(_dict(guild).get("id")) for guild in guilds}
        while waiting:
            try:
                async with asyncio.timeout(ARRIVING):
                    dispatch = await connection.next()
            except TimeoutError:  # a server that is down is told of when it is back
                break
            if dispatch.kind in {"GUILD_CREATE", "GUILD_DELETE"}:
                waiting.discard(str(_dict(dispatch.data).get("id")))
                await self._reader.take(dispatch, Pieces())
            else:
                held.append(dispatch)
            if not held:
                number = dispatch.number or number
        return held, number

    async def _tell(self, dispatches: list[Dispatch]) -> AsyncGenerator[Batch]:
        """Events as one batch; before it, what was said in servers that we have just come to, or that have come back."""
        pieces = Pieces()
        for dispatch in dispatches:
            if dispatch.kind == "GUILD_CREATE":
                if pieces:  # stored first: the cursors of what follows say that they were
                    yield pieces.batch(self.place)
                    pieces = Pieces()
                async with aclosing(self._came(dispatch)) as batches:
                    async for batch in batches:
                        yield batch
            await self._reader.take(dispatch, pieces)
        self.place.advance()
        if pieces:
            yield pieces.batch(self.place)

    async def _came(self, dispatch: Dispatch) -> AsyncGenerator[Batch]:
        await self._reader.take(Dispatch(dispatch.kind, dispatch.data), Pieces())
        guild = self._world.guilds.get(str(_dict(dispatch.data).get("id")))
        if guild is not None:
            async with aclosing(self._catcher.guild(guild)) as batches:
                async for batch in batches:
                    yield batch


def _session(ready: Dispatch) -> Session:
    """https://docs.discord.com/developers/events/gateway-events#ready"""
    told = _dict(ready.data)
    if ready.kind != "READY" or not told.get("session_id"):
        raise Transient("Discord's gateway begins with something that is not what its documents say.")
    return Session(str(told["session_id"]), str(told.get("resume_gateway_url") or ""), ready.number or 0)


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
