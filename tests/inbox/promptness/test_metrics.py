"""Figures about waits."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import ConversationKind
from inbox.errors import Forbidden
from inbox.languages import UNKNOWN
from inbox.models import Channel, Conversation, ConversationLabel, Label, Metric, Outcome, Priority, Role, Wait, Workspace
from inbox.promptness import metrics, now_waiting, rhythm, typical, zones
from inbox.promptness.question import Cohort, Cut, Filters, Question
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

    async def basis(self, *, now: datetime = MONDAY + HOUR, **values: Any) -> metrics.Basis:
        given = {name: values.pop(name) for name in ("access", "member_figures", "shelf") if name in values}
        question = Question(**{"since": MONDAY, "until": MONDAY + HOUR, "now": now, **values})
        access = given.pop("access", self.access)
        return await metrics.basis(self.session, access, question, **given)

    async def figures(self, by: Cut = Cut.ALL, *, metric: Metric = Metric.FIRST, **values: Any) -> list[metrics.Figure]:
        basis = await self.basis(**values)
        setting = values.get("member_figures", "own")
        access = values.get("access", self.access)
        return (await metrics.figures(self.session, access, basis, [(by, metric)], member_figures=setting))[by, metric]


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
    (figure,) = await desk.figures(within=1200)
    assert (figure.n, figure.answered, figure.open_now, figure.not_needed, figure.reply_rate) == (5, 3, 1, 1, 0.6)
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
    viewer = await make.member(workspace, role=Role.VIEWER)  # answers nobody
    small = await make.team(workspace, viewer, *[await make.member(workspace) for _ in range(4)])
    for team in (large, small):
        await desk.wait(10, team_id=team.id)
    assert [figure.key for figure in await desk.figures(Cut.MEMBER, member_figures="groups")] == [large.id]


async def test_a_typical_answer_needs_ten_answers(desk: Desk):
    for minutes in range(1, 10):
        await desk.wait(minutes)
    assert await typical.answer(desk.session, desk.channel.id, MONDAY + HOUR) is None
    await desk.wait(10)
    assert await typical.answer(desk.session, desk.channel.id, MONDAY + HOUR) == 300
    assert await typical.answer(desk.session, desk.channel.id, MONDAY + timedelta(days=29)) is None


async def _workspace(desk: Desk) -> Workspace:
    return await desk.session.get_one(Workspace, desk.channel.workspace_id)


async def test_who_waits_now_is_counted_by_age_and_the_oldest_is_named(desk: Desk):
    now = MONDAY + timedelta(days=3)
    for age in (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=40), timedelta(hours=5), timedelta(days=2)):
        await desk.wait(None, opened_at=now - age)
    await desk.wait(5, opened_at=now - timedelta(days=2, hours=5))
    waiting = await now_waiting.open_waits(desk.session, desk.access, now=now)
    assert (waiting.count, waiting.ages) == (5, (1, 2, 1, 1))
    assert waiting.oldest_at == now - timedelta(days=2)
    assert waiting.oldest_conversation_id == desk.conversation.id


async def test_nobody_waits_where_nobody_waits(desk: Desk):
    waiting = await now_waiting.open_waits(desk.session, desk.access, now=MONDAY)
    assert (waiting.count, waiting.ages, waiting.oldest_at, waiting.oldest_conversation_id) == (0, (0, 0, 0, 0), None, None)


async def test_who_waits_on_a_channel_that_one_may_not_see_is_not_counted(desk: Desk):
    hidden = await desk.make.channel(await desk.session.get_one(Workspace, desk.access.workspace_id), restricted=True)
    await desk.wait(None, channel=hidden)
    agent = Access(workspace_id=desk.access.workspace_id, role=Role.AGENT, actor="member:0", member_id=0)
    assert (await now_waiting.open_waits(desk.session, agent, now=MONDAY + HOUR)).count == 0
    assert (await now_waiting.open_waits(desk.session, desk.access, now=MONDAY + HOUR)).count == 1


async def test_days_are_those_of_the_time_zone_and_those_without_waits_are_there_too(desk: Desk):
    late = MONDAY.replace(hour=23, minute=30)  # already Tuesday in Berlin
    await desk.wait(30, opened_at=late)
    await desk.wait(90, opened_at=MONDAY)
    await desk.wait(None, opened_at=MONDAY)
    since, until = MONDAY - timedelta(hours=10), MONDAY + timedelta(days=2, hours=14)  # midnights in Berlin
    told = rhythm.days(await desk.basis(since=since, until=until, now=until), ZoneInfo("Europe/Berlin"))
    assert [(day.on.day, day.n, day.within, day.open_now) for day in told] == [(2, 2, 0, 1), (3, 1, 1, 0), (4, 0, 0, 0)]


async def test_ended_waits_stand_to_their_targets_by_name(desk: Desk):
    due = MONDAY + timedelta(minutes=15)
    late = {"due_at": due, "breached_at": due, "target_seconds": 900}
    await desk.wait(10, due_at=due, target_seconds=900)
    await desk.wait(None, due_at=MONDAY + 2 * HOUR, target_seconds=7200)  # nobody can say yet
    await desk.wait(None, due_at=due, target_seconds=900)  # late, though not yet marked
    await desk.wait(20, **late)
    await desk.wait(20, **late, caught_up_late=True)
    await desk.wait(20, **late, late_on_policy=True)
    await desk.wait(20)
    (told,) = await desk.figures()
    assert (told.n, told.targeted, told.kept, told.late, told.caught_up_late, told.late_on_policy) == (7, 6, 1, 2, 1, 1)
    assert (told.attainment, told.team_attainment) == (pytest.approx(1 / 4), pytest.approx(1 / 3))


async def test_business_time_stands_beside_the_wall_clock(desk: Desk):
    for minutes, business in ((10, 60.0), (20, 120.0), (30, 300.0)):
        await desk.wait(minutes, business_seconds=business)
    (told,) = await desk.figures(within=120)
    assert (told.p50, told.business_p50, told.mean, told.business_mean) == (1200, 120, 1200, 160)
    assert (told.share, told.business_share) == (0, pytest.approx(2 / 3))


async def test_by_reply_a_wait_belongs_to_the_period_of_its_answer(desk: Desk):
    await desk.wait(90, opened_at=MONDAY - HOUR)  # answered within
    await desk.wait(60 * 24 * 20 + 30, opened_at=MONDAY - timedelta(days=20))  # three weeks old, answered within
    await desk.wait(90)  # answered after it
    await desk.wait(30, outcome=Outcome.NOT_NEEDED)
    (told,) = await desk.figures(cohort=Cohort.REPLY, now=MONDAY + 5 * HOUR)
    assert (told.n, told.answered, told.open_now) == (2, 2, 0)
    (told,) = await desk.figures(cohort=Cohort.ARRIVAL, now=MONDAY + 5 * HOUR)
    assert (told.n, told.answered) == (2, 1)


async def test_what_the_community_answered_stands_in_a_column_of_its_own(desk: Desk):
    await desk.wait(10)
    await desk.wait(None)
    await desk.wait(10, outcome=Outcome.ANSWERED_BY_COMMUNITY)
    (told,) = await desk.figures(Cut.CHANNEL)
    assert (told.n, told.community) == (2, 1)


async def test_every_cut_adds_up_to_all(desk: Desk, make: Make):
    workspace = await _workspace(desk)
    urgent = await make.conversation(desk.channel, priority=Priority.URGENT, kind=ConversationKind.REVIEW, language="ckb")
    labels = [await make._add(Label(workspace_id=workspace.id, name=name)) for name in ("a", "b")]
    for label in labels:
        await make._add(ConversationLabel(workspace_id=workspace.id, conversation_id=urgent.id, label_id=label.id))
    await desk.wait(10)
    await desk.wait(20, conversation_id=urgent.id)
    expected = {
        Cut.PRIORITY: {"urgent": 1, "normal": 1},
        Cut.KIND: {"review": 1, "direct": 1},
        Cut.LANGUAGE: {"ckb": 1, None: 1},
        Cut.LABEL: {labels[0].id: 1, labels[1].id: 1},  # who has none is in none, who has two is in both
        Cut.POLICY: {None: 2},
        Cut.POST: {None: 2},
    }
    for by, counts in expected.items():
        assert {figure.key: figure.n for figure in await desk.figures(by)} == counts
    for language, n in (("ckb", 1), (UNKNOWN, 1), ("de", 0)):
        assert sum(figure.n for figure in await desk.figures(filters=Filters(language=language))) == n
    for filters, n in ((Filters(label=labels[0].id), 1), (Filters(priority=Priority.URGENT), 1), (Filters(kind=ConversationKind.EMAIL), 0)):
        assert sum(figure.n for figure in await desk.figures(filters=filters)) == n


async def test_figures_of_one_member_are_refused_where_the_installation_shows_none(desk: Desk, make: Make):
    member = await make.member(await _workspace(desk))
    for setting in ("off", "own", "groups"):
        with pytest.raises(Forbidden):
            await desk.figures(filters=Filters(member=member.id), member_figures=setting)
    await desk.figures(filters=Filters(member=member.id), member_figures="named")
    assert [event.data["member"] for event in events.recorded(desk.session)] == [member.id]


async def test_hours_are_those_of_the_zone_before_and_after_its_clocks_change(desk: Desk):
    winter, summer = datetime(2026, 3, 28, 8, 30, tzinfo=UTC), datetime(2026, 3, 30, 8, 30, tzinfo=UTC)  # the clocks change on the 29th
    for opened_at in (winter, summer):
        await desk.wait(10, opened_at=opened_at)
    basis = await desk.basis(since=winter - HOUR, until=summer + HOUR, now=summer + HOUR)
    told = rhythm.week(basis, ZoneInfo("Europe/Berlin"))
    assert (told.begun[5][9], told.begun[0][10], sum(map(sum, told.begun))) == (1, 1, 2)
    assert told.handled == pytest.approx(2 / 50)
    assert sum(told.hours[6]) == 23  # the Sunday that is an hour short


def test_every_hour_of_a_zone_is_what_the_zone_itself_says():
    zone, since = ZoneInfo("Australia/Lord_Howe"), datetime(2026, 1, 1, tzinfo=UTC)  # half an hour of summer time
    moments = [since + timedelta(minutes=37 * step) for step in range(14_000)]
    told = rhythm.slots(np.array([zones.number(at) for at in moments]), zone, since, moments[-1])
    assert told.tolist() == [at.astimezone(zone).weekday() * 24 + at.astimezone(zone).hour for at in moments]


async def test_the_backlog_counts_who_waited_at_the_end_of_each_day_whenever_they_began(desk: Desk):
    midnight = MONDAY.replace(hour=0)
    await desk.wait(None, opened_at=midnight - timedelta(days=40))
    await desk.wait(60 * 24 * 41 + 60, opened_at=midnight - timedelta(days=40))  # ends on the second day
    await desk.wait(60 * 24 * 3 + 60, opened_at=midnight - timedelta(days=2))  # ends on the second day too
    await desk.wait(60, opened_at=midnight + HOUR)
    basis = await desk.basis(since=midnight, until=midnight + timedelta(days=3), now=midnight + timedelta(days=3))
    assert [(day.backlog, day.answered) for day in rhythm.days(basis, ZoneInfo("UTC"))] == [(3, 1), (1, 2), (1, 0)]
