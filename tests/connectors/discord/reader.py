"""A connector that reads a fake Discord in the background, and what it has read."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from connectors.discord import Discord as Connector
from connectors.discord.config import DiscordConfig
from inbox.contract import Batch, Event
from tests.connectors.discord.fake import TOKEN, Discord


class Reading:
    """Batches as they come; every one is acknowledged at once."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.batches: list[Batch] = []
        self.failed: BaseException | None = None
        self._changed = asyncio.Condition()

    @property
    def events(self) -> list[Event]:
        return [event for batch in self.batches for event in batch.events]

    @property
    def texts(self) -> list[str]:
        return [event.text for event in self.events]

    @property
    def passed(self) -> Counter[str]:
        return sum((Counter(batch.passed_over) for batch in self.batches), Counter[str]())

    @property
    def cursor(self) -> str | None:
        return next((batch.cursor for batch in reversed(self.batches) if batch.cursor is not None), None)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: condition() or self.failed)
        if self.failed is not None:
            raise self.failed

    async def text(self, *texts: str) -> list[Event]:
        """Wait for these words; returns all events."""
        await self.until(lambda: set(texts) <= set(self.texts))
        return self.events

    async def run(self, cursor: str | None) -> None:
        try:
            async with aclosing(self.connector.stream(cursor)) as batches:  # pyright: ignore
                async for batch in batches:
                    await self._note(batch)
        except Exception as error:
            self.failed = error
            async with self._changed:
                self._changed.notify_all()

    async def _note(self, batch: Batch) -> None:
        async with self._changed:
            self.batches.append(batch)
            self._changed.notify_all()


def a_connector(discord: Discord, **config: Any) -> Connector:
    return Connector(DiscordConfig.model_validate({"token": TOKEN, "api_url": discord.address, **config}))


@asynccontextmanager
async def reading(discord: Discord, cursor: str | None = None, *, ready: bool = True, **config: Any) -> AsyncIterator[Reading]:
    """Read from the cursor on; `ready`: wait until a session that is new is there."""
    found = Reading(a_connector(discord, **config))
    running = asyncio.create_task(found.run(cursor))
    try:
        resumes = cursor is not None and any(f'"session":["{name}"' in cursor for name in discord.gateway.sessions)
        if ready and not resumes:
            await found.until(lambda: found.cursor and '"session":[' in found.cursor)
        yield found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await found.connector.aclose()
