"""Conversations through /api/v1."""

from datetime import timedelta

import pytest

from inbox.conversations import labels
from inbox.db import Database
from inbox.models import Conversation, Label, Role
from inbox.team.rights import Access
from tests.api.v1.conftest import Program, World
from tests.make import MONDAY, Make


async def test_a_list_holds_what_the_token_may_see_and_nothing_else(world: World, agent: Program, admin: Program, stranger: Program):
    assert [row["id"] for row in (await agent("GET", "/conversations")).json()["items"]] == [world.seen.id]
    assert {row["id"] for row in (await admin("GET", "/conversations")).json()["items"]} == {world.seen.id, world.hidden.id}
    assert [row["id"] for row in (await stranger("GET", "/conversations")).json()["items"]] == [world.foreign.id]


async def test_times_are_utc_and_ids_are_numbers(world: World, agent: Program):
    row = (await agent("GET", f"/conversations/{world.seen.id}")).json()
    assert row["last_message_at"] == "2026-03-02T09:00:00Z"
    assert row["id"] == world.seen.id
    assert row["author"] == "Anna"
    assert row["labels"] == []


async def test_pages_follow_one_another_without_gap_or_repetition(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        for number in range(7):  # three of them at the very same moment
            await Make(session).conversation(world.open, last_message_at=MONDAY + timedelta(minutes=number // 3))
    seen: list[int] = []
    cursor = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await agent("GET", "/conversations", params=params)).json()
        seen += [row["id"] for row in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == 8
    whole = (await agent("GET", "/conversations", params={"limit": 200})).json()["items"]
    assert seen == [row["id"] for row in whole]


async def test_filters_narrow_the_list(database: Database, world: World, admin: Program):
    async with database.transaction() as session:
        make = Make(session)
        team = await make.team(world.workspace, world.agent)
        kept = {"assignee_id": world.agent.id, "team_id": team.id, "status": "pending", "waiting_since": MONDAY, "waiting_count": 1}
        wanted = await make.conversation(world.open, **kept, last_message_at=MONDAY - timedelta(days=1))
        label = Label(workspace_id=world.workspace.id, name="Press")
        session.add(label)
        await session.flush()
        access = Access(world.workspace.id, Role.ADMIN, "system")
        await labels.put(session, access, wanted, [label.id], now=MONDAY)
        await make.message(wanted, body="Where is the Rathaus?")
    for params in (
        {"status": "pending"},
        {"assignee": world.agent.id},
        {"team": team.id},
        {"label": label.id},
        {"waiting": True},
        {"view": "next"},
        {"q": "rathaus"},
        {"channel": world.open.id, "status": "pending", "q": "rathaus"},
    ):
        found = (await admin("GET", "/conversations", params=params)).json()["items"]
        assert [row["id"] for row in found] == [wanted.id], params
    nobody = (await admin("GET", "/conversations", params={"assignee": 0})).json()["items"]
    assert wanted.id not in {row["id"] for row in nobody}
    assert (await admin("GET", "/conversations", params={"q": "rathaus", "status": "open"})).json()["items"] == []


async def test_a_search_does_not_look_into_restricted_channels(world: World, agent: Program, admin: Program):
    assert (await agent("GET", "/conversations", params={"q": "confidential"})).json()["items"] == []
    assert len((await admin("GET", "/conversations", params={"q": "confidential"})).json()["items"]) == 1


@pytest.mark.parametrize(
    "params", [{"cursor": "nonsense"}, {"cursor": "2026-03-02_1"}, {"limit": 0}, {"limit": 201}, {"status": "lost"}, {"channel": 2**63}]
)
async def test_a_wrong_parameter_is_a_problem_and_no_error(world: World, agent: Program, params: dict):
    answer = await agent("GET", "/conversations", params=params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_language_is_told_chosen_and_taken_back(database: Database, world: World, agent: Program):
    path = f"/conversations/{world.seen.id}"
    async with database.transaction() as session:
        seen = await session.get_one(Conversation, world.seen.id)
        seen.language = seen.told_language = "de"
        await Make(session).conversation(world.open)
    chosen = await agent("PUT", f"{path}/language", json={"language": "pt"})
    assert chosen.json()["language"] == "pt"
    lists = {code: (await agent("GET", "/conversations", params={"language": code})).json()["items"] for code in ("pt", "de", "und")}
    assert {code: [row["language"] for row in rows] for code, rows in lists.items()} == {"pt": ["pt"], "de": [], "und": [None]}
    assert (await agent("GET", "/conversations", params={"view": "open.pt"})).json()["items"] == lists["pt"]
    assert (await agent("PUT", f"{path}/language", json={"language": None})).json()["language"] == "de"
    for wrong in ("xx", "und", "", "german", 7):
        assert (await agent("PUT", f"{path}/language", json={"language": wrong})).status_code == 422, wrong
    assert (await agent("GET", "/conversations", params={"language": "german"})).status_code == 422
    assert (await agent("GET", "/conversations", params={"view": "open.german"})).status_code == 404
    kinds = [event["kind"] for event in (await agent("GET", "/events")).json()["events"]]
    assert kinds == ["conversation.language_changed"] * 2


async def test_a_conversation_is_assigned_moved_and_labelled(database: Database, world: World, agent: Program):
    path = f"/conversations/{world.seen.id}"
    assigned = await agent("PUT", f"{path}/assignment", json={"assignee_id": world.agent.id})
    assert assigned.json()["assignee_id"] == world.agent.id
    later = (MONDAY + timedelta(days=1)).isoformat()
    snoozed = await agent("PUT", f"{path}/status", json={"status": "snoozed", "until": later})
    assert (snoozed.json()["status"], snoozed.json()["snoozed_until"]) == ("snoozed", "2026-03-03T09:00:00Z")
    async with database.transaction() as session:
        label = Label(workspace_id=world.workspace.id, name="Press")
        session.add(label)
    labelled = await agent("PUT", f"{path}/labels", json={"label_ids": [label.id]})
    assert labelled.json()["labels"] == ["Press"]
    urgent = await agent("PUT", f"{path}/priority", json={"priority": "urgent"})
    assert urgent.json()["priority"] == "urgent"
    kinds = [event["kind"] for event in (await agent("GET", "/events")).json()["events"]]
    assert kinds == ["conversation.assigned", "conversation.moved", "conversation.labelled", "conversation.prioritised"]


async def test_what_a_viewer_may_not_do_changes_nothing(database: Database, world: World, viewer: Program):
    for part, body in (("assignment", {"assignee_id": None}), ("status", {"status": "resolved"}), ("labels", {"label_ids": []})):
        answer = await viewer("PUT", f"/conversations/{world.seen.id}/{part}", json=body)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"
    async with database.transaction() as session:
        assert (await session.get_one(Conversation, world.seen.id)).status == "open"


async def test_a_field_that_nobody_knows_is_refused(world: World, agent: Program):
    answer = await agent("PUT", f"/conversations/{world.seen.id}/status", json={"status": "resolved", "silently": True})
    assert answer.status_code == 422


async def test_one_that_is_merged_is_answered_with_the_one_that_it_went_into(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        other = await Make(session).conversation(world.open, author_name="Cleo", contact_id=world.seen.contact_id)
        await Make(session).message(other, body="Me too")
    merged = await agent("POST", f"/conversations/{other.id}/merge", json={"into": world.seen.id})
    assert (merged.status_code, merged.json()["id"]) == (200, world.seen.id)
    assert (await agent("GET", f"/conversations/{other.id}")).json()["id"] == world.seen.id
    assert [row["id"] for row in (await agent("GET", "/conversations")).json()["items"]] == [world.seen.id]
    assert len((await agent("GET", f"/conversations/{other.id}/messages")).json()["items"]) == 2
    split = await agent("DELETE", f"/conversations/{other.id}/merge")
    assert (split.status_code, split.json()["id"]) == (200, other.id)
    assert (await agent("DELETE", f"/conversations/{other.id}/merge")).json()["code"] == "not_merged"


async def test_a_conversation_that_a_token_may_not_see_is_merged_with_nothing(world: World, agent: Program, viewer: Program):
    assert (await agent("POST", f"/conversations/{world.seen.id}/merge", json={"into": world.hidden.id})).status_code == 404
    assert (await agent("DELETE", f"/conversations/{world.hidden.id}/merge")).status_code == 404
    assert (await viewer("POST", f"/conversations/{world.seen.id}/merge", json={"into": world.seen.id})).status_code == 403
    assert (await agent("POST", f"/conversations/{world.seen.id}/merge", json={"into": world.seen.id})).json()["code"] == "merge_itself"
    assert (await agent("PUT", f"/conversations/{world.seen.id}/status", json={"status": "merged"})).json()["code"] == "merge_status"


async def test_messages_are_split_off_into_a_conversation_of_their_own(database: Database, world: World, agent: Program, viewer: Program):
    async with database.transaction() as session:
        identity = await Make(session).identity(world.open, name="Cleo")
        other = await Make(session).message(world.seen, body="And my bottles?", identity_id=identity.id, author_name="Cleo")
        await Make(session).message(world.seen, body="On Sunday?")
    path = f"/conversations/{world.seen.id}/split"
    assert (await viewer("POST", path, json={"messages": [other.id]})).status_code == 403
    assert (await agent("POST", path, json={"messages": []})).json()["code"] == "split_nothing"
    assert (await agent("POST", f"/conversations/{world.hidden.id}/split", json={"messages": [other.id]})).status_code == 404
    begun = await agent("POST", path, json={"messages": [other.id]})
    assert begun.status_code == 201
    assert (begun.json()["contact_id"], begun.json()["channel_id"]) == (identity.contact_id, world.open.id)
    there = (await agent("GET", f"/conversations/{begun.json()['id']}/messages")).json()["items"]
    assert [message["id"] for message in there] == [other.id]
    kinds = [event["kind"] for event in (await agent("GET", "/events")).json()["events"]]
    assert kinds[:3] == ["conversation.divided", "conversation.created", "conversation.divided"]
    again = await agent("POST", path, json={"messages": [other.id]})
    assert (again.status_code, again.json()["code"]) == (422, "split_foreign")
