"""Signed webhooks: requests a second through the whole door, beside the same events received in one transaction for each.

The baseline does less: no HTTP, no signature, no JSON. What gathering saves has to pay for all of that.
"""

import asyncio
import json
import secrets
import time
from base64 import b64encode
from datetime import UTC, datetime
from itertools import count

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from api import hooks
from api.deps import House
from bench.figures import Context, Row, at_least
from connectors.webhook import shapes, signatures
from inbox.contract import Batch
from inbox.conversations import receive
from inbox.files import Files
from inbox.models import Channel, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings

SECRET = "whsec_" + b64encode(b"x" * 32).decode()
SENDERS = 64
BASELINE_WRITERS = 8  # more of them only wait for the log's lock
GOAL = 1.0
numbers = count(1)


async def rows(context: Context) -> list[Row]:
    """Requests a second, gathered; and the median time of a request that comes alone."""
    requests = 4000 if context.full else 1200
    house, channel = await prepare(context)
    app = FastAPI()
    app.state.house = house
    app.include_router(hooks.router)
    async with hooks.running(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client:
        await through_the_door(client, channel, 200, SENDERS)  # warm
        gathered = await through_the_door(client, channel, requests, SENDERS)
    await one_by_one(house, channel, 100)
    alone = await one_by_one(house, channel, requests // 2)
    return [at_least("webhooks, 64 senders ÷ one transaction for each", gathered, "requests/s", alone, GOAL)]


async def prepare(context: Context) -> tuple[House, Channel]:
    settings = Settings(home=context.home, secret_key=SecretStr("bench"))
    house = House(settings=settings, database=context.database, vault=open_vault(settings), files=Files(settings.home))
    now = datetime.now(UTC)
    async with context.database.transaction() as session:
        workspace = Workspace(name="Bench hooks", created_at=now)
        session.add(workspace)
        await session.flush()
        config = house.vault.encrypt(json.dumps({"secret": SECRET}))
        times = {"connected_at": datetime(2026, 1, 1, tzinfo=UTC), "created_at": now}
        channel = Channel(workspace_id=workspace.id, platform="webhook", name="Bench", key=secrets.token_hex(8), config=config, **times)
        session.add(channel)
        await session.flush()
    return house, channel


async def through_the_door(client: httpx.AsyncClient, channel: Channel, requests: int, senders: int) -> float:
    """Requests a second of so many senders, each with one request at a time."""
    left = list(range(requests))

    async def sender() -> None:
        while left:
            left.pop()
            body = json.dumps(entry()).encode()
            headers = signatures.headers(signatures.key(SECRET), secrets.token_hex(8), datetime.now(UTC), body)
            answer = await client.post(f"/hooks/{channel.key}", content=body, headers=headers | {"content-type": "application/json"})
            answer.raise_for_status()

    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(senders)))
    return requests / (time.perf_counter() - began)


async def one_by_one(house: House, channel: Channel, requests: int) -> float:
    """Events a second, each received in a transaction of its own."""
    left = list(range(requests))

    async def writer() -> None:
        while left:
            left.pop()
            now = datetime.now(UTC)
            events, _ = shapes.parse([entry()], secrets.token_hex(8), now)
            async with house.database.transaction() as session:
                await receive.receive(session, channel, Batch(events), now=now, move_cursor=False)

    began = time.perf_counter()
    await asyncio.gather(*(writer() for _ in range(BASELINE_WRITERS)))
    return requests / (time.perf_counter() - began)


def entry() -> dict[str, object]:
    number = next(numbers)
    author = {"id": f"author{number % 300}", "name": f"Author {number % 300}"}
    return {"type": "message", "id": f"m{number}", "thread": f"t{number % 200}", "author": author, "text": f"Where is my parcel? {number}"}
