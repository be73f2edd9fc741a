"""Nonsense to everything that asks about promptness, over the real doors: it is refused with a sentence, and never an error of ours."""

import json
import random
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import Policy, Role, Workspace
from inbox.promptness import alerts
from tests.api.nonsense import (
    ASKED,
    BODIES,
    CALENDAR,
    DRAFT,
    FORMS,
    HOSTILE,
    HOURS,
    MANY,
    PAGES,
    POLICY,
    QUERY,
    STEP,
    WRITTEN,
    places,
    spoiled,
)
from tests.api.people import Person, browser, person
from tests.api.v1.conftest import token
from tests.load import crowds
from tests.make import MONDAY, Make


@dataclass
class World:
    """A workspace in which somebody waits, with a calendar, a policy and alerts; a program and a person who may do everything."""

    client: httpx.AsyncClient
    page: httpx.AsyncClient
    workspace: int

    async def api(self, method: str, path: str, **asked: Any) -> httpx.Response:
        return await self.client.request(method, f"/api/v1{path}", headers={"authorization": "Bearer all"}, **asked)


@pytest.fixture
async def world(app: FastAPI, house: House, client: httpx.AsyncClient) -> AsyncIterator[World]:
    async with house.database.transaction() as session:
        row = await session.get_one(Workspace, await crowds.wait(session, 3, due=MONDAY - timedelta(minutes=1), apart=1))
        await alerts.raise_due(session, now=MONDAY)
        await token(session, row, "all", Role.ADMIN)
    admin: Person = await person(house, row, role=Role.ADMIN)
    async with browser(app, admin) as page:
        made = World(client, page, row.id)
        assert (await made.api("POST", "/calendars", json=CALENDAR)).status_code == 201
        yield made


def check(answer: httpx.Response, *asked: Any) -> None:
    assert answer.status_code < 500, (asked, answer.text[:500])
    if answer.status_code >= 400 and answer.headers["content-type"] != "text/html; charset=utf-8":
        assert answer.headers["content-type"] == "application/problem+json", asked
        assert answer.json()["detail"], asked


