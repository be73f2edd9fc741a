"""Texts that a platform has approved, through /api/v1."""

import json

import pytest
from sqlalchemy import update
from sqlmodel import col

from api import approved
from api.deps import House
from connectors.demo import Demo
from inbox.contract import Transient
from inbox.models import Channel
from tests.api.v1.conftest import Program, World


@pytest.fixture(autouse=True)
async def _templated(house: House, world: World) -> None:
    """The open channel is the demonstration's messenger, and its window is over."""
    approved._kept.clear()
    config = house.vault.encrypt(json.dumps({"folder": str(house.settings.home / "demo"), "place": "whatsapp"}))
    async with house.database.transaction() as session:
        row = update(Channel).where(col(Channel.id) == world.open.id)
        await session.execute(row.values(platform="demo", config=config, answer_hours=0))


async def test_they_are_asked_for_once_and_kept_for_a_while(agent: Program, world: World, monkeypatch: pytest.MonkeyPatch):
    path = f"/channels/{world.open.id}/approved-templates"
    first = (await agent("GET", path)).json()
    assert [one["name"] for one in first] == ["rueckmeldung", "order_update"]

    async def fails(_: Demo) -> None:
        raise Transient("The messenger is away.")

    monkeypatch.setattr(Demo, "templates", fails)
    assert (await agent("GET", path)).json() == first
    approved._kept.clear()
    refused = await agent("GET", path)
    assert (refused.status_code, "The messenger is away." in refused.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("draft", "status", "says"),
    [
        ({"body": "At ten."}, 409, "window_closed"),
        (
            {"approved": {"name": "order_update", "language": "en", "values": ["Anna", "4711"]}},
            202,
            "Hello Anna, your order 4711 is on its way.",
        ),
        ({"approved": {"name": "order_update", "language": "en", "values": ["Anna"]}}, 422, "placeholders"),
        ({"approved": {"name": "unknown", "language": "en"}}, 404, "not_found"),
    ],
)
async def test_they_leave_when_nothing_else_does(agent: Program, world: World, draft: dict, status: int, says: str):
    answer = await agent("POST", f"/conversations/{world.seen.id}/replies", headers={"idempotency-key": "k"}, json=draft)
    told = answer.json()
    assert (answer.status_code, told["body"] if status == 202 else told["code"]) == (status, says)
