"""Figures about waits."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.models import Channel, Conversation, Metric, Outcome, Role, Wait, Workspace
from inbox.promptness import metrics
from inbox.promptness.metrics import Cut
from inbox.promptness.survival import Duration, curve
from inbox.team.rights import Access
from tests.make import MONDAY, Make

HOUR = timedelta(hours=1)


def test_percentiles_of_what_is_all_answered_are_the_plain_ones():
    told = curve(Duration(seconds, 1) for seconds in range(1, 11))
    assert (told.percentile(0.5), told.percentile(0.9)) == (5, 9)
    assert told.answered_within(7) == pytest.approx(0.7)


def test_who_still_waits_pushes_the_percentiles_up():
    # Freireich's 6-MP arm, the textbook example: median 23 weeks, 0.627 still in remission at week 16 (Kalbfleisch and Prentice, 1980).
    answered = {6: 3, 7: 1, 10: 1, 13: 1, 16: 1, 22: 1, 23: 1}
    censored = {6: 1, 9: 1, 10: 1, 11: 1, 17: 1, 19: 1, 20: 1, 25: 1, 32: 2, 34: 1, 35: 1}
    told = curve(Duration(week, answered.get(week, 0), censored.get(week, 0)) for week in answered | censored)
    assert told.percentile(0.5) == 23
    assert told.percentile(0.9) is None
    assert told.answered_within(16) == pytest.approx(1 - 0.6275, abs=1e-3)


def test_nothing_is_told_of_nothing():
    assert curve([]).percentile(0.5) is None


class Desk:
    """A workspace with waits."""

    def __init__(self, session: AsyncSession, make: Make, channel: Channel, conversation: Conversation) -> None:
        self.session, self.make, self.channel, self.conversation = session, make, channel, conversation
        self.access = Access(workspace_id=channel.workspace_id, role=Role.ADMIN, actor="member:0", member_id=0)

    async def wait(self, minutes: float | None, *, outcome: Outcome | None = Outcome.ANSWERED, **values: Any) -> None:
        """One that was ended after so many minutes; None: still open."""
        channel = values.pop("channel", self.channel)
        opened_at = values.pop("opened_at", MONDAY)
        author = await self.make.identity(channel)
        closed = {} if minutes is None else {"closed_at": opened_at + timedelta(minutes=minutes), "outcome": outcome}
        rest = {"identity_id": author.id, "opened_at": opened_at, "opened_by": 1, "received_at": opened_at, "metric": Metric.FIRST}
        where = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "conversation_id": self.conversation.id}
        self.session.add(Wait(**{**where, **rest, **closed, **values}))
        await self.session.flush()

    async def figures(self, by: Cut = Cut.ALL, *, now: datetime = MONDAY + HOUR, **values: Any) -> list[metrics.Figure]:
        access = values.pop("access", self.access)
        return await metrics.figures(self.session, access, since=MONDAY, until=MONDAY + HOUR, now=now, by=by, **values)


@pytest.fixture
async def desk(session: AsyncSession, make: Make) -> Desk:
    channel = await make.channel(await make.workspace())
    return Desk(session, make, channel, await make.conversation(channel))


async def test_open_waits_count_and_only_answers_are_answers(desk: Desk):
    for minutes in (10, 20, 30):
        await desk.wait(minutes)
    await desk.wait(None)
    await desk.wait(5, outcome=Outcome.NOT_NEEDED)
    await desk.wait(1, outcome=Outcome.SPAM)
    await desk.wait(1, metric=Metric.NEXT)
    await desk.wait(1, opened_at=MONDAY - HOUR)
    (figure,) = await desk.figures(target_seconds=1200)
    assert (figure.n, figure.answered, figure.open_now, figure.cohort) == (5, 3, 1, "arrival")
    assert (figure.p50, figure.p90, figure.mean) == (1200, None, 1200)
    assert figure.share == pytest.approx(0.5)


async def test_channels_have_their_own_figures_and_hidden_ones_none(desk: Desk, make: Make):
    hidden = await make.channel(await _workspace(desk), restricted=True)
    await desk.wait(10)
    await desk.wait(20, channel=hidden)
    assert [figure.key for figure in await desk.figures(Cut.CHANNEL)] == [desk.channel.id, hidden.id]
    agent = Access(workspace_id=desk.channel.workspace_id, role=Role.AGENT, actor="member:9", member_id=9)
    assert [figure.key for figure in await desk.figures(Cut.CHANNEL, access=agent)] == [desk.channel.id]


async def test_a_wait_still_open_is_of_who_has_the_conversation_now(desk: Desk):
    desk.conversation.team_id = (await desk.make.team(await _workspace(desk))).id
    await desk.session.flush()
    await desk.wait(None)
    await desk.wait(10)
    assert [(figure.key, figure.n) for figure in await desk.figures(Cut.TEAM)] == [(desk.conversation.team_id, 1), (None, 1)]


@pytest.mark.parametrize(
    ("setting", "keys"),
    [
        ("off", []),  # nobody's
        ("own", ["me"]),  # only the asking member's
        ("groups", []),  # no team of five
        ("named", ["me", "other"]),
    ],
)
async def test_figures_of_members_are_told_only_as_the_installation_allows(desk: Desk, make: Make, setting: Any, keys: list[str]):
    workspace = await _workspace(desk)
    members = {"me": await make.member(workspace), "other": await make.member(workspace)}
    for member in members.values():
        await desk.wait(10, member_id=member.id)
    access = Access(workspace_id=workspace.id, role=Role.SUPERVISOR, actor="member:1", member_id=members["me"].id)
    found = await desk.figures(Cut.MEMBER, access=access, member_figures=setting)
    assert [figure.key for figure in found] == [members[key].id for key in keys]
    looks = [event.data["member"] for event in events.recorded(desk.session) if event.kind == "figures.viewed"]
    assert looks == ([members["other"].id] if setting == "named" else [])


async def test_a_team_of_five_is_told_as_a_group(desk: Desk, make: Make):
    workspace = await _workspace(desk)
    large = await make.team(workspace, *[await make.member(workspace) for _ in range(5)])
    small = await make.team(workspace, *[await make.member(workspace) for _ in range(4)])
    for team in (large, small):
        await desk.wait(10, team_id=team.id)
    assert [figure.key for figure in await desk.figures(Cut.MEMBER, member_figures="groups")] == [large.id]


async def test_a_typical_answer_needs_ten_answers(desk: Desk):
    for minutes in range(1, 10):
        await desk.wait(minutes)
    assert await metrics.typical_answer(desk.session, desk.channel.id, MONDAY + HOUR) is None
    await desk.wait(10)
    assert await metrics.typical_answer(desk.session, desk.channel.id, MONDAY + HOUR) == 300
    assert await metrics.typical_answer(desk.session, desk.channel.id, MONDAY + timedelta(days=29)) is None


async def _workspace(desk: Desk) -> Workspace:
    return await desk.session.get_one(Workspace, desk.channel.workspace_id)


async def test_who_waits_now_is_counted_by_age_and_the_oldest_is_named(desk: Desk):
    now = MONDAY + timedelta(days=3)
    for age in (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=40), timedelta(hours=5), timedelta(days=2)):
        await desk.wait(None, opened_at=now - age)
    await desk.wait(5, opened_at=now - timedelta(days=2, hours=5))
    waiting = await metrics.open_waits(desk.session, desk.access, now=now)
    assert (waiting.count, waiting.ages) == (5, (1, 2, 1, 1))
    assert waiting.oldest_at == now - timedelta(days=2)
    assert waiting.oldest_conversation_id == desk.conversation.id


async def test_nobody_waits_where_nobody_waits(desk: Desk):
    waiting = await metrics.open_waits(desk.session, desk.access, now=MONDAY)
    assert (waiting.count, waiting.ages, waiting.oldest_at, waiting.oldest_conversation_id) == (0, (0, 0, 0, 0), None, None)


async def test_who_waits_on_a_channel_that_one_may_not_see_is_not_counted(desk: Desk):
    hidden = await desk.make.channel(await desk.session.get_one(Workspace, desk.access.workspace_id), restricted=True)
    await desk.wait(None, channel=hidden)
    agent = Access(workspace_id=desk.access.workspace_id, role=Role.AGENT, actor="member:0", member_id=0)
    assert (await metrics.open_waits(desk.session, agent, now=MONDAY + HOUR)).count == 0
    assert (await metrics.open_waits(desk.session, desk.access, now=MONDAY + HOUR)).count == 1


async def test_days_are_those_of_the_time_zone_and_those_without_waits_are_there_too(desk: Desk):
    late = MONDAY.replace(hour=23, minute=30)  # already Tuesday in Berlin
    await desk.wait(30, opened_at=late)
    await desk.wait(90, opened_at=MONDAY)
    await desk.wait(None, opened_at=MONDAY)
    since, until = MONDAY - timedelta(hours=10), MONDAY + timedelta(days=2, hours=14)  # midnights in Berlin
    told = await metrics.days(desk.session, desk.access, since=since, until=until, timezone="Europe/Berlin", target_seconds=3600)
    assert [(day.on.day, day.n, day.within, day.open_now) for day in told] == [(2, 2, 0, 1), (3, 1, 1, 0), (4, 0, 0, 0)]
