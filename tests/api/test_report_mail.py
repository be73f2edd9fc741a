"""Figures that leave by mail on their own: on time, once, to those who may see them."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, text, update
from sqlmodel import col

from api import report_mail
from api.deps import House
from inbox.contract import ConversationKind
from inbox.errors import Invalid, NotFound
from inbox.models import Channel, Conversation, Episode, Installation, Rating, RatingState, ReportSchedule, Rhythm, Role
from inbox.promptness import schedules
from tests.api import people
from tests.api.letterbox import Letterbox, letterbox
from tests.api.test_metrics import seeded

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def box(house: House) -> AsyncIterator[Letterbox]:
    async with letterbox() as box:
        mail = {"smtp_url": SecretStr(box.url), "mail_from": "Parley <inbox@example.org>"}
        house.settings = house.settings.model_copy(update=mail)
        yield box


async def mail(house: House, at: datetime) -> int:
    return await report_mail.mail_due(house.database, house.settings, clock=lambda: at)


async def scheduled(house: House, supervisor: people.Person, rhythm: Rhythm = Rhythm.WEEKLY) -> ReportSchedule:
    async with house.database.transaction() as session:
        return await schedules.create(session, supervisor.access, rhythm, [supervisor.access.member_id or 0], now=house.clock())


async def reader(house: House) -> people.Person:
    """A supervisor who sees one of two channels."""
    agent, *_ = await seeded(house)
    async with house.database.transaction() as session:
        member = await session.get_one(type(agent.member), agent.access.member_id)
        member.role = Role.SUPERVISOR
    agent.member = member
    return agent


async def test_no_race_makes_more_reports_than_a_workspace_has(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(schedules, "MOST", 1)
    someone = await reader(house)
    members = [someone.access.member_id or 0]
    async with house.database.transaction() as session:
        await schedules.create(session, someone.access, Rhythm.WEEKLY, members, now=house.clock())
        second = asyncio.create_task(scheduled(house, someone))
        waits = 0
        while not waits and not second.done():
            async with house.database.transaction() as other:
                waits = await other.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    with pytest.raises(Invalid, match="at most"):
        await second


async def test_the_page_says_that_a_report_was_added_and_removed(app: FastAPI, house: House):
    someone = await reader(house)
    address = f"/w/{someone.access.workspace_id}/metrics/schedules"
    async with people.browser(app, someone) as signed:
        added = await signed.post(address, data={"rhythm": "weekly", "members": [str(someone.access.member_id)]}, follow_redirects=True)
        (removal,) = re.findall(r"schedules/\d+/removal", added.text)
        removed = await signed.post(f"/w/{someone.access.workspace_id}/metrics/{removal}", follow_redirects=True)
        plain = await signed.get(address)
    assert ["Saved." in page.text for page in (added, removed, plain)] == [True, True, False]


async def test_a_report_leaves_on_monday_morning_once_however_many_look(house: House, box: Letterbox):
    someone = await reader(house)
    schedule = await scheduled(house, someone)
    assert schedule.next_at.astimezone(BERLIN).strftime("%a %d %H:%M") == "Mon 09 07:00"
    assert await mail(house, schedule.next_at - timedelta(seconds=1)) == 0
    assert sum(await asyncio.gather(*(mail(house, schedule.next_at) for _ in range(3)))) == 1
    (letter,) = box.letters
    assert (letter["to"], letter["subject"]) == (someone.account.email, "How promptly Harbour answered")
    assert await mail(house, schedule.next_at + timedelta(days=1)) == 0
    assert "report.mailed" in await people.kinds(house)


async def test_it_tells_the_figures_of_the_channels_that_its_reader_may_see(house: House, box: Letterbox):
    someone = await reader(house)
    async with house.database.transaction() as session:  # the waits began the day before, in the week that the report is about
        row = await session.get_one(ReportSchedule, (await scheduled(house, someone)).id)
        row.next_at = house.clock()
    assert await mail(house, house.clock()) == 1
    words = box.letters[0].get_content()
    assert "Waits: 4, answered 75 %, still waiting 1" in words
    assert "Board" not in words
    assert "Satisfaction" not in words  # nobody is asked


async def test_it_has_a_line_about_satisfaction_where_a_channel_asks(house: House, box: Letterbox):
    someone = await reader(house)
    async with house.database.transaction() as session:
        await session.execute(update(Channel).values(asks_since=house.clock()))
        conversation = (await session.scalars(select(Conversation).order_by(col(Conversation.id)).limit(1))).one()
        where = {"workspace_id": conversation.workspace_id, "channel_id": conversation.channel_id, "conversation_id": conversation.id}
        before = house.clock() - timedelta(days=1)
        episode = Episode(**where, ordinal=9, kind=ConversationKind.DIRECT, began_at=before, received_at=before)
        session.add(episode)
        await session.flush()
        ends = {"asked_at": before, "expires_at": house.clock() + timedelta(days=30), "given_at": house.clock()}
        session.add(Rating(**where, episode_id=episode.id, state=RatingState.ASKED, score=5, **ends))
        row = await session.get_one(ReportSchedule, (await scheduled(house, someone)).id)
        row.next_at = house.clock()
    assert await mail(house, house.clock()) == 1
    words = box.letters[0].get_content()
    assert "100 % of those who answered gave 4 or 5 (95 % sure: 21 to 100 %). 1 asked, 1 answered." in " ".join(words.split())


async def test_what_could_not_be_mailed_says_why(house: House, box: Letterbox):
    schedule = await scheduled(house, await reader(house))
    box.refusal = "550 no such person"
    assert await mail(house, schedule.next_at) == 0
    async with house.database.transaction() as session:
        row = await session.get_one(ReportSchedule, schedule.id)
        assert row.error
        assert row.next_at == schedule.next_at + timedelta(days=7)


async def test_a_held_installation_mails_nothing_and_loses_nothing(house: House, box: Letterbox):
    schedule = await scheduled(house, await reader(house))
    for held, letters in ((True, 0), (False, 1)):
        async with house.database.transaction() as session:
            (await session.get_one(Installation, 1)).held = held
        assert await mail(house, schedule.next_at) == letters


@pytest.mark.parametrize(
    ("rhythm", "now", "following"),
    [
        (Rhythm.WEEKLY, datetime(2026, 3, 2, 5, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC)),  # this very morning
        (Rhythm.WEEKLY, datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 9, 6, tzinfo=UTC)),
        (Rhythm.WEEKLY, datetime(2026, 3, 28, 6, tzinfo=UTC), datetime(2026, 3, 30, 5, tzinfo=UTC)),  # the clocks change between
        (Rhythm.MONTHLY, datetime(2026, 12, 1, 12, tzinfo=UTC), datetime(2027, 1, 1, 6, tzinfo=UTC)),
    ],
)
def test_the_next_is_the_morning_of_the_workspaces_own_zone(rhythm: Rhythm, now: datetime, following: datetime):
    assert schedules.following_moment(rhythm, now, BERLIN) == following


async def test_a_report_needs_readers_of_the_workspace(house: House):
    someone = await reader(house)
    async with house.database.transaction() as session:
        for readers in ([], [10**9]):
            with pytest.raises(Invalid):
                await schedules.create(session, someone.access, Rhythm.WEEKLY, readers, now=house.clock())
        with pytest.raises(NotFound):
            await schedules.remove(session, someone.access, 10**9, now=house.clock())


async def test_a_supervisor_adds_and_takes_away_a_report_on_its_page(app: FastAPI, house: House):
    someone = await reader(house)
    address = f"/w/{someone.access.workspace_id}/metrics/schedules"
    async with people.browser(app, someone) as browser:
        assert (await browser.post(address, data={"rhythm": "weekly"})).status_code == 422  # for nobody
        assert (await browser.post(address, data={"rhythm": "monthly", "members": [someone.access.member_id]})).status_code == 303
        page = await browser.get(address)
        assert "On the first of a month" in page.text
        assert "Next: 1 Apr, 07:00" in page.text
        async with house.database.transaction() as session:
            (row,) = await schedules.every(session, someone.access)
        assert (await browser.post(f"{address}/{row.id}/removal")).status_code == 303
        assert "Next:" not in (await browser.get(address)).text
