"""What is said, through /api/v1."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, text

from inbox.db import Database
from inbox.models import Attachment, Channel, Message
from tests.api.v1.conftest import Program, World
from tests.make import MONDAY, Make


async def reply(program: Program, world: World, key: str = "k1", **draft) -> httpx.Response:
    headers = {"idempotency-key": key}
    return await program("POST", f"/conversations/{world.seen.id}/replies", headers=headers, json={"body": "From 9 to 5."} | draft)


async def test_messages_come_newest_first_and_page_by_page(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        for number in range(4):
            await Make(session).message(world.seen, body=str(number), at=MONDAY + timedelta(minutes=number + 1))
    path = f"/conversations/{world.seen.id}/messages"
    first = (await agent("GET", path, params={"limit": 3})).json()
    second = (await agent("GET", path, params={"limit": 3, "cursor": first["next"]})).json()
    assert [message["body"] for message in first["items"] + second["items"]] == ["3", "2", "1", "0", "Opening hours?"]
    assert second["next"] is None


async def test_a_deleted_message_has_no_text_and_no_files(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        gone = await Make(session).message(world.seen, body="Regret", html="<p>Regret</p>", deleted_at=MONDAY)
        of = {"workspace_id": world.workspace.id, "conversation_id": world.seen.id, "message_id": gone.id}
        session.add(Attachment(**of, name="regret.png", media_type="image/png", created_at=MONDAY))
    answer = await agent("GET", f"/conversations/{world.seen.id}/messages/{gone.id}")
    assert answer.json()["deleted_at"] is not None
    assert "egret" not in answer.text


async def test_a_reply_is_queued_with_a_place_to_look_at(world: World, agent: Program):
    answer = await reply(agent, world)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["delivery"], told["author"], told["member_id"]) == ("queued", "Kim", world.agent.id)
    assert told["send_at"] == "2026-03-02T09:00:05Z"  # the undo window
    again = await agent.client.get(answer.headers["location"], headers=agent.headers)
    assert again.json() == told


@pytest.mark.parametrize(
    ("send_at", "sentence"),
    [
        ("9999-12-31T23:59:59-14:00", "a year from now"),
        ("2046-01-01T00:00:00+00:00", "a year from now"),
        ("2026-03-03T09:00:00", "time zone"),
    ],
)
async def test_no_reply_is_put_off_for_longer_than_anybody_can_read(world: World, agent: Program, send_at: str, sentence: str):
    answer = await reply(agent, world, send_at=send_at)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


@pytest.mark.parametrize(
    "until", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00%2B14:00", "2026-03-02T09:00:00"]
)
async def test_figures_of_a_time_that_cannot_be_are_refused(agent: Program, until: str):
    assert (await agent("GET", f"/metrics?until={until}")).status_code == 422


async def test_the_same_key_is_the_same_reply(database: Database, world: World, agent: Program, admin: Program):
    first, second = await reply(agent, world), await reply(agent, world)
    assert second.status_code == 202
    assert first.json()["id"] == second.json()["id"]
    other = await reply(admin, world)  # another program's key is another key
    assert other.json()["id"] != first.json()["id"]
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Message).where(Message.direction == "out")) == 2


async def test_the_same_reply_asked_for_at_once_by_many_is_queued_once(database: Database, world: World, agent: Program):
    answers = await asyncio.gather(*(reply(agent, world) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_what_could_not_be_committed_is_not_told_as_done(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        await session.execute(text("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$"))
        refusal = (
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        await session.execute(text(refusal))
    try:
        answers = [
            await reply(agent, world),
            await agent("POST", f"/conversations/{world.seen.id}/notes", json={"body": "Hm"}),
            await agent("PUT", f"/conversations/{world.seen.id}/status", json={"status": "resolved"}),
        ]
    finally:
        async with database.transaction() as session:
            await session.execute(text("DROP FUNCTION refuse CASCADE"))
    assert [answer.status_code for answer in answers] == [500] * 3
    assert (await agent("GET", f"/conversations/{world.seen.id}")).json()["status"] == "open"
    assert (await agent("GET", f"/conversations/{world.seen.id}/notes")).json() == []


async def test_a_reply_without_a_key_is_refused(world: World, agent: Program):
    answer = await agent("POST", f"/conversations/{world.seen.id}/replies", json={"body": "Hello"})
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_a_reply_to_a_thread_that_changed_is_stopped_unless_it_is_meant(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        newer = await Make(session).message(world.seen, body="Never mind")
    stopped = await reply(agent, world, seen_message_id=world.message.id)
    assert (stopped.status_code, stopped.json()["code"]) == (409, "thread_changed")
    assert (await reply(agent, world, seen_message_id=newer.id)).status_code == 202
    assert (await reply(agent, world, key="k2", seen_message_id=world.message.id, anyway=True)).status_code == 202


async def test_a_queued_reply_is_taken_back_with_its_text(world: World, agent: Program):
    queued = (await reply(agent, world)).json()
    undone = await agent("DELETE", f"/conversations/{world.seen.id}/replies/{queued['id']}")
    assert undone.json() == {"body": "From 9 to 5."}
    assert (await agent("GET", f"/conversations/{world.seen.id}/messages/{queued['id']}")).status_code == 404
    too_late = await agent("DELETE", f"/conversations/{world.seen.id}/replies/{queued['id']}")
    assert too_late.status_code == 409


@pytest.mark.parametrize(
    ("draft", "code"),
    [({"body": " "}, "empty"), ({"body": "Hello {{contact.name}}"}, "placeholders"), ({"parent_id": 10**6}, "parent_unknown")],
)
async def test_a_reply_that_cannot_be_sent_is_refused_with_its_reason(world: World, agent: Program, draft: dict, code: str):
    answer = await reply(agent, world, **draft)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_removed_channel_takes_no_reply(database: Database, world: World, agent: Program):
    async with database.transaction() as session:
        (await session.get_one(Channel, world.open.id)).removed_at = MONDAY
    assert (await reply(agent, world)).status_code == 409


async def test_a_viewer_reads_and_does_not_answer(world: World, viewer: Program):
    assert (await viewer("GET", f"/conversations/{world.seen.id}/messages")).status_code == 200
    assert (await reply(viewer, world)).status_code == 403
    assert (await viewer("POST", f"/conversations/{world.seen.id}/notes", json={"body": "Hm"})).status_code == 403


async def test_a_note_is_written_once_for_each_key(world: World, agent: Program):
    path = f"/conversations/{world.seen.id}/notes"
    for _ in range(2):
        written = await agent("POST", path, json={"body": "Ask the board"}, headers={"idempotency-key": "n1"})
        assert written.status_code == 201
    assert written.headers["location"] == f"/api/v1{path}"
    assert [note["body"] for note in (await agent("GET", path)).json()] == ["Ask the board"]
