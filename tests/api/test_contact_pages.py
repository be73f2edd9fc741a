"""A person outside in the page: admins take along everything that is kept about them, or forget them."""

import io
import json
import zipfile
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from inbox.contract import Attachment, Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Contact, Message, Role, Workspace
from tests.api.people import browser, found, kinds, person
from tests.make import Make


@pytest.fixture
async def workspace(house: House) -> Workspace:
    """Anna wrote, with a file."""
    workspace = await found(house)
    now = house.clock()
    event = Event(
        "e1", EventKind.MESSAGE, "m1", "t1", now, Author("anna", "Anna  Becker"), "Secret words",
        attachments=(Attachment("a.txt", "text/plain", content=b"a secret file"),),
    )  # fmt: skip
    async with house.database.transaction() as session:
        channel: Channel = await Make(session).channel(workspace)
        await receive.receive(session, channel, Batch([event]), now=now, move_cursor=False, files=house.files)
    return workspace


async def rows(house: House, table: Any) -> Any:
    async with house.database.transaction() as session:
        return (await session.scalars(select(table).order_by(col(table.id)))).all()


async def address(house: House, workspace: Workspace) -> str:
    (contact,) = await rows(house, Contact)
    return f"/w/{workspace.id}/contacts/{contact.id}"


async def test_an_admin_takes_along_everything_about_a_contact(app: FastAPI, house: House, workspace: Workspace):
    async with browser(app, await person(house, workspace)) as client:
        answer = await client.post(await address(house, workspace) + "/export")
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "application/zip", "no-store")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        known = json.loads(archive.read("contact.json"))
        (name,) = [name for name in archive.namelist() if name.startswith("attachments/")]
        assert archive.read(name) == b"a secret file"
    assert known["messages"][0]["body"] == "Secret words"
    assert "contact.exported" in await kinds(house)


async def test_a_contact_is_forgotten_when_the_name_was_typed(app: FastAPI, house: House, workspace: Workspace):
    where = await address(house, workspace) + "/erasure"
    async with browser(app, await person(house, workspace)) as client:
        refused = await client.post(where, data={"name": "anna becker"})
        assert refused.status_code == 422
        assert [message.body for message in await rows(house, Message)] == ["Secret words"]
        answer = await client.post(where, data={"name": "Anna Becker ", "conversation": "1"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{workspace.id}/conversations/1")
    assert [message.body for message in await rows(house, Message)] == [""]
    assert "contact.erased" in await kinds(house)
    assert not [path for path in (house.settings.home / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT, Role.SUPERVISOR])
@pytest.mark.parametrize("what", ["export", "erasure"])
async def test_only_admins_may(app: FastAPI, house: House, workspace: Workspace, role: Role, what: str):
    async with browser(app, await person(house, workspace, role=role)) as client:
        answer = await client.post(f"{await address(house, workspace)}/{what}", data={"name": "Anna Becker"})
    assert answer.status_code == 403
    assert not {"contact.exported", "contact.erased"} & set(await kinds(house))


async def test_a_contact_under_legal_hold_stays(app: FastAPI, house: House, workspace: Workspace):
    async with house.database.transaction() as session:
        (await session.scalars(select(Contact))).one().legal_hold = True
    async with browser(app, await person(house, workspace)) as client:
        answer = await client.post(await address(house, workspace) + "/erasure", data={"name": "Anna Becker"})
    assert answer.status_code == 409
    assert [message.body for message in await rows(house, Message)] == ["Secret words"]
