"""Merging over the page's own doors."""

import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, Conversation, Role, Workspace
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
