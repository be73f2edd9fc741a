"""Who may ask for what: every route, with every kind of token."""

import re

import httpx
import pytest
from fastapi import FastAPI

from inbox.db import Database
from inbox.models import Alert, AlertKind, AlertState, Calendar, Metric, Policy, Template, Wait
from tests.api.v1.conftest import Program, World
from tests.make import MONDAY, Make

TIME = "2026-03-02T09:00:00Z"
BODIES = {
    "assignment": {},
    "status": {"status": "open"},
    "labels": {"label_ids": []},
    "replies": {"body": "Hello"},
    "notes": {"body": "Hello"},
    "sources": {"name": "A", "url": "https://example.org/a.ics"},
    "templates": {"name": "A", "shortcut": "a", "body": "x"},
}


def operations(schema: dict) -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, item in schema["paths"].items() for method in item]


def body(path: str) -> dict | None:
    return next((value for part, value in BODIES.items() if part in path.split("/")), None)


async def ask(program: Program, method: str, path: str) -> httpx.Response:
    more = {"json": {"tier": "A"} if "contacts" in path else body(path) or {}} if method in ("PUT", "POST", "PATCH") else {}
    return await program(method, path.removeprefix("/api/v1"), headers={"idempotency-key": "k"}, **more)


async def test_no_route_answers_without_a_token(app: FastAPI, schema: dict, client: httpx.AsyncClient, world: World):
    assert len(operations(schema)) > 20
    for method, path in operations(schema):
        for words in (None, "wrong"):
            program = Program(client, words or "")
            if words is None:
                program.headers = {}
            answer = await ask(program, method, re.sub(r"\{\w+\}", "1", path))
            assert answer.status_code == 401, (method, path)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_what_belongs_to_a_restricted_channel_or_another_workspace_is_not_there(
    database: Database, schema: dict, agent: Program, stranger: Program, world: World
):
    async with database.transaction() as session:
        of = {"workspace_id": world.workspace.id, "channel_id": world.restricted.id}
        template = Template(**of, name="Secret", shortcut="secret", body="Secret", updated_at=MONDAY)
        session.add(template)
        make = Make(session)
        unknown = await make.identity(world.restricted)
        calendar = Calendar(workspace_id=world.workspace.id, name="Gone", created_at=MONDAY, removed_at=MONDAY)
        policy = Policy(workspace_id=world.workspace.id, name="Gone", created_at=MONDAY, changed_at=MONDAY, removed_at=MONDAY)
        wait = Wait(
            workspace_id=world.workspace.id,
            channel_id=world.restricted.id,
            conversation_id=world.hidden.id,
            identity_id=unknown.id,
            metric=Metric.NEXT,
            opened_at=MONDAY,
            opened_by=world.secret.id,
            received_at=MONDAY,
        )
        session.add_all([calendar, policy, wait])
        await session.flush()
        told = {"workspace_id": world.workspace.id, "wait_id": wait.id, "due_at": MONDAY, "at": MONDAY}
        alert = Alert(**told, step="at:0", kind=AlertKind.BREACH, state=AlertState.RAISED)
        session.add(alert)
    hidden = {
        "conversation_id": world.hidden.id,
        "channel_id": world.restricted.id,
        "template_id": template.id,
        "message_id": world.secret.id,
        "action_id": 1,
        "contact_id": unknown.contact_id,
        "calendar_id": calendar.id,
        "source_id": 1,
        "policy_id": policy.id,
        "wait_id": wait.id,
        "alert_id": alert.id,
        "schedule_id": 1,
    }
    walked = 0
    for method, path in operations(schema):
        if "{" not in path:
            continue
        for program in (agent, stranger):
            query = {"elapsed": f"?start={TIME}&end={TIME}", "due": f"?start={TIME}&seconds=1"}.get(path.rpartition("/")[2], "")
            answer = await ask(program, method, path.format(**hidden) + query)
            is_for_supervisors = "schedule_id" in path and program is agent  # whichever there are
            assert answer.status_code == (403 if is_for_supervisors else 404), (method, path, answer.text)
            walked += 1
    assert walked > 20


async def test_lists_and_events_leave_out_what_the_token_may_not_see(agent: Program, admin: Program, world: World):
    for path in ("/conversations", "/channels", "/templates", "/events"):
        assert "Board" not in (await agent("GET", path)).text
    await admin("PUT", f"/conversations/{world.hidden.id}/status", json={"status": "pending"})
    await admin("PUT", f"/conversations/{world.seen.id}/status", json={"status": "pending"})
    of = [event["conversation_id"] for event in (await agent("GET", "/events")).json()["events"]]
    assert of == [world.seen.id]
    every = [event["conversation_id"] for event in (await admin("GET", "/events")).json()["events"]]
    assert every == [world.hidden.id, world.seen.id]


async def test_a_revoked_token_and_a_removed_member_end_at_once(database: Database, agent: Program, world: World):
    async with database.transaction() as session:
        member = await session.merge(world.agent)
        member.removed_at = MONDAY
    assert (await agent("GET", "/conversations")).status_code == 401


async def test_addresses_of_members_are_for_admins(agent: Program, admin: Program, world: World):
    assert (await agent("GET", "/members")).json()[0]["email"] is None
    assert "@" in (await admin("GET", "/members")).json()[0]["email"]


@pytest.mark.parametrize("path", ["/nothing", "/conversations/0x1", "/conversations/99999999999999999999", "/channels/0"])
async def test_an_unknown_address_is_a_problem_in_json(agent: Program, world: World, path: str):
    answer = await agent("GET", path)
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_description_names_the_token_and_every_problem(schema: dict, world: World):
    assert all(path.startswith("/api/v1/") for path in schema["paths"])
    for method, path in operations(schema):
        operation = schema["paths"][path][method.lower()]
        assert operation["security"] == [{"HTTPBearer": []}], path
        assert operation["description"], path
        assert "application/problem+json" in operation["responses"]["401"]["content"]
