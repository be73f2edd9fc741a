"""A connector before the fake, and what its stream brings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from connectors.slack import Slack, people
from connectors.slack.config import SlackConfig
from inbox.contract import Batch, Event, Rejected
from tests.connectors.slack.fake import APP_TOKEN, SECRET, TOKEN, Workspace


@asynccontextmanager
async def connected(workspace: Workspace, **more: Any) -> AsyncIterator[Slack]:
    people._directories.clear()
    given = {"bot_token": TOKEN, "app_token": APP_TOKEN, "signing_secret": SECRET, "api_url": f"{workspace.address}/api", **more}
    slack = Slack(SlackConfig.model_validate(given))
    try:
        yield slack
    finally:
        await slack.aclose()


class Listener:
    """What a stream has brought, and the last place."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self.batches = batches
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []
        self.passed: list[str] = []
        self.gaps = 0
        self.cursor: str | None = None
        self.is_at_end = False

    async def until(self, told: Callable[[], Any]) -> list[Event]:
        async with asyncio.timeout(20):
            while not told():
                batch = await anext(self.batches)
                self.events += batch.events
                self.rejected += batch.rejected
                self.passed += batch.passed_over
                self.gaps += batch.gap
                self.cursor = batch.cursor or self.cursor
                self.is_at_end = bool(batch.cursor) and not batch.events
        return self.events

    async def looked(self) -> list[Event]:
        """To the end of a look: it moves the place and brings nothing."""
        self.is_at_end = False
        return await self.until(lambda: self.is_at_end)

    async def texts(self, count: int) -> list[str]:
        await self.until(lambda: len(self.events) >= count)
        return [event.text for event in self.events]
