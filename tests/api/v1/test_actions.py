"""What is done to messages, through /api/v1."""

import pytest
from sqlalchemy import select

from connectors.webhook import Webhook
from inbox.contract import Action, Capabilities
from inbox.db import Database
from inbox.models import Moderation
from tests.api.v1.conftest import Program, World


@pytest.fixture(autouse=True)
def _acting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Webhook, "capabilities", Capabilities(actions=frozenset(Action)))


async def act(program: Program, message: int, key: str = "k1", **wanted: str):
    headers = {"idempotency-key": key}
    return await program("POST", f"/messages/{message}/actions", headers=headers, json={"action": "hide"} | wanted)


async def test_an_action_is_queued_with_a_place_to_look_at_and_taken_back(world: World, agent: Program):
    answer = await act(agent, world.message.id)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["action"], told["state"], told["act_at"], told["member_id"]) == ("hide", "queued", "2026-03-02T09:00:05Z", world.agent.id)
    place = answer.headers["location"].removeprefix("/api/v1")
    assert (await agent("GET", place)).json() == told
    assert (await agent("DELETE", place)).json()["state"] == "undone"
    assert [one["state"] for one in (await agent("GET", f"/messages/{world.message.id}/actions")).json()] == ["undone"]


async def test_the_same_key_is_one_action(database: Database, world: World, agent: Program):
    first, second = await act(agent, world.message.id), await act(agent, world.message.id)
    assert first.json() == second.json()
    async with database.transaction() as session:
        assert len((await session.scalars(select(Moderation))).all()) == 1


async def test_what_a_token_may_not_see_is_not_there(world: World, agent: Program):
    assert (await act(agent, world.secret.id)).status_code == 404
    assert (await act(agent, 10**9)).status_code == 404


@pytest.mark.parametrize(
    ("words", "wanted", "status"),
    [("viewer", {}, 403), ("agent", {"action": "delete"}, 403), ("all", {"action": "delete"}, 202), ("all", {"action": "explode"}, 422)],
)
async def test_the_role_and_the_platform_decide(world: World, agent: Program, words: str, wanted: dict[str, str], status: int):
    assert (await act(Program(agent.client, words), world.message.id, **wanted)).status_code == status
