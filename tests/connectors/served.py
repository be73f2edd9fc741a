"""A platform's fake on a port of this machine: what is asked of it is noted, and it can be told to fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]


@dataclass
class Fake:
    """`requests`: "GET /path" of everything asked. `trouble`: answers to give instead, by "GET /path", one after the other."""

    requests: list[str] = field(default_factory=list[str])
    trouble: dict[str, list[Response]] = field(default_factory=dict[str, list[Response]])
    address: str = ""

    async def answer(self, request: Request) -> Response:
        asked = f"{request.method} {request.url.path}"
        self.requests.append(asked)
        if self.trouble.get(asked):
            return self.trouble[asked].pop(0)
        return await self.respond(request)

    async def respond(self, request: Request) -> Response:
        raise NotImplementedError


def told(content: Any, status: int = 200, **headers: str) -> Response:
    return JSONResponse(content, status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@asynccontextmanager
async def serving(fake: Fake) -> AsyncIterator[str]:
    """The address of this server."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    given: dict[str, Any] = {"lifespan": "off", "ws": "none", "log_level": "critical", "timeout_graceful_shutdown": 1}
    application = Starlette(routes=[Route("/{path:path}", fake.answer, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=0, **given))
    server.capture_signals = nullcontext  # the signals belong to the test run
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells by this flag only
        await asyncio.sleep(0.005)
    try:
        fake.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield fake.address
    finally:
        server.should_exit = True
        await running