def numbered(path: str, number: str = "1") -> str:
    return re.sub(r"\{[a-z_]+\}", number, path)


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_no_document_is_an_error_of_ours(world: World, method: str, path: str):
    whole = BODIES[method, path]
    spots = list(places(whole))
    chosen = random.Random(f"{method} {path}")
    cases = [(at, value) for at in spots for value in HOSTILE]
    for at, value in chosen.sample(cases, min(len(cases), 40)):
        body = json.dumps(spoiled(whole, at, value)).encode()
        headers = {"authorization": "Bearer all", "content-type": "application/json"}
        check(
            await world.client.request(method, f"/api/v1{numbered(path)}", content=body, headers=headers), method, path, at, str(value)[:80]
        )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"name": ' + b"9" * 10_000 + b"}", b"null", b"NaN", b'"\\ud800"']
)
@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_what_is_no_document_is_refused(world: World, method: str, path: str, body: bytes):
    headers = {"authorization": "Bearer all", "content-type": "application/json"}
    answer = await world.client.request(method, f"/api/v1{numbered(path)}", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text[:300]
    check(answer)


ROOMS = ("calendars", "policies", "metrics", "waits", "alerts")


async def test_no_question_is_an_error_of_ours(app: FastAPI, world: World):
    chosen = random.Random(4)
    for path, operations in app.openapi()["paths"].items():
        if path.split("/")[3] not in ROOMS or "get" not in operations:
            continue
        names = [one["name"] for one in operations["get"].get("parameters", ()) if one["in"] == "query"]
        for name, value in chosen.sample([(name, value) for name in names for value in QUERY], min(len(names) * len(QUERY), 25)):
            more = {chosen.choice(names): chosen.choice(QUERY)} if chosen.random() < 0.3 else {}
            query = {name: value} | more
            check(await world.api("GET", numbered(path).removeprefix("/api/v1"), params=query), path, query)
        for number in ("0", "-1", "x", "99999999999999999999", "9223372036854775807"):
            check(await world.api("GET", numbered(path, number).removeprefix("/api/v1")), path, number)


@pytest.mark.parametrize("address", FORMS)
async def test_no_form_is_an_error_of_ours(world: World, address: str):
    form: dict[str, Any] = FORMS[address]
    chosen = random.Random(address)
    cases = [(name, value) for name in form for value in WRITTEN]
    for name, value in chosen.sample(cases, min(len(cases), 20)):
        spoilt = {**form, name: [value, *form[name][1:]] if isinstance(form[name], list) else value}
        check(await world.page.post(f"/w/{world.workspace}/{address}", data=spoilt), address, name, value)
    for missing in form:
        check(
            await world.page.post(f"/w/{world.workspace}/{address}", data={k: v for k, v in form.items() if k != missing}), address, missing
        )


@pytest.mark.parametrize("address", PAGES)
async def test_no_page_of_figures_is_an_error_of_ours(world: World, address: str):
    chosen = random.Random(address)
    for _ in range(8):
        query = {chosen.choice(ASKED): chosen.choice(QUERY) for _ in range(chosen.randrange(1, 4))} | (
            {"tried": "1"} if "what" in address else {}
        )
        check(await world.page.get(f"/w/{world.workspace}/{address}", params=query), address, query)


async def test_the_same_keys_of_another_workspace_say_nothing(house: House, world: World):
    """Filters and addresses with the numbers of another workspace find nothing, or nobody."""
    async with house.database.transaction() as session:
        make = Make(session)
        elsewhere = await make.workspace()
        await token(session, elsewhere, "stranger", Role.ADMIN)
        session.add(Policy(workspace_id=elsewhere.id, name="x", targets={"first": {"normal": 60}}, created_at=MONDAY, changed_at=MONDAY))
    headers = {"authorization": "Bearer stranger"}

    async def ask(method: str, path: str, **more: Any) -> httpx.Response:
        return await world.client.request(method, f"/api/v1{path}", headers=headers, **more)

    for method, path in [
        ("GET", "/calendars/1"),
        ("GET", "/calendars/1/preview"),
        ("DELETE", "/calendars/1"),
        ("GET", "/policies/1"),
        ("GET", "/policies/1/alerts"),
        ("DELETE", "/policies/1"),
        ("GET", "/waits/1"),
        ("PUT", "/alerts/1/acknowledgement"),
    ]:
        assert (await ask(method, path)).status_code == 404, path
    assert (await ask("PUT", "/policies/1/alerts", json={"steps": []})).status_code == 404
    for query in ({"channel": 1}, {"policy": 1}, {"team": 1}, {}):
        told = (await ask("GET", "/metrics", params={**query, "since": "2026-02-01T00:00:00Z", "until": "2026-03-03T00:00:00Z"})).json()
        assert told["items"] == [], query
    assert (await ask("GET", "/alerts", params={"since": "2026-01-01T00:00:00Z"})).json() == []
    refused = await ask("POST", "/metrics/what-if", json={"calendars": {"1": HOURS}})
    assert refused.status_code == 422
    refused = await ask("POST", "/policies", json={"name": "y", "targets": {"first": {"normal": 60}}, "calendar_id": 1})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/calendars/1/elapsed?start=0001-01-01T00:00:00%2B14:00&end=2026-03-02T10:00:00Z", None),
        ("GET", "/metrics/waits?cursor=--5.3", None),
        ("POST", "/calendars", {"name": "A", "definition": {**HOURS, "holidays": ["HolidayBase"]}}),
        ("POST", "/calendars", {"name": "A", "definition": {**HOURS, "holidays": ["country_holidays"]}}),
        ("POST", "/calendars", {"name": "A", "definition": {**HOURS, "tz": "\ud800"}}),
        ("POST", "/policies", {**POLICY, "conditions": {"kind": ["\ud800"]}}),
        ("PUT", "/policies/1/alerts", {"steps": [{**STEP, "when": []}]}),
        ("PUT", "/policies/1/alerts", {"steps": [{**STEP, "then": {"priority": ["high"]}}]}),
        ("PUT", "/alerts/1/snooze", {"until": "2026-03-02T10:00:00"}),
        ("POST", "/metrics/what-if", {"policies": [{**DRAFT, "calendar": {**HOURS, "holidays": MANY}}]}),
        ("POST", "/metrics/what-if", {"policies": [{**DRAFT, "calendar": {**HOURS, "dates": {"9980-01-01": [["09:00", "10:00"]]}}}]}),
    ],
)
async def test_it_is_said_what_is_wrong(world: World, method: str, path: str, body: Any):
    content = None if body is None else json.dumps(body).encode()
    headers = {"authorization": "Bearer all", "content-type": "application/json"}
    answer = await world.client.request(method, f"/api/v1{path}", content=content, headers=headers)
    check(answer, path, body)
    assert answer.status_code == 422, answer.text


async def test_only_supervisors_read_who_is_told(house: House, world: World):
    async with house.database.transaction() as session:
        await token(session, await session.get_one(Workspace, world.workspace), "agent", Role.AGENT)
    for path in ("/policies/1/alerts", "/policies/1"):
        assert (await world.client.get(f"/api/v1{path}", headers={"authorization": "Bearer agent"})).status_code == 403
