"""Where platforms call us: one address for each channel, `/hooks/{key}`."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.requests import HTTPConnection
from sqlalchemy import exists, select
from sqlmodel import col
from starlette.requests import ClientDisconnect

from api import problems
from api.deps import House, HouseDep
from api.gathering import Gathering
from connectors.host.accounts import Accounts
from inbox import contract
from inbox.contract import AcceptsWebhooks, Batch, Permanent, Refused, Rejected
from inbox.errors import NotFound, TooLarge
from inbox.models import Channel, Installation

router = APIRouter()
log = structlog.get_logger()
REMEMBERED = 1.0  # seconds that a channel is known before it is looked up again
METHODS = ["GET", "HEAD", "POST", "PUT"]


@dataclass(slots=True)
class Doorway:
    """What the webhooks of one process share."""

    house: House
    accounts: Accounts
    gathering: Gathering
    channels: dict[str, tuple[float, Channel]] = field(default_factory=dict[str, tuple[float, Channel]])
    looking: dict[str, asyncio.Task[tuple[Channel | None, bool]]] = field(default_factory=dict)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[None]:
    """The doorway lives as long as the app; what was accepted is stored before it ends."""
    house: House = app.state.house
    doorway = app.state.hooks = Doorway(house, Accounts(house.vault, house.settings, house.database), Gathering(house))
    try:
        yield
    finally:
        await doorway.gathering.close()
        await doorway.accounts.close()


async def doorway(connection: HTTPConnection) -> Doorway:
    return connection.app.state.hooks


DoorwayDep = Annotated[Doorway, Depends(doorway)]


@router.api_route("/hooks/{key}", methods=METHODS, include_in_schema=False)
async def take(key: str, request: Request, doorway: DoorwayDep, house: HouseDep) -> Response:
    """Verify, store, and only then answer."""
    channel, held = await _channel(doorway, key)
    if held:  # the platform tries again until somebody resumes
        return _later(request, "held", "This installation is held. Try again later.", 300)
    try:
        body = await _body(request, house.settings.max_webhook_bytes)
        connector = await doorway.accounts.get(channel)
    except ClientDisconnect:
        return Response(status_code=400)
    except Permanent:  # the channel's settings are broken: nothing can be verified until a person mends them
        return problems.answer(
            request, 503, "channel_broken", "This channel is not set up. Try again later.", headers={"Retry-After": "300"}
        )
    if not isinstance(connector, AcceptsWebhooks):
        raise NotFound("This platform does not call.")
    try:
        answer, batches = connector.webhook(_request(request, body, house))
    except Refused as error:
        return problems.answer(request, error.status, "refused", str(error))
    except Exception as error:  # a parser's fault must not lose what came
        log.error("a webhook could not be read", channel=channel.id, error=type(error).__name__)
        answer = contract.Response(400, "This could not be read; it is kept.")
        batches = {"": Batch(rejected=[Rejected(body, f"The connector failed ({type(error).__name__}).")])}
    try:
        await doorway.gathering.store(channel.id, batches)
    except Exception:  # logged where it happened; whatever it was, it is not stored
        return _later(request, "not_stored", "It could not be stored. Send it again.", 5)
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)


def _later(request: Request, code: str, words: str, seconds: int) -> Response:
    """Nothing is stored; the platform should send it again."""
    return problems.answer(request, 503, code, words, headers={"Retry-After": str(seconds)})


async def _channel(doorway: Doorway, key: str) -> tuple[Channel, bool]:
    """The channel with this key, and whether the installation is held. NotFound when there is none."""
    if not (key.isascii() and key.isprintable()):
        raise NotFound("There is no such address.")
    known = doorway.channels.get(key)
    if known is not None and known[0] > time.monotonic():
        return known[1], False
    looking = doorway.looking.get(key)
    if looking is None:  # one look for all that ask at the same moment
        looking = doorway.looking[key] = asyncio.create_task(_look_up(doorway.house, key))
        looking.add_done_callback(lambda _: doorway.looking.pop(key))
    channel, held = await asyncio.shield(looking)
    if channel is None:
        doorway.channels.pop(key, None)
        raise NotFound("There is no such address.")
    if not held:
        doorway.channels[key] = (time.monotonic() + REMEMBERED, channel)
    return channel, held


async def _look_up(house: House, key: str) -> tuple[Channel | None, bool]:
    query = select(Channel, exists().where(col(Installation.held))).where(col(Channel.key) == key, col(Channel.removed_at).is_(None))
    async with house.database.transaction() as session:
        row = (await session.execute(query)).first()
    return (None, False) if row is None else (row[0], row[1])


async def _body(request: Request, limit: int) -> bytes:
    """The body, never more of it than the limit."""
    too_large = TooLarge("A body may have {limit} bytes.", limit=limit)
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise too_large
    return bytes(body)


def _request(request: Request, body: bytes, house: House) -> contract.Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return contract.Request(request.method, headers, dict(request.query_params), body, house.clock())
