"""Who waits, corrected by people over the page's own doors."""

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.deps import House
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Conversation, Role, Wait, Workspace
from tests.api.people import browser, found, kinds, person
from tests.make import Make

PATH = "/w/1/conversations/1"


@pytest.fixture
async def workspace(house: House) -> Workspace:
    """Anna asks in the first conversation, Bernd in the second."""
    workspace = await found(house)
    now = house.clock()
    asked = [
        Event(f"e{number}", EventKind.MESSAGE, f"m{number}", f"t{number}", now, Author(name, name), "Where is it?")
        for number, name in enumerate(("Anna", "Bernd"), start=1)
    ]
    async with house.database.transaction() as session:
        channel: Channel = await Make(session).channel(workspace)
        await receive.receive(session, channel, Batch(asked), now=now, move_cursor=False)
    return workspace


async def waiting(house: House) -> list[str | None]:
    async with house.database.transaction() as session:
        rows = (await session.scalars(select(Wait).order_by(Wait.id))).all()  # type: ignore[arg-type]
        return [row.outcome and row.outcome.value for row in rows]


async def test_no_answer_needed_ends_the_wait_of_one_and_can_be_taken_back(app: FastAPI, house: House, workspace: Workspace):
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as client:
        client.headers["accept"] = "application/json"
        assert (await client.put(f"{PATH}/messages/1/wait", data={"waits": "false"})).status_code == 204
        assert await waiting(house) == ["not_needed", None]
        assert (await client.delete(f"{PATH}/messages/1/wait")).status_code == 204
        assert await waiting(house) == [None, None]
        assert (await client.put(f"{PATH}/messages/1/wait", data={"waits": "true"})).status_code == 204
        assert await waiting(house) == [None, None]
    assert (await kinds(house)).count("wait.corrected") == 1


async def test_a_form_without_scripts_leads_back_to_the_conversation(app: FastAPI, house: House, workspace: Workspace):
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as client:
        answer = await client.post(f"{PATH}/messages/1/wait", data={"waits": "false"})
        assert (answer.status_code, answer.headers["location"]) == (303, PATH)
        assert (await client.post(f"{PATH}/messages/1/wait/undo")).status_code == 303
    assert await waiting(house) == [None, None]


async def test_a_resolved_conversation_is_taken_back_with_its_waits(app: FastAPI, house: House, workspace: Workspace):
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as client:
        client.headers["accept"] = "application/json"
        await client.put(f"{PATH}/status", data={"status": "resolved"})
        assert await waiting(house) == ["not_needed", None]
        assert (await client.delete(f"{PATH}/status")).status_code == 204
    assert await waiting(house) == [None, None]
    async with house.database.transaction() as session:
        assert (await session.get_one(Conversation, 1)).status == "open"


async def test_a_message_of_another_conversation_is_not_found(app: FastAPI, house: House, workspace: Workspace):
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as client:
        assert (await client.put(f"{PATH}/messages/2/wait", data={"waits": "false"})).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("PUT", "/messages/1/wait"), ("DELETE", "/messages/1/wait"), ("DELETE", "/status")])
async def test_a_viewer_corrects_nothing(app: FastAPI, house: House, workspace: Workspace, method: str, path: str):
    async with browser(app, await person(house, workspace, role=Role.VIEWER)) as client:
        assert (await client.request(method, PATH + path, data={"waits": "false"})).status_code == 403
    assert await waiting(house) == [None, None]
