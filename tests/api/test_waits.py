"""Why was this late? The page of one wait, and the same by program."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from inbox.conversations import assignment, status
from inbox.models import Conversation, Role, Status, Wait
from inbox.team import tokens
from tests.api.people import ORIGIN, Person, browser, person
from tests.api.test_waiting import Asked, asked

__all__ = ["asked"]  # the fixture


@pytest.fixture
async def lotte(house: House, asked: Asked) -> Person:
    """Her colleague had the conversation for five minutes, and then resolved it without an answer."""
    lotte = await person(house, asked.workspace, role=Role.AGENT, name="Lotte")
    mo = await person(house, asked.workspace, role=Role.SUPERVISOR, name="Mo Wagner")
    assert mo.member is not None
    async with house.database.transaction() as session:
        conversation = await session.get_one(Conversation, asked.conversation)
        after = house.clock() + timedelta(minutes=3)
        await assignment.assign(session, mo.access, conversation, member_id=mo.member.id, team_id=None, now=after)
        await status.move(session, mo.access, conversation, Status.RESOLVED, now=after + timedelta(minutes=5))
    return lotte


async def number(house: House) -> int:
    async with house.database.transaction() as session:
        return (await session.scalars(select(col(Wait.id)).order_by(col(Wait.id)))).all()[0]


async def test_the_page_cuts_the_wait_and_tells_no_colleagues_name(app: FastAPI, house: House, asked: Asked, lotte: Person):
    async with browser(app, lotte) as client:
        page = await client.get(f"/w/{asked.workspace.id}/waits/{await number(house)}")
        part = await client.get(f"/w/{asked.workspace.id}/waits/{await number(house)}", headers={"x-fragment": "wait"})
        conversation = await client.get(asked.path)
    assert page.status_code == part.status_code == 200
    for text in ("Nobody had it", "a colleague", "3 min", "5 min", "8 min"):
        assert text in page.text
        assert text in part.text
    assert "Mo Wagner" not in page.text
    assert "<html" in page.text
    assert "<html" not in part.text
    assert f'href="/w/{asked.workspace.id}/waits/{await number(house)}" data-wait' in conversation.text


async def test_a_program_reads_the_same_seconds(app: FastAPI, house: House, asked: Asked, lotte: Person):
    async with house.database.transaction() as session:
        token = await tokens.create(session, lotte.access, name="t", role=Role.AGENT, member_id=lotte.access.member_id, now=house.clock())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"authorization": f"Bearer {token}"}) as client:
        told = (await client.get(f"/api/v1/waits/{await number(house)}")).json()
    assert (told["seconds"], told["business_seconds"], told["outcome"]) == (480, 480, "not_needed")
    assert [(one["kind"], one["member_id"], one["member_hidden"], one["seconds"]) for one in told["segments"]] == [
        ("unassigned", None, False, 180),
        ("owner", None, True, 300),
    ]
