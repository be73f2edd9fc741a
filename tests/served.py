"""Applications on a port of this machine: the fakes of platforms, and Parley itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """Uvicorn without its look at the clock ten times a second: it ends when it is told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self.capture_signals = nullcontext  # the signals belong to the test run

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.began.set()
        await self.ended.wait()


@asynccontextmanager
async def listening(app: Any, *, port: int = 0, **settings: Any) -> AsyncIterator[str]:
    """The address of an ASGI application; requests that are still answered when it ends have a second for it."""
    given: dict[str, Any] = {"lifespan": "off", "ws": "none", "log_level": "critical", "timeout_graceful_shutdown": 1}
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=port, **given | settings))
    running, began = asyncio.create_task(server.serve()), asyncio.create_task(server.began.wait())
    await asyncio.wait([running, began], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        began.cancel()
        await running  # a port that is taken, say
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.ended.set()
        await running
