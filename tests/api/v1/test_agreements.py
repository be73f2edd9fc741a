"""Calendars, policies and tiers through /api/v1."""

import pytest

from inbox.db import Database
from inbox.models import Role, Wait
from inbox.models.promptness import Metric
from tests.api.v1.conftest import Program, World, token
from tests.make import MONDAY, Make

OFFICE = {"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "12:30"], ["13:30", "18:00"]]}, "holidays": ["DE-SH"]}
ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART;VALUE=DATE:20260309\r\nSUMMARY:Outing\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


@pytest.fixture
async def supervisor(database: Database, world: World, admin: Program) -> Program:
    async with database.transaction() as session:
        await token(session, world.workspace, "supervisor", Role.SUPERVISOR)
    return Program(admin.client, "supervisor")


async def test_a_calendar_is_made_asked_changed_and_removed(supervisor: Program):
    made = await supervisor("POST", "/calendars", json={"name": "Office", "definition": OFFICE})
    assert made.status_code == 201
    path = made.headers["location"].removeprefix("/api/v1")
    assert made.json()["versions"][0]["valid_from"] is None
    asked = {"start": "2026-03-02T08:00:00Z", "end": "2026-03-09T12:30:00Z"}
    assert (await supervisor("GET", f"{path}/elapsed", params=asked)).json() == {"seconds": (8 + 3.5) * 3600}
    due = await supervisor("GET", f"{path}/due", params={"start": asked["start"], "seconds": 8 * 3600})
    assert due.json() == {"at": "2026-03-02T17:00:00Z"}
    days = (await supervisor("GET", f"{path}/preview", params={"first": "2026-04-06", "days": 2, "language": "de"})).json()
    assert [(day["name"], day["spans"]) for day in days] == [("Ostermontag", []), ("", [])]
    changed = await supervisor("PATCH", path, json={"definition": {**OFFICE, "hours": {"tue": [["10:00", "12:00"]]}}, "revision": 1})
    assert [version["valid_from"] for version in changed.json()["versions"]] == [MONDAY.isoformat().replace("+00:00", "Z"), None]
    assert (await supervisor("PATCH", path, json={"name": "Mine", "revision": 1})).status_code == 409
    assert [each["name"] for each in (await supervisor("GET", "/calendars")).json()] == ["Office"]
    assert (await supervisor("DELETE", path)).status_code == 204
    assert (await supervisor("GET", path)).status_code == 404


async def test_files_and_feeds_are_given_to_a_calendar(supervisor: Program):
    path = (
        (await supervisor("POST", "/calendars", json={"name": "Office", "definition": OFFICE})).headers["location"].removeprefix("/api/v1")
    )
    given = await supervisor("POST", f"{path}/sources", json={"name": "Outings", "content": ICS})
    assert given.json()["days"] == {"2026-03-09": {"spans": [], "name": "Outing"}}
    feed = await supervisor("POST", f"{path}/sources", json={"url": "https://example.org/secret.ics"})
    assert "secret" not in feed.text
    definition = (await supervisor("GET", path)).json()["versions"][0]["definition"]
    assert (definition["dates"], definition["names"]) == ({"2026-03-09": []}, {"2026-03-09": "Outing"})
    assert (await supervisor("POST", f"{path}/sources", json={"name": "A", "content": "hello"})).status_code == 422
    assert (await supervisor("DELETE", f"{path}/sources/{given.json()['id']}")).status_code == 204
    assert [each["host"] for each in (await supervisor("GET", f"{path}/sources")).json()] == ["example.org"]
    planned = {"definition": OFFICE, "valid_from": "2026-04-01T00:00:00Z"}
    assert len((await supervisor("PATCH", path, json=planned)).json()["versions"]) == 3
    assert (await supervisor("DELETE", f"{path}/planned")).status_code == 204
    assert len((await supervisor("GET", path)).json()["versions"]) == 2


async def test_policies_promise_and_conversations_tell_when_they_are_due(database: Database, world: World, supervisor: Program):
    async with database.transaction() as session:
        identity = await Make(session).identity(world.open)
        where = {"workspace_id": world.workspace.id, "channel_id": world.open.id, "conversation_id": world.seen.id}
        opened = {"opened_at": MONDAY, "opened_by": world.message.id, "received_at": MONDAY}
        session.add(Wait(**where, identity_id=identity.id, metric=Metric.FIRST, **opened))
    usual = {"name": "Usual", "targets": {"first": {"normal": 3600}}}
    gold = {"name": "Gold", "targets": {"first": {"normal": 60}}, "conditions": {"tier": ["gold"], "channel": [world.open.id]}}
    first, second = [(await supervisor("POST", "/policies", json=policy)).json() for policy in (usual, gold)]
    conversation = f"/conversations/{world.seen.id}"
    assert (await supervisor("GET", conversation)).json()["next_due_at"] == "2026-03-02T10:00:00Z"
    order = await supervisor("PUT", "/policies/order", json={"policy_ids": [second["id"], first["id"]]})
    assert [policy["name"] for policy in order.json()] == ["Gold", "Usual"]
    assert (await supervisor("PUT", "/policies/order", json={"policy_ids": [second["id"]]})).status_code == 409
    contact = f"/contacts/{identity.contact_id}"
    assert (await supervisor("PATCH", contact, json={"tier": "Gold"})).json()["tier"] == "Gold"
    assert (await supervisor("GET", contact)).json()["tier"] == "Gold"
    assert (await supervisor("GET", conversation)).json()["next_due_at"] == "2026-03-02T09:01:00Z"
    path = f"/policies/{second['id']}"
    changed = await supervisor("PATCH", path, json={"targets": {"first": {"normal": 120}}, "name": None, "revision": 1})
    assert (changed.json()["name"], changed.json()["revision"], changed.json()["conditions"]["tier"]) == ("Gold", 2, ["gold"])
    assert (await supervisor("GET", conversation)).json()["next_due_at"] == "2026-03-02T09:02:00Z"
    assert (await supervisor("PATCH", path, json={"is_on": False, "revision": 1})).status_code == 409
    assert (await supervisor("DELETE", path)).status_code == 204
    assert (await supervisor("GET", conversation)).json()["next_due_at"] == "2026-03-02T10:00:00Z"
    assert [policy["name"] for policy in (await supervisor("GET", "/policies")).json()] == ["Usual"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/calendars", {"name": "A", "definition": {"tz": "UTC", "hours": {}}}),
        ("/calendars", {"name": "A", "definition": {"tz": "Mars", "hours": OFFICE["hours"]}}),
        ("/calendars", {"name": "A", "definition": {"tz": "UTC", "hours": 7}}),
        ("/calendars", {"name": "A", "definition": {"tz": "UTC", "hours": OFFICE["hours"], "dates": {"": 7}}}),
        ("/calendars", {"name": "A", "definition": {"tz": "UTC", "hours": OFFICE["hours"], "holidays": [{}]}}),
        ("/calendars", {"name": "A", "definition": OFFICE, "colour": "red"}),
        ("/policies", {"name": "A", "targets": {"first": {"normal": 0}}}),
        ("/policies", {"name": "A", "targets": {"first": {"normal": 400 * 86_400}}}),
        ("/policies", {"name": "A", "targets": {}}),
        ("/policies", {"name": "A", "targets": {"first": {"normal": 60}}, "conditions": {"label": [77]}}),
        ("/policies", {"name": "A", "targets": {"first": {"normal": 60}}, "conditions": {"kind": [{}]}}),
        ("/policies", {"name": "A", "targets": {"first": {"normal": 60}}, "calendar_id": 77}),
    ],
)
async def test_nonsense_is_refused_and_nothing_is_made(supervisor: Program, path: str, body: dict):
    answer = await supervisor("POST", path, json=body)
    assert answer.status_code == 422, answer.text
    assert (await supervisor("GET", path)).json() == []


