"""emulate, somebody else's imitation of Slack and GitHub, on this machine only.

It stands behind a door of ours, which adds what it lacks, can lose an answer on its way, and takes in what it pushes.
"""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers.programs import node

Json = dict[str, Any]
Adds = Callable[[httpx.AsyncClient, Request, bytes], Awaitable[Response | None]]
KEPT = {"content-type", "x-github-request-id", "etag", "link", "x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"}


@dataclass
class Emulated:
    """One service. `pushed`: what it has called our hook with, headers and body; `lost`: paths whose next answer never arrives."""

    service: str
    seed: Json
    adds: Adds | None = None
    port: int = 0
    door: int = 0
    pushed: asyncio.Queue[tuple[dict[str, str], bytes]] = field(default_factory=asyncio.Queue)
    lost: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.door}"

    async def start(self) -> None:
        self.process = self._launch()
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{self.port}/")
                except httpx.HTTPError:
                    assert self.process.poll() is None, "emulate ended"
                    await asyncio.sleep(0.1)
                else:
                    return

    def _launch(self) -> subprocess.Popen[bytes]:
        program, modules = node("emulate")
        settings = {"service": self.service, "port": self.port, "base": self.address, "seed": self.seed}
        settings["hook"] = f"{self.address}/hook" if self.service == "slack" else ""
        script = __file__.removesuffix(".py") + ".mjs"
        return subprocess.Popen([program, script, str(modules), json.dumps(settings)], stdout=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    async def hook(self, request: Request) -> Response:
        await self.pushed.put((dict(request.headers), await request.body()))
        return Response("ok")

    async def pass_on(self, request: Request) -> Response:
        body, path = await request.body(), request.url.path
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30) as client:
            added = await self.adds(client, request, body) if self.adds else None
            if added is not None:
                return added
            headers = {name: value for name, value in request.headers.items() if name not in {"content-length", "connection"}}
            try:
                answer = await client.request(request.method, path, params=request.query_params, content=body, headers=headers)
            except httpx.HTTPError:
                return Response("nobody there", 503)
        if path in self.lost:
            self.lost.remove(path)
            return Response("lost on its way", 502)
        return Response(answer.content, answer.status_code, {name: value for name, value in answer.headers.items() if name in KEPT})


@asynccontextmanager
async def running(service: str, seed: Json, adds: Adds | None = None) -> AsyncIterator[Emulated]:
    emulated = Emulated(service, seed, adds)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [Route("/hook", emulated.hook, methods=["POST"]), Route("/{path:path}", emulated.pass_on, methods=methods)]
    given: dict[str, Any] = {"lifespan": "off", "ws": "none", "log_level": "critical", "timeout_graceful_shutdown": 1}
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=0, **given))
    server.capture_signals = nullcontext  # the signals belong to the test run
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells by this flag only
        await asyncio.sleep(0.01)
    emulated.door = server.servers[0].sockets[0].getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        emulated.port = int(free.getsockname()[1])
    try:
        await emulated.start()
        yield emulated
    finally:
        emulated.stop()
        server.should_exit = True
        await serving
