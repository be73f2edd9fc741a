"""The screen on the wall: what it shows to whom, and that what is pushed is what the page would show."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.deps import COOKIE, House
from inbox import events
from inbox.models import BreachForecast, Channel, ChannelState, Conversation, Member, Presence, Wait
from inbox.promptness.forecast import Forecast
from tests.api.office import SECONDS, Office, opened
from tests.make import Make


@pytest.fixture
async def office(house: House) -> AsyncIterator[Office]:
    async with opened(house) as office:
        yield office


async def parts(office: Office, member: Member) -> dict[str, str]:
    """The page's two parts, as it has them when it is loaded."""
    cookies = {COOKIE: await office.token(member)}
    transport = httpx.ASGITransport(app=office.app)
    async with httpx.AsyncClient(transport=transport, base_url=office.address, cookies=cookies, headers={"accept": "text/html"}) as browser:
        page = (await browser.get(f"/w/{office.workspace.id}/wallboard")).text
    board = page[page.index('<div class="wall-board"') : page.index('<section class="wall-part wall-people"')]
    people = page[page.index('<section class="wall-part wall-people"') : page.index("</main>")]
    return {"board": board.strip(), "board-people": people.strip()}


def figures(board: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", found).strip() for found in re.findall(r'<p class="wall-figure">(.*?)</p>', board, re.DOTALL)]


async def watch(page: Any) -> dict[str, str]:
    """Say that the page is a wallboard; what it shows from then on, by part."""
    await page.say(t="show", board=True)
    await page.hear(lambda op: op.get("put") == "board-people")  # the second part
    return shown(page)


def shown(page: Any) -> dict[str, str]:
    return {op["put"]: op["html"].strip() for op in page.ops if op.get("put", "").startswith("board")}


async def due_in(office: Office, minutes: float) -> None:
    """Every open wait is due then; told as policies tell it."""

    async def work(session: AsyncSession) -> None:
        due = datetime.now(UTC) + timedelta(minutes=minutes)
        await session.execute(update(Wait).where(col(Wait.closed_at).is_(None)).values(due_at=due, target_seconds=3600))
        events.record(session, "wait.breached", workspace_id=office.workspace.id, at=due, actor="system", conversation_id=1, wait=1)

    await office.do(work)


async def test_what_is_pushed_is_what_the_page_would_show(office: Office) -> None:
    async with office.page(office.agent) as page:
        assert figures((await watch(page))["board"])[0] == "0"
        await office.say("Where is my parcel?")
        await page.hear(lambda op: op.get("put") == "board" and figures(op["html"])[0] == "1")
        await office.say("And mine?", thread="other")
        await page.hear(lambda op: op.get("put") == "board" and figures(op["html"])[0] == "2")
        await due_in(office, 10)
        await page.hear(lambda op: op.get("put") == "board" and figures(op["html"])[2] == "2")
        assert shown(page) == await parts(office, office.agent)
        await due_in(office, -10)
        await page.hear(lambda op: op.get("put") == "board" and figures(op["html"])[2:] == ["0", "2"])
        assert shown(page) == await parts(office, office.agent)


async def test_it_counts_what_its_reader_may_see(office: Office) -> None:
    await office.say("public")
    await office.say("secret", channel=office.secret, thread="hidden")
    assert figures((await parts(office, office.agent))["board"])[0] == "1"
    assert figures((await parts(office, office.insider))["board"])[0] == "2"
    async with office.page(office.agent) as page, office.page(office.insider) as insider:
        assert office.secret.name not in (await watch(page))["board"]
        assert office.secret.name in (await watch(insider))["board"]


async def test_nothing_is_pushed_when_nothing_on_it_has_changed(office: Office) -> None:
    await office.say("Where is my parcel?")
    async with office.page(office.agent) as page:
        await watch(page)
        before = len(page.ops)
        await office.do(lambda session: read(session, office))
        await office.say("Here!", thread="more")
        await page.hear(lambda op: op.get("put") == "board" and figures(op["html"])[0] == "2")
        assert [op["put"] for op in page.ops[before:] if "put" in op] == ["board"]


async def read(session: AsyncSession, office: Office) -> None:
    data = {"conversation_id": 1, "member": office.agent.id}
    events.record(session, "conversation.read", workspace_id=office.workspace.id, at=datetime.now(UTC), actor="system", **data)


async def test_it_tells_how_well_each_channel_is_read(office: Office) -> None:
    async def trouble(session: AsyncSession) -> None:
        await session.execute(
            update(Channel).where(col(Channel.id) == office.channel.id).values(state=ChannelState.BROKEN, lag_seconds=300)
        )

    await office.do(trouble)
    board = (await parts(office, office.agent))["board"]
    assert "Stopped" in board
    assert "5 min behind" in board


async def test_what_is_likely_to_miss_is_told_by_the_forecast(office: Office) -> None:
    await office.say("Where is my parcel?")
    await due_in(office, 120)
    assert "No forecast yet" in (await parts(office, office.agent))["board"]

    async def foretell(session: AsyncSession) -> None:
        fitted = Forecast("base", "little", 0.9).to_dict()
        now = datetime.now(UTC)
        session.add(BreachForecast(workspace_id=office.workspace.id, claimed_at=now, fitted_at=now, fitted=fitted))

    await office.do(foretell)
    assert "1 of all is likely to miss its target" in (await parts(office, office.agent))["board"]


@pytest.mark.parametrize(
    ("figures", "seen", "unseen", "logged"),
    [
        ("off", [], ["Ann Agent", "Ben Boss", "Crew"], 0),
        ("own", ["Ann Agent"], ["Ben Boss", "Crew"], 0),
        ("groups", ["Crew", "1 of 5 here"], ["Ann Agent", "Ben Boss", "Pair"], 0),
        ("named", ["Ann Agent", "Ben Boss"], ["Crew"], 4),  # the others, of five
    ],
)
async def test_members_are_shown_as_the_installation_allows(
    house: House, figures: str, seen: list[str], unseen: list[str], logged: int
) -> None:
    settings = house.settings.model_copy(update={"member_figures": figures})
    async with opened(replace(house, settings=settings)) as office:

        async def staff(session: AsyncSession) -> None:
            make = Make(session)
            ann, ben = await session.get_one(Member, office.agent.id), await session.get_one(Member, office.insider.id)
            ann.name, ben.name = "Ann Agent", "Ben Boss"
            others = [await make.member(office.workspace) for _ in range(3)]
            await make.team(office.workspace, ann, ben, *others, name="Crew")
            await make.team(office.workspace, ann, ben, name="Pair")
            until = datetime.now(UTC) + timedelta(hours=1)
            session.add(Presence(workspace_id=office.workspace.id, conversation_id=1, member_id=ben.id, until=until))
            await session.execute(update(Conversation).values(assignee_id=ann.id))

        await office.say("Where is my parcel?")
        await office.do(staff)
        people = (await parts(office, office.agent))["board-people"]
        assert [name for name in seen if name not in people] == []
        assert [name for name in unseen if name in people] == []
        assert await looks(office) == logged
        async with office.page(office.agent) as page:
            people = (await watch(page))["board-people"]
        assert [name for name in unseen if name in people] == []
        async with asyncio.timeout(SECONDS):  # the look is committed after the frame has left
            while await looks(office) < 2 * logged:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await looks(office) == 2 * logged


async def looks(office: Office) -> int:
    found = await office.do(lambda session: events.since(session, 0))
    return sum(event.kind == "figures.viewed" for event in found)
