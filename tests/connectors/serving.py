"""A fake platform on a port of this machine: any function from a request to an answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.served import listening

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@asynccontextmanager
async def serving(answer: Callable[[Request], Awaitable[Response]]) -> AsyncIterator[str]:
    """The address at which this answers every request."""
    app = Starlette(routes=[Route("/{path:path}", answer, methods=METHODS)])
    async with listening(app) as address:
        yield address
