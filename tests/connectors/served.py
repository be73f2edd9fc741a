"""A platform's fake on a port of this machine: what is asked of it is noted, and it can be told to fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.served import listening

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
    application = Starlette(routes=[Route("/{path:path}", fake.answer, methods=methods)])
    async with listening(application) as fake.address:
        yield fake.address
