"""Whether this process lives, whether it can work, and what monitoring wants to know."""

import asyncio
import ipaddress
import secrets
from contextlib import suppress

from fastapi import APIRouter, Request, Response, WebSocket
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from api import measures
from api.deps import House, HouseDep, NowDep, SessionDep
from inbox import vitals
from inbox.errors import NotFound, Unusable
from inbox.migrations import state
from inbox.migrations.state import State
from inbox.models import Installation

READY_SECONDS = 3.0  # a database that takes longer is not ready
FORWARDED = ("x-forwarded-for", "x-forwarded-host", "forwarded", "x-real-ip")

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz(request: Request, house: HouseDep) -> dict[str, str]:
    """The process lives. `installation` tells it from others; `scheme` and `client` are what a believed proxy says of the caller."""
    client = request.client.host if request.client else ""
    return {"status": "ok", "installation": installation(house), "scheme": request.url.scheme, "client": client}


@router.websocket("/healthz/socket")
async def socket(socket: WebSocket) -> None:
    """Says one word and ends: `parley doctor` asks whether websockets pass the proxy. Reaches no workspace and reads nothing."""
    await socket.accept()
    with suppress(RuntimeError):  # already gone
        await socket.send_text("ok")
        await socket.close()


@router.get("/readyz")
async def readyz(house: HouseDep) -> dict[str, str | bool]:
    """The database answers and is up to date. A held installation is ready: its page works, and says that it is held."""
    try:
        async with asyncio.timeout(READY_SECONDS), house.database.transaction() as session:
            found = await state.of(session)
            held = found is State.CURRENT and await session.scalar(select(col(Installation.held))) is True
    except (TimeoutError, SQLAlchemyError, OSError) as error:
        raise Unusable("The database does not answer.", code="database") from error
    if found is not State.CURRENT:
        raise Unusable("The database is {state}: run `parley migrate`.", code="not_migrated", state=found.value)
    return {"status": "ready", "held": held}


@router.get("/metrics")
async def metrics(request: Request, house: HouseDep, session: SessionDep, now: NowDep) -> Response:
    """Numbers in Prometheus' format, for this machine, or for whoever has the token of the settings."""
    if not may_monitor(request, house):
        raise NotFound("There is no such page.")
    body = measures.text(request.app.state.measures, await vitals.read(session, now=now))
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def installation(house: House) -> str:
    """A name of this installation that says nothing about it: whoever has it twice reached the same one."""
    return house.vault.sign("installation")[:12]


def may_monitor(request: Request, house: House) -> bool:
    """With a token set, only its bearer. Without one, only a program on this machine, and not through a proxy on it."""
    token = house.settings.metrics_token
    if token is not None:
        given = request.headers.get("authorization", "")
        return secrets.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode())
    if any(name in request.headers for name in FORWARDED) or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
