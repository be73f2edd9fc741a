"""What monitoring and load balancers ask."""

from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text, update

from api.deps import House
from inbox.db import Database
from inbox.models import ChannelState, Delivery, Direction, Installation, Metric, Wait
from tests.app import app_of
from tests.make import MONDAY, Make


def numbers(answer: httpx.Response) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def from_address(app: FastAPI, address: str, path: str = "/metrics", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, client=(address, 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test") as client:
        return await client.get(path, headers=headers)


async def test_a_living_process_says_which_installation_it_is(client: httpx.AsyncClient, house: House):
    first, second = await client.get("/healthz"), await client.get("/healthz")
    assert first.json()["status"] == "ok"
    assert first.json()["installation"] == second.json()["installation"]
    assert "test" not in first.json()["installation"]  # nothing of the key


async def test_a_process_is_ready_when_its_database_is(client: httpx.AsyncClient, database: Database):
    assert (await client.get("/readyz")).json() == {"status": "ready", "held": False}
    async with database.transaction() as session:
        await session.execute(update(Installation).values(held=True))
    assert (await client.get("/readyz")).json() == {"status": "ready", "held": True}


async def test_a_process_without_its_database_lives_and_is_not_ready(house: House):
    lost = Database("postgresql://nobody:hush@127.0.0.1:1/nothing")
    app = app_of(replace(house, database=lost))
    alive, ready = await from_address(app, "127.0.0.1", "/healthz"), await from_address(app, "127.0.0.1", "/readyz")
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["code"]) == (503, "database")
    assert "hush" not in ready.text
    await lost.close()


async def test_a_database_of_another_version_is_not_ready(client: httpx.AsyncClient, database: Database):
    async with database.transaction() as session:
        newest = await session.scalar(text("SELECT version_num FROM alembic_version"))
        await session.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    try:
        answer = await client.get("/readyz")
    finally:
        async with database.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_migrated")


async def test_the_numbers_are_those_of_the_database(app: FastAPI, database: Database):
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), name="Secret name", state=ChannelState.HEALTHY, lag_seconds=1.5)
        conversation = await make.conversation(channel)
        message = await make.message(conversation, identity_id=(identity := await make.identity(channel)).id)
        ours = {"direction": Direction.OUT, "external_id": None}
        for key, delivery, minutes in (("a", Delivery.QUEUED, -2), ("b", Delivery.QUEUED, 5), ("c", Delivery.AMBIGUOUS, -9)):
            await make.message(conversation, client_key=key, delivery=delivery, send_at=MONDAY + timedelta(minutes=minutes), **ours)
        of = {
            "workspace_id": channel.workspace_id,
            "channel_id": channel.id,
            "conversation_id": conversation.id,
            "identity_id": identity.id,
        }
        opened = MONDAY - timedelta(minutes=10)
        session.add(Wait(**of, metric=Metric.FIRST, opened_at=opened, opened_by=message.id, received_at=opened))
    answer = await from_address(app, "127.0.0.1")
    told = numbers(answer)
    expected = {
        "parley_replies_queued": 1,
        "parley_replies_scheduled": 1,
        "parley_replies_oldest_seconds": 120,
        "parley_replies_ambiguous": 1,
        "parley_waits_open": 1,
        "parley_waits_oldest_seconds": 600,
        "parley_held": 0,
    }
    assert {name: told[(name,)] for name in expected} == expected
    assert told["parley_channel_state", str(channel.id), "webhook", "healthy"] == 1
    assert told["parley_channel_lag_seconds", str(channel.id), "webhook"] == 1.5
    assert "Secret name" not in answer.text


async def test_requests_are_counted_by_the_pattern_of_their_route(app: FastAPI):
    counted = ("parley_request_seconds_count", "GET", "/healthz", "200")
    before = numbers(await from_address(app, "127.0.0.1")).get(counted, 0)
    for path in ("/healthz", "/healthz", "/w/1/inbox", "/w/2/inbox", "/nothing/here"):
        await from_address(app, "127.0.0.1", path)
    told = numbers(await from_address(app, "127.0.0.1"))
    assert told[counted] == before + 2
    assert not any("/w/1/" in part or "/nothing" in part for name in told for part in name)


@pytest.mark.parametrize(
    ("address", "headers", "allowed"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("192.0.2.7", {}, False),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, False),  # through a proxy on this machine
        ("127.0.0.1", {"forwarded": "for=192.0.2.7"}, False),
    ],
)
async def test_without_a_token_the_numbers_are_for_this_machine_only(app: FastAPI, address: str, headers: dict[str, str], allowed: bool):
    answer = await from_address(app, address, **headers)
    assert answer.status_code == (200 if allowed else 404)


async def test_with_a_token_the_numbers_are_for_its_bearer(app: FastAPI, house: House):
    house.settings = house.settings.model_copy(update={"metrics_token": SecretStr("probe")})
    assert (await from_address(app, "192.0.2.7", authorization="Bearer probe")).status_code == 200
    for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "probe"}):
        assert (await from_address(app, "127.0.0.1", **headers)).status_code == 404


async def test_a_websocket_says_one_word_to_show_that_it_passes(app: FastAPI):
    """The way `parley doctor` looks through a proxy."""
    said: list[MutableMapping[str, Any]] = []
    heard = iter([{"type": "websocket.connect"}])
    scope = {"type": "websocket", "path": "/healthz/socket", "raw_path": b"/healthz/socket", "query_string": b"", "headers": []}
    scope |= {"client": ("127.0.0.1", 4000), "server": ("parley.test", 80), "scheme": "ws", "root_path": "", "subprotocols": []}
    scope["headers"] = [(b"sec-fetch-site", b"none")]

    async def receive() -> MutableMapping[str, Any]:
        return next(heard)

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    await app(scope, receive, send)
    assert [(message["type"], message.get("text")) for message in said] == [
        ("websocket.accept", None),
        ("websocket.send", "ok"),
        ("websocket.close", None),
    ]
