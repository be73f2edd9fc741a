"""Nonsense to everything that asks about promptness, over the real doors: it is refused with a sentence, and never an error of ours."""

import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import Policy, Role, Workspace
from inbox.promptness import alerts
from tests.api.people import Person, browser, person
from tests.api.v1.conftest import token
from tests.load import crowds
from tests.make import MONDAY, Make

HOURS = {"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]]}, "dates": {"2026-12-24": []}, "names": {"2026-12-24": "Eve"}}
CALENDAR = {"name": "Office", "definition": {**HOURS, "holidays": ["DE-SH"]}}
POLICY = {"name": "Usual", "targets": {"first": {"normal": 600}}, "conditions": {"kind": ["direct"], "tier": ["gold"]}, "calendar_id": 1}
STEP = {"when": "after", "amount": 60, "to": ["assignee", "member:1"], "by": ["app"], "then": {"priority": "high", "assign": "team:1"}}
DRAFT = {"id": 1, "name": "Usual", "conditions": {"channel": [1]}, "targets": {"first": {"normal": 60}}, "calendar": HOURS}
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/calendars"): CALENDAR,
    ("PATCH", "/calendars/{calendar_id}"): {**CALENDAR, "valid_from": "2027-01-01T00:00:00Z", "since_ever": True, "revision": 1},
    ("POST", "/calendars/{calendar_id}/sources"): {"name": "Holidays", "url": "https://example.org/a.ics", "content": None, "opens": True},
    ("POST", "/policies"): POLICY,
    ("PATCH", "/policies/{policy_id}"): {**POLICY, "is_on": True, "revision": 1},
    ("PUT", "/policies/order"): {"policy_ids": [1, 2]},
    ("PUT", "/policies/{policy_id}/alerts"): {"steps": [STEP]},
    ("PUT", "/alerts/{alert_id}/snooze"): {"until": "2026-03-02T10:00:00Z"},
    ("POST", "/metrics/what-if"): {"days": 7, "policies": [DRAFT], "calendars": {"1": HOURS}, "limit": 5, "cursor": 1},
}
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), "", "x", "\ud800", "\x00", "‮🏴", "9" * 5000, "=cmd|' /C calc'!A0",
    "{}", "%s{0}{who}", "2026-13-45T99:99:99Z", "0000-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "2026-03-02T10:00:00", "../../etc/passwd", "HolidayBase", "country_holidays", "24:00", [], [None], [[]], [{}], ["x"], {}, {"x": None}, {"": {}},
    {"\ud800": 1}, [["00:00", "24:00"]] * 10_000,
)  # fmt: skip
QUERY = (
    "", "x", "-1", "0", "1", "99999999999999999999999", "nan", "inf", "1e400", "%00", "\x00", "‮", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2026-03-02T10:00:00", "2026-03-02T10:00:00Z", "2026-02-01", "Europe/Berlin", "../../etc/passwd", "--5.3", "5.--3", "٣.٣",
    "zz", "first", "member", "named",
)  # fmt: skip


def places(given: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value of a document, and its keys."""
    yield at
    if isinstance(given, dict):
        for key, value in given.items():
            yield from places(value, (*at, key))
    elif isinstance(given, list):
        for place, value in enumerate(given):
            yield from places(value, (*at, place))


def spoiled(given: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The document with another value there."""
    if not at:
        return value
    copy = dict(given) if isinstance(given, dict) else list(given)
    copy[at[0]] = spoiled(given[at[0]], at[1:], value)
    return copy


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


FORMS = {
    "settings/hours/new": {"name": "A", "tz": "UTC", "week": ["09:00-17:00"] * 7, "date_day": ["2026-12-24"], "date_hours": [""],
                           "date_name": ["Eve"], "country": ["DE"], "region": ["SH"], "start": "now", "start_at": "", "act": "save"},
    "settings/hours/1": {"name": "A", "tz": "UTC", "week": ["09:00-17:00"] * 7, "date_day": ["2026-12-24"], "date_hours": [""],
                         "date_name": ["Eve"], "country": ["DE"], "region": ["SH"], "start": "later", "start_at": "2026-12-24T10:00",
                         "revision": "1", "act": "preview"},
    "settings/hours/1/feeds": {"name": "A", "url": "https://example.org/a.ics", "opens": "1"},
    "settings/policies/new": {"name": "B", "is_on": "1", "channel": ["1"], "kind": ["direct"], "label": ["1"], "team": ["1"], "priority": ["high"],
                              "tier": ["gold"], "amounts": ["15 min"] * 12, "calendar_id": "1"},
    "settings/policies/1": {"name": "B", "is_on": "1", "kind": ["direct"], "amounts": ["15 min"] * 12, "calendar_id": "1", "revision": "1"},
    "settings/policies/1/place": {"by": "1"},
    "settings/policies/1/switch": {"on": "1"},
    "settings/alerts/policies/1": {"when_0": "after", "amount_0": "5", "to_0": ["assignee"], "by_0": ["app"], "priority_0": "high", "assign_0": "nobody"},
    "settings/alerts/on-call": {"on_call": "member:1", "rota": ["1", "1"]},
    "settings/alerts/ways": {"webhook_url": "https://example.org/x", "apprise_urls": "ntfys://example.org/x", "storm_limit": "5"},
    "settings/notifications": {"mail": "1", "timezone": "UTC", "quiet_from": "22:00", "quiet_until": "06:00", "digest_at": "08:00"},
    "alerts/1/snooze": {"minutes": "10"},
    "metrics/schedules": {"rhythm": "weekly", "members": ["1"]},
}  # fmt: skip
WRITTEN = (
    "", "x", "-1", "0", "99999999999999999999999", "nan", "inf", "1e400", "\x00", "‮🏴", "9" * 5000, "0000-01-01", "9999-12-31", "9999-12-31T23:59",
    "0001-01-01T00:00", "2026-12-24T10:00+14:00", "https://[", "https://x:99999/", "https://\x00/", "http://[::1", "../../etc/passwd", "HolidayBase",
    "24:00-24:00", "09:00-08:00-07:00", "member:x", "team:", "٣", "{0}", "%s", "1e9 d", "99999999999 d", "later", "ever", "preview",
)  # fmt: skip


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


PAGES = (
    "metrics", "metrics/report", "metrics/me", "metrics/waits", "metrics/posts", "metrics.csv", "metrics/waits.csv", "metrics/waits.parquet",
    "metrics/resolution", "metrics/resolution.csv", "metrics/staffing", "metrics/what-if", "metrics/forecast", "metrics/schedules", "wallboard", "alerts",
)  # fmt: skip
ASKED = (
    "days", "metric", "within", "by", "cohort", "channel", "team", "member", "label", "policy", "post", "priority", "kind", "state", "cursor", "weekday",
    "start", "end", "tried", "calendar", "other_hours", "after", "first_normal", "mon",
)  # fmt: skip


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
        ("GET", "/calendars/1"), ("GET", "/calendars/1/preview"), ("DELETE", "/calendars/1"), ("GET", "/policies/1"), ("GET", "/policies/1/alerts"),
        ("DELETE", "/policies/1"), ("GET", "/waits/1"), ("PUT", "/alerts/1/acknowledgement"),
    ]:  # fmt: skip
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
