"""The JSON API through the whole application, beside a bare Starlette route that dumps the very same body and asks nobody.

Both are counted in processor time of this process, since others use the machine too: the database's own time is in neither.
"""

import json
import statistics
import time
from datetime import UTC, datetime

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from api.app import create_app
from api.deps import House
from bench import pages
from bench.figures import Context, Row, at_least
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings
from inbox.team import rights, tokens

GOAL = 0.4
TIMES = 300


async def rows(context: Context) -> list[Row]:
    """Requests a second of processor time: a list of 25 conversations, and one conversation."""
    settings = Settings(home=context.home, secret_key=SecretStr("bench"), url="http://parley.bench")
    house = House(settings, context.database, open_vault(settings), Files(context.home))
    _, member, conversation = await pages.fill(context, 10_000)
    async with context.database.transaction() as session:
        access = rights.of(member)
        token = await tokens.create(session, access, name="bench", role=member.role, member_id=member.id, now=datetime.now(UTC))
    app = create_app(house)
    found: list[Row] = []
    for name, address in (
        ("JSON: a list of 25 conversations ÷ bare Starlette", "/api/v1/conversations?limit=25"),
        ("JSON: one conversation ÷ bare Starlette", f"/api/v1/conversations/{conversation}"),
    ):
        body = json.loads(await get(app, address, token))
        baseline, ours = await rate(bare(body), "/", token), await rate(app, address, token)
        found.append(at_least(name, ours, "requests/s of processor time", baseline, GOAL))
    return found


def bare(body: object) -> Starlette:
    async def answer(_request: Request) -> JSONResponse:
        return JSONResponse(body)

    return Starlette(routes=[Route("/", answer)])


async def rate(app: ASGIApp, address: str, token: str) -> float:
    """How many requests one second of processor time answers: by the median request."""
    taken: list[float] = []
    for number in range(TIMES + 20):
        began = time.process_time()
        await get(app, address, token)
        if number >= 20:  # the driver has prepared its statements
            taken.append(time.process_time() - began)
    return 1 / statistics.median(taken)


async def get(app: ASGIApp, address: str, token: str) -> bytes:
    """The body of an answer, asked for without any client around it."""
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "client": ("127.0.0.1", 1),
        "server": ("parley.bench", 80), "headers": [(b"host", b"parley.bench"), (b"authorization", f"Bearer {token}".encode())],
    }  # fmt: skip
    said: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise ValueError(f"{address} answered {message['status']}")
        said.append(message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(said)
