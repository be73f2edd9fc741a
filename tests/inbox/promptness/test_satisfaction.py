"""Figures about satisfaction, by hand."""

from datetime import date, datetime, timedelta
from math import comb
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.models import (
    Channel,
    ConversationLabel,
    Delivery,
    Direction,
    Episode,
    Label,
    Priority,
    Rating,
    RatingState,
    Role,
    Workspace,
)
from inbox.promptness import satisfaction
from inbox.promptness.satisfaction import Cohort, Cut, Figure, Filters, Question
from inbox.team.rights import Access
from tests.make import MONDAY, Make

DAY = timedelta(days=1)


class World:
    """A workspace with two channels, and ratings made in one line."""

    workspace: Workspace
    channels: list[Channel]

    def __init__(self, session: AsyncSession, make: Make) -> None:
        self.session, self.make = session, make

    async def begin(self) -> "World":
        self.workspace = await self.make.workspace()
        self.channels = [await self.make.channel(self.workspace) for _ in range(2)]
        return self

    async def rate(
        self,
        score: int | None,
        *,
        channel: int = 0,
        asked: datetime = MONDAY,
        after: timedelta = timedelta(hours=1),
        kind: ConversationKind = ConversationKind.DIRECT,
        delivery: Delivery | None = None,
        **values: Any,
    ) -> Rating:
        connected = self.channels[channel]
        conversation = await self.make.conversation(connected, kind=kind)
        where = {"workspace_id": self.workspace.id, "channel_id": connected.id, "conversation_id": conversation.id}
        episode = await self.make._add(Episode(**where, ordinal=1, kind=kind, began_at=asked, received_at=asked))
        message = await self.make.message(conversation, direction=Direction.OUT, delivery=delivery) if delivery else None
        told = {"state": RatingState.ASKED, "asked_at": asked, "expires_at": asked + 30 * DAY, "score": score}
        told |= {"given_at": asked + after if score else None, "message_id": message and message.id, **values}
        return await self.make._add(Rating(**where, episode_id=episode.id, **told))

    async def figures(self, cut: Cut = Cut.ALL, cohort: Cohort = Cohort.ASKED, *, role: Role = Role.ADMIN, **filters: Any) -> list[Figure]:
        question = Question(MONDAY - 7 * DAY, MONDAY + 7 * DAY, Filters(**filters), cohort)
        member = await self.make.member(self.workspace, role=role)
        access = Access(self.workspace.id, role, f"member:{member.id}", member.id)
        return list((await satisfaction.figures(self.session, access, question, (cut,)))[cut])

    async def overall(self, **more: Any) -> Figure:
        (figure,) = await self.figures(**more)
        return figure


@pytest.fixture
async def world(session: AsyncSession, make: Make) -> World:
    return await World(session, make).begin()


async def test_the_share_is_of_fours_and_fives_among_those_who_answered(world: World):
    for score in (5, 4, 4, 3, 1, None, None, None):
        await world.rate(score)
    figure = await world.overall()
    assert (figure.asked, figure.given, figure.satisfied, figure.scores) == (8, 5, 3, (1, 0, 1, 2, 1))
    assert (figure.share, figure.mean, figure.response_rate) == (3 / 5, 17 / 5, 5 / 8)


async def test_without_an_answer_there_is_no_share(world: World):
    await world.rate(None)
    figure = await world.overall()
    assert (figure.asked, figure.given, figure.response_rate) == (1, 0, 0)
    assert (figure.share, figure.share_low, figure.share_high, figure.mean) == (None, None, None, None)
    assert await world.figures(channel=world.channels[1].id) == []


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # as R's binom::binom.wilson tells
        (1, 10, 0.0179, 0.4042),
        (8, 10, 0.4902, 0.9433),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_the_interval_is_wilsons(part: int, whole: int, low: float, high: float):
    assert satisfaction.interval(part, whole) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.9])
def test_the_interval_holds_the_true_share_about_95_times_in_100(share: float):
    whole = 40
    held = 0.0
    for part in range(whole + 1):
        low, high = satisfaction.interval(part, whole)
        assert low is not None
        assert high is not None
        held += comb(whole, part) * share**part * (1 - share) ** (whole - part) * (low <= share <= high)
    assert 0.92 < held < 0.98


async def test_what_could_not_be_delivered_was_not_asked_unless_it_was_answered(world: World):
    for delivery in (Delivery.SENT, Delivery.QUEUED, Delivery.AMBIGUOUS):
        await world.rate(None, delivery=delivery)
    await world.rate(None, delivery=Delivery.FAILED)
    await world.rate(None, delivery=Delivery.UNDONE)
    await world.rate(4, delivery=Delivery.FAILED)
    figure = await world.overall()
    assert (figure.asked, figure.not_asked, figure.given) == (4, 2, 1)


