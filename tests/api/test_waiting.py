"""Who waits, corrected by people over the page's own doors."""

from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Conversation, Message, Role, Wait, Workspace
from tests.api.people import browser, found, kinds, person
from tests.make import Make


@dataclass(frozen=True, slots=True)
class Asked:
    """Where Anna's conversation is, her message, and Bernd's."""

    workspace: Workspace
    conversation: int
    message: int
    other: int

    @property
    def path(self) -> str:
        return f"/w/{self.workspace.id}/conversations/{self.conversation}"

    @property
    def wait(self) -> str:
        return f"{self.path}/messages/{self.message}/wait"


@pytest.fixture
async def asked(house: House) -> Asked:
    """Anna asks in the first conversation, Bernd in the second."""
    workspace = await found(house)
    now = house.clock()
    events = [
        Event(f"e{number}", EventKind.MESSAGE, f"m{number}", f"t{number}", now, Author(name, name), "Where is it?")
        for number, name in enumerate(("Anna", "Bernd"), start=1)
    ]
    async with house.database.transaction() as session:
        channel: Channel = await Make(session).channel(workspace)
        await receive.receive(session, channel, Batch(events), now=now, move_cursor=False)
        anna, bernd = (await session.scalars(select(Message).order_by(col(Message.id)))).all()
    return Asked(workspace, anna.conversation_id, anna.id, bernd.id)


async def waiting(house: House) -> list[str | None]:
    async with house.database.transaction() as session:
        rows = (await session.scalars(select(Wait).order_by(col(Wait.id)))).all()
        return [row.outcome and row.outcome.value for row in rows]


async def test_no_answer_needed_ends_the_wait_of_one_and_can_be_taken_back(app: FastAPI, house: House, asked: Asked):
    async with browser(app, await person(house, asked.workspace, role=Role.AGENT)) as client:
        client.headers["accept"] = "application/json"
        assert (await client.put(asked.wait, data={"waits": "false"})).status_code == 204
        assert await waiting(house) == ["not_needed", None]
        assert (await client.delete(asked.wait)).status_code == 204
        assert await waiting(house) == [None, None]
        assert (await client.put(asked.wait, data={"waits": "true"})).status_code == 204
        assert await waiting(house) == [None, None]
    assert (await kinds(house)).count("wait.corrected") == 1


async def test_a_form_without_scripts_leads_back_to_the_conversation(app: FastAPI, house: House, asked: Asked):
    async with browser(app, await person(house, asked.workspace, role=Role.AGENT)) as client:
        answer = await client.post(asked.wait, data={"waits": "false"})
        assert (answer.status_code, answer.headers["location"]) == (303, asked.path)
        assert (await client.post(asked.wait + "/undo")).status_code == 303
    assert await waiting(house) == [None, None]


async def test_a_resolved_conversation_is_taken_back_with_its_waits(app: FastAPI, house: House, asked: Asked):
    async with browser(app, await person(house, asked.workspace, role=Role.AGENT)) as client:
        client.headers["accept"] = "application/json"
        await client.put(asked.path + "/status", data={"status": "resolved"})
        assert await waiting(house) == ["not_needed", None]
        assert (await client.delete(asked.path + "/status")).status_code == 204
    assert await waiting(house) == [None, None]
    async with house.database.transaction() as session:
        assert (await session.get_one(Conversation, asked.conversation)).status == "open"


async def test_a_message_of_another_conversation_is_not_found(app: FastAPI, house: House, asked: Asked):
    async with browser(app, await person(house, asked.workspace, role=Role.AGENT)) as client:
        assert (await client.put(f"{asked.path}/messages/{asked.other}/wait", data={"waits": "false"})).status_code == 404


@pytest.mark.parametrize(("method", "path"), [("PUT", "/messages/{}/wait"), ("DELETE", "/messages/{}/wait"), ("DELETE", "/status")])
async def test_a_viewer_corrects_nothing(app: FastAPI, house: House, asked: Asked, method: str, path: str):
    async with browser(app, await person(house, asked.workspace, role=Role.VIEWER)) as client:
        assert (await client.request(method, asked.path + path.format(asked.message), data={"waits": "false"})).status_code == 403
    assert await waiting(house) == [None, None]
