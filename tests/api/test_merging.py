"""Merging and splitting off over the page's own doors."""

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Conversation, Message, Role, Workspace
from tests.api.people import browser, found, person
from tests.inbox.conversations.test_receive import everything
from tests.make import Make

SCRIPT = {"accept": "application/json"}


@pytest.fixture
async def place(house: House) -> tuple[Workspace, int, int]:
    """Two mails of Anna's in two conversations."""
    workspace, now = await found(house), house.clock()
    events = [
        Event(f"e{n}", EventKind.MESSAGE, f"m{n}", f"t{n}", now, Author("anna", "Anna"), text, conversation_kind=ConversationKind.EMAIL)
        for n, text in enumerate(("Where is it?", "Hello?"))
    ]
    async with house.database.transaction() as session:
        channel: Channel = await Make(session).channel(workspace)
        await receive.receive(session, channel, Batch(events), now=now, move_cursor=False)
        first, second = await everything(session, Conversation)
    return workspace, first.id, second.id


async def test_a_link_to_one_that_was_merged_leads_to_where_it_is(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, second = place
    path = f"/w/{workspace.id}/conversations"
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as page:
        assert [row["id"] for row in (await page.get(f"{path}/{second}/merge", headers=SCRIPT)).json()] == [first]
        assert (await page.put(f"{path}/{second}/merge", data={"into": first}, headers=SCRIPT)).status_code == 204
        moved = await page.get(f"{path}/{second}?view=open")
        assert (moved.status_code, moved.headers["location"].partition("/w/")[2]) == (
            303,
            f"{workspace.id}/conversations/{first}?view=open",
        )
        shown = await page.get(f"{path}/{first}")
        assert "Hello?" in shown.text
        assert "merged another conversation into this one" in shown.text
        assert f'id="row-{second}"' not in (await page.get(f"/w/{workspace.id}/inbox?view=open")).text
        assert (await page.delete(f"{path}/{second}/merge", headers=SCRIPT)).status_code == 204
        assert (await page.get(f"{path}/{second}")).status_code == 200


async def test_without_scripts_merging_shows_the_one_that_goes_on(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, second = place
    path = f"/w/{workspace.id}/conversations"
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as page:
        there = await page.post(f"{path}/{second}/merge", data={"into": first})
        assert (there.status_code, there.headers["location"]) == (303, f"{path}/{first}")
        back = await page.post(f"{path}/{second}/merge/undo")
        assert (back.status_code, back.headers["location"]) == (303, f"{path}/{second}")


async def test_a_viewer_merges_nothing(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, second = place
    async with browser(app, await person(house, workspace, role=Role.VIEWER)) as page:
        refused = await page.put(f"/w/{workspace.id}/conversations/{second}/merge", data={"into": first}, headers=SCRIPT)
        assert refused.status_code == 403


async def test_what_is_split_off_and_what_it_left_lead_to_each_other(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, second = place
    path = f"/w/{workspace.id}/conversations"
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as page:
        await page.put(f"{path}/{second}/merge", data={"into": first}, headers=SCRIPT)
        assert (await page.get(f"{path}/{first}/split", headers=SCRIPT)).status_code == 204
        chosen = await house_message(house, "Hello?")
        split = await page.post(f"{path}/{first}/split", data={"message": [chosen]}, headers=SCRIPT)
        assert split.status_code == 201
        begun = split.json()["id"]
        left, there = (await page.get(f"{path}/{first}")).text, (await page.get(f"{path}/{begun}")).text
        assert "split off 1 message into another conversation" in left
        assert f'data-open="{begun}"' in left
        assert f'id="message-{chosen}"' not in left
        assert "split this off from another conversation" in there
        assert f'data-open="{first}"' in there
        assert f'id="message-{chosen}"' in there
        assert first in [row["id"] for row in (await page.get(f"{path}/{begun}/merge", headers=SCRIPT)).json()]


async def test_without_scripts_splitting_off_shows_what_began(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, second = place
    path = f"/w/{workspace.id}/conversations"
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as page:
        await page.put(f"{path}/{second}/merge", data={"into": first}, headers=SCRIPT)
        there = await page.post(f"{path}/{first}/split", data={"message": [await house_message(house, "Hello?")]})
        assert (there.status_code, there.headers["location"]) == (303, f"{path}/{second + 1}")


async def test_a_viewer_splits_nothing_off(app: FastAPI, house: House, place: tuple[Workspace, int, int]):
    workspace, first, _ = place
    async with browser(app, await person(house, workspace, role=Role.VIEWER)) as page:
        for method in ("GET", "POST"):
            refused = await page.request(method, f"/w/{workspace.id}/conversations/{first}/split", headers=SCRIPT)
            assert refused.status_code == 403


async def house_message(house: House, body: str) -> int:
    async with house.database.transaction() as session:
        return (await session.scalars(select(col(Message.id)).where(col(Message.body) == body))).one()