async def test_who_was_not_asked_is_counted_apart(world: World):
    await world.rate(5)
    for state in (RatingState.RECENT, RatingState.REFUSED, RatingState.UNREACHABLE):
        await world.rate(None, state=state)
    figure = await world.overall()
    assert (figure.asked, figure.not_asked, figure.response_rate) == (1, 3, 1)


async def test_a_cohort_by_question_holds_what_was_asked_then_and_one_by_answer_what_came_then(world: World):
    await world.rate(5, asked=MONDAY - 9 * DAY, after=3 * DAY)  # asked before, answered within
    await world.rate(1, asked=MONDAY + 6 * DAY, after=3 * DAY)  # asked within, answered after
    await world.rate(None)
    asked, given = await world.overall(), await world.overall(cohort=Cohort.GIVEN)
    assert (asked.asked, asked.given, asked.mean) == (2, 1, 1)
    assert (given.asked, given.not_asked, given.response_rate, given.given, given.mean) == (None, None, None, 1, 5)


async def test_a_period_has_its_first_moment_and_not_its_last(world: World):
    await world.rate(5, asked=MONDAY - 7 * DAY)
    await world.rate(1, asked=MONDAY + 7 * DAY)
    assert (await world.overall()).scores == (0, 0, 0, 0, 1)


async def test_each_cut_tells_its_own(world: World, make: Make, session: AsyncSession):
    team = await make.team(world.workspace)
    labels = [await make._add(Label(workspace_id=world.workspace.id, name=name)) for name in ("Parcel", "Press")]
    one = await world.rate(5, team_id=team.id, priority=Priority.HIGH)
    await world.rate(2, channel=1, kind=ConversationKind.EMAIL)
    for label in labels:
        session.add(ConversationLabel(workspace_id=world.workspace.id, conversation_id=one.conversation_id, label_id=label.id))
    await session.flush()

    async def told(cut: Cut, **filters: Any) -> dict[Any, float | None]:
        return {figure.key: figure.mean for figure in await world.figures(cut, **filters)}

    assert await told(Cut.CHANNEL) == {world.channels[0].id: 5, world.channels[1].id: 2}
    assert await told(Cut.TEAM) == {team.id: 5, None: 2}
    assert await told(Cut.KIND) == {"direct": 5, "email": 2}
    assert await told(Cut.PRIORITY) == {"high": 5, "normal": 2}
    assert await told(Cut.LABEL) == {labels[0].id: 5, labels[1].id: 5, None: 2}
    assert await told(Cut.LABEL, label=0) == {None: 2}
    assert await told(Cut.LABEL, label=labels[0].id) == {labels[0].id: 5, labels[1].id: 5}
    assert await told(Cut.ALL, team=team.id) == await told(Cut.ALL, label=labels[0].id) == {None: 5}
    assert await told(Cut.ALL, team=0) == await told(Cut.ALL, label=0) == {None: 2}
    assert await told(Cut.ALL, kind=ConversationKind.EMAIL) == await told(Cut.ALL, channel=world.channels[1].id) == {None: 2}
    assert await told(Cut.ALL, priority=Priority.HIGH, channel=world.channels[1].id) == {}


async def test_nothing_of_a_channel_that_one_may_not_see_nor_of_another_workspace(world: World, make: Make, session: AsyncSession):
    await world.rate(5)
    await world.rate(1, channel=1)
    world.channels[1].restricted = True
    await session.flush()
    other = await World(session, make).begin()
    await other.rate(1)
    assert (await world.overall(role=Role.AGENT)).mean == 5
    assert (await world.overall(role=Role.ADMIN)).mean == 3


async def test_a_week_begins_on_monday_by_the_days_of_the_time_zone(world: World):
    sunday = datetime(2026, 3, 1, 22, 30, tzinfo=ZoneInfo("UTC"))  # half past eleven in Berlin
    await world.rate(5, asked=sunday)
    await world.rate(1, asked=sunday + timedelta(hours=1))
    question = Question(MONDAY - 7 * DAY, MONDAY + 7 * DAY)
    access = Access(world.workspace.id, Role.ADMIN, "member:1", 1)

    async def weeks(zone: str) -> list[tuple[date, float | None]]:
        return [(week.on, week.figure.mean) for week in await satisfaction.weeks(world.session, access, question, ZoneInfo(zone))]

    assert await weeks("Europe/Berlin") == [(date(2026, 2, 23), 5), (date(2026, 3, 2), 1)]
    assert await weeks("UTC") == [(date(2026, 2, 23), 3)]


async def test_a_report_has_a_line_only_where_a_channel_asks(world: World, session: AsyncSession):
    await world.rate(5)
    access, question = Access(world.workspace.id, Role.ADMIN, "member:1", 1), Question(MONDAY - DAY, MONDAY + DAY)
    assert await satisfaction.overall(session, access, question) is None
    world.channels[1].asks_since = MONDAY
    await session.flush()
    figure = await satisfaction.overall(session, access, question)
    assert figure is not None
    assert figure.share == 1
