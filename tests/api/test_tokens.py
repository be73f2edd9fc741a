"""Keys for programs, made and taken back on their page."""

import re

import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import Role, Workspace
from inbox.team import members
from tests.api.people import Person, browser, found, kinds, person

TOKEN = re.compile(r"parley_[\w-]{43}")


@pytest.fixture
async def workspace(house: House) -> Workspace:
    return await found(house)


@pytest.fixture
async def admin(house: House, workspace: Workspace) -> Person:
    return await person(house, workspace, role=Role.ADMIN)


async def test_a_token_is_shown_once_works_and_is_refused_when_it_was_taken_back(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    base = f"/w/{workspace.id}/settings/tokens"
    async with browser(app, admin) as client, browser(app) as program:
        page = await client.post(base, data={"name": "Shop", "role": "viewer"})
        token = TOKEN.search(page.text)[0]
        page = await client.get(base)
        assert not TOKEN.search(page.text)
        assert "never used" in page.text
        assert "made by Nora Berg" in page.text
        program.headers["authorization"] = f"Bearer {token}"
        assert (await program.get("/api/v1/conversations")).status_code == 200
        page = await client.get(base)
        assert "last used" in page.text
        number = re.search(r"tokens/(\d+)/removal", page.text)[1]
        assert (await client.post(f"{base}/{number}/removal")).status_code == 303
        assert (await program.get("/api/v1/conversations")).status_code == 401
        assert (await client.post(f"{base}/{number}/removal")).status_code == 404
        assert "No tokens yet" in (await client.get(base)).text
    assert [kind for kind in await kinds(house) if kind.startswith("token.")] == ["token.created", "token.revoked"]


async def test_a_token_without_a_name_is_refused_and_so_is_one_for_somebody_of_elsewhere(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    stranger = await person(house, await found(house, "Elsewhere"), email="stranger@example.org")
    base = f"/w/{workspace.id}/settings/tokens"
    async with browser(app, admin) as client:
        assert (await client.post(base, data={"name": " ", "role": "agent"})).status_code == 422
        answer = await client.post(base, data={"name": "Shop", "role": "agent", "member_id": str(stranger.access.member_id)})
        assert answer.status_code == 404
        assert "No tokens yet" in (await client.get(base)).text


async def test_a_token_whose_member_has_left_is_shown_as_ended(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    agent = await person(house, workspace, role=Role.AGENT)
    base = f"/w/{workspace.id}/settings/tokens"
    async with browser(app, admin) as client:
        await client.post(base, data={"name": "Shop", "role": "agent", "member_id": str(agent.access.member_id)})
        assert "Ended" not in (await client.get(base)).text
        async with house.database.transaction() as session:
            await members.remove(session, admin.access, agent.access.member_id, now=house.clock())
        assert "Ended: the member has left" in (await client.get(base)).text


async def test_a_token_of_another_workspace_is_neither_shown_nor_taken_back(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    elsewhere = await found(house, "Elsewhere")
    other = await person(house, elsewhere, email="other@example.org")
    async with browser(app, admin) as client, browser(app, other) as stranger:
        page = await client.post(f"/w/{workspace.id}/settings/tokens", data={"name": "Shop", "role": "agent"})
        number = re.search(r"tokens/(\d+)/removal", page.text)[1]
        theirs = f"/w/{elsewhere.id}/settings/tokens"
        assert "Shop" not in (await stranger.get(theirs)).text
        assert (await stranger.post(f"{theirs}/{number}/removal")).status_code == 404
        assert "Shop" in (await client.get(f"/w/{workspace.id}/settings/tokens")).text