@pytest.mark.parametrize(
    "query",
    [
        "elapsed?start=2026-03-02T09:00:00Z&end=2026-03-01T09:00:00Z",
        "elapsed?start=2026-03-02T09:00:00&end=2026-03-03T09:00:00Z",
        "elapsed?start=0003-03-02T09:00:00Z&end=2026-03-03T09:00:00Z",
        "due?start=2026-03-02T09:00:00Z&seconds=-1",
        "due?start=2026-03-02T09:00:00Z&seconds=nan",
        "due?start=9998-03-02T09:00:00Z&seconds=1",
        "preview?first=0001-01-01",
        "preview?days=100000",
    ],
)
async def test_questions_of_nonsense_are_refused(supervisor: Program, query: str):
    path = (
        (await supervisor("POST", "/calendars", json={"name": "Office", "definition": OFFICE})).headers["location"].removeprefix("/api/v1")
    )
    assert (await supervisor("GET", f"{path}/{query}")).status_code == 422


async def test_agreements_are_for_supervisors(supervisor: Program, agent: Program, viewer: Program, stranger: Program):
    path = (
        (await supervisor("POST", "/calendars", json={"name": "Office", "definition": OFFICE})).headers["location"].removeprefix("/api/v1")
    )
    for program in (agent, viewer):
        assert (await program("GET", path)).status_code == 403
        assert (await program("GET", "/policies")).status_code == 403
        assert (await program("POST", "/policies", json={"name": "A", "targets": {"first": {"normal": 60}}})).status_code == 403
        assert (await program("PATCH", path, json={"name": "Mine"})).status_code == 403
    assert (await stranger("PATCH", path, json={"name": "Mine"})).status_code == 404


async def test_a_target_may_go_by_the_wall_clock_though_its_policy_has_hours(supervisor: Program):
    policy = {"name": "Usual", "targets": {"first": {"normal": 3600}, "resolution": {"normal": 86_400, "clock": "wall"}}}
    made = await supervisor("POST", "/policies", json=policy)
    assert made.status_code == 201
    assert made.json()["targets"] == policy["targets"]
    assert [each["targets"] for each in (await supervisor("GET", "/policies")).json()] == [policy["targets"]]
    strange = {"name": "Other", "targets": {"first": {"normal": 3600, "clock": "sundial"}}}
    refused = await supervisor("POST", "/policies", json=strange)
    assert refused.status_code == 422
    worded = {"name": "Other", "targets": {"first": {"normal": "soon"}}}
    assert (await supervisor("POST", "/policies", json=worded)).status_code == 422
