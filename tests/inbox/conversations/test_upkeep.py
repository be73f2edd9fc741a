"""What is known of how well a channel is read: left out on purpose, holes, credentials that end, silence."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import gaps, passed_over, receive, silence, standings
from inbox.errors import Forbidden
from inbox.models import Channel, ChannelHour, ChannelState, DeadLetter, Message, PassedOver, Role
from inbox.team.rights import Access
from tests.make import MONDAY, Make

BERLIN = ZoneInfo("Europe/Berlin")


def said(number: int, at: datetime = MONDAY, **more: Any) -> Event:
    values = {"text": f"Hello {number}", "author": Author("anna", "Anna"), **more}
    return Event(id=f"e{number}", kind=values.pop("kind", EventKind.MESSAGE), message_id=f"m{number}", thread_id="t", at=at, **values)


def kinds(session: AsyncSession) -> list[str]:
    return [told.kind for told in events.recorded(session)]


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace(timezone="Europe/Berlin"), state=ChannelState.HEALTHY)


@pytest.fixture
def admin(channel: Channel) -> Access:
    return Access(channel.workspace_id, Role.ADMIN, "system")


async def test_what_was_left_out_is_counted_by_reason_whichever_way_it_came(session: AsyncSession, channel: Channel):
    stream, hook = {"story_insights": 2, "unknown: feed/video": 1}, {"story_insights": 3}
    await receive.receive(session, channel, Batch([said(1)], "one", passed_over=stream), now=MONDAY, fence=0)
    later = MONDAY + timedelta(hours=1)
    await receive.receive(session, channel, Batch(passed_over=hook), now=later, move_cursor=False)
    first, second = await passed_over.of(session, channel.id)
    assert (first.reason, first.count, first.first_at, first.last_at) == ("story_insights", 5, MONDAY, later)
    assert (second.reason, second.count) == ("unknown: feed/video", 1)


async def test_a_batch_that_left_nothing_out_asks_nothing_of_the_table(session: AsyncSession, channel: Channel):
    heard: list[str] = []
    connection = (await session.connection()).sync_connection
    assert connection is not None
    event.listen(connection, "before_cursor_execute", lambda *told: heard.append(told[2]))
    await receive.receive(session, channel, Batch([said(1)], "one"), now=MONDAY, fence=0)
    assert not any("passed_over" in statement for statement in heard)


async def test_a_connector_that_makes_reasons_of_what_it_meets_does_not_fill_the_table(session: AsyncSession, channel: Channel):
    for turn in range(3):
        odd = {f"kind {turn}-{number}\0\ud800": 1 for number in range(150)}
        await receive.receive(session, channel, Batch(passed_over=odd), now=MONDAY, move_cursor=False)
    await receive.receive(session, channel, Batch(passed_over={"x" * 5000: 1, "": 4, "nothing": 0}), now=MONDAY, move_cursor=False)
    rows = await passed_over.of(session, channel.id)
    assert len(rows) == passed_over.MOST_REASONS + 1
    assert sum(row.count for row in rows) == 455
    assert rows[0].reason == passed_over.OTHERS


async def test_a_kind_of_event_that_nobody_knows_costs_no_neighbour(session: AsyncSession, channel: Channel):
    await receive.receive(session, channel, Batch([said(1), said(2, kind="poll_vote"), said(3)], "one"), now=MONDAY, fence=0)  # type: ignore[arg-type]
    assert await session.scalar(select(func.count()).select_from(Message)) == 2
    assert "poll_vote" in (await session.scalars(select(col(DeadLetter.reason)))).one()


async def test_a_lost_lease_counts_nothing(session: AsyncSession, channel: Channel):
    with pytest.raises(receive.LeaseLost):
        await receive.receive(session, channel, Batch(passed_over={"a": 1}), now=MONDAY, fence=7)
    assert not (await session.scalars(select(PassedOver))).all()


async def test_a_hole_stays_until_somebody_has_looked_into_it(session: AsyncSession, channel: Channel, admin: Access):
    await receive.receive(session, channel, Batch([said(1)], "one"), now=MONDAY, fence=0)
    found = MONDAY + timedelta(hours=5)
    await receive.receive(session, channel, Batch([said(2, found)], "two", gap=True), now=found, fence=0)
    (gap,) = await gaps.of(session, channel.id)
    assert (gap.since, gap.found_at, gap.acknowledged_at) == (MONDAY, found, None)
    await gaps.acknowledge(session, admin, channel, up_to=gap.id, now=found)
    await gaps.acknowledge(session, admin, channel, up_to=gap.id, now=found + timedelta(hours=1))
    (gap,) = await gaps.of(session, channel.id)
    await session.refresh(gap)
    assert gap.acknowledged_at == found
    assert [kind for kind in kinds(session) if "gap" in kind] == ["channel.gap_found", "channel.gap_acknowledged"]
    with pytest.raises(Forbidden):
        await gaps.acknowledge(session, Access(channel.workspace_id, Role.AGENT, "member:1", 1), channel, up_to=gap.id, now=found)


async def test_credentials_that_end_are_told_of_fourteen_and_three_days_before_once_each(session: AsyncSession, channel: Channel):
    channel.token_expires_at = MONDAY + timedelta(days=60)
    await session.flush()
    told = [await standings.warn(session, MONDAY + timedelta(hours=hours)) for hours in range(0, 62 * 24, 6)]
    days = [data.data["days"] for data in events.recorded(session)]
    assert (sum(told), days) == (2, [14, 3])


async def test_credentials_that_are_renewed_are_told_of_again_and_hourly_ones_only_once(session: AsyncSession, channel: Channel):
    async def ends(at: datetime, now: datetime) -> int:
        await session.execute(update(Channel).values(token_expires_at=at))
        session.expire_all()
        return await standings.warn(session, now)

    hourly = [await ends(MONDAY + timedelta(hours=hour + 1), MONDAY + timedelta(hours=hour)) for hour in range(100)]
    assert sum(hourly) == 1
    assert await ends(MONDAY + timedelta(days=60), MONDAY + timedelta(days=5)) == 0
    assert await ends(MONDAY + timedelta(days=60), MONDAY + timedelta(days=58)) == 1


def habits(weeks: int, hours: Sequence[int], days: Sequence[int] = range(7)) -> list[datetime]:
    """Something came in each of these hours of each of these days, by Berlin's clock, in the weeks before Monday midnight there."""
    midnight = datetime(2026, 3, 2, tzinfo=BERLIN)
    return [
        (midnight - timedelta(days=7 * week + 7 - day) + timedelta(hours=hour)).astimezone(UTC)
        for week in range(weeks)
        for day in days
        for hour in hours
    ]


OFFICE, WORKDAYS = range(8, 18), range(5)
FRIDAY_EVENING = datetime(2026, 2, 27, 17, 30, tzinfo=BERLIN)
LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def weeks_before(since: datetime, weeks: int) -> datetime:
    return since - timedelta(weeks=weeks)


SUNDAY = datetime(2026, 3, 1, 12, 10, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("hours", "since", "known", "expected"),
    [
        (habits(9, OFFICE, WORKDAYS), FRIDAY_EVENING, 9, datetime(2026, 3, 2, 13, tzinfo=BERLIN)),  # a weekend is usual, Monday noon is not
        (habits(9, range(24)), SUNDAY, 9, SUNDAY.replace(hour=18, minute=0)),  # five busy hours
        (habits(3, range(24)), SUNDAY, 2, SUNDAY.replace(hour=22, minute=0)),  # less is known
        (habits(2, range(24)), SUNDAY, 1, None),  # one week says nothing
        (habits(9, [9], [0]), datetime(2026, 2, 23, 9, 30, tzinfo=BERLIN), 9, None),  # once a week is too little to say
        ([], SUNDAY, 9, None),
    ],
)
def test_what_is_unusual_follows_from_the_hours_of_the_week(hours: list[datetime], since: datetime, known: int, expected: datetime | None):
    length = silence.unusual_after(hours, since, connected=weeks_before(since, known), zone=BERLIN)
    assert (None if length is None else since + length) == expected


async def listened(session: AsyncSession, channel: Channel, **values: Any) -> None:
    """The channel is read, and has been for an hour."""
    leased = func.clock_timestamp() + timedelta(minutes=1)
    since = func.clock_timestamp() - timedelta(hours=1)
    given = {"lease_owner": "us", "lease_until": leased, "read_since": since, **values}
    await session.execute(update(Channel).where(col(Channel.id) == channel.id).values(**given))
    await session.refresh(channel)


async def test_a_silent_channel_is_told_once_and_so_is_its_end(session: AsyncSession, channel: Channel):
    session.add_all(
        ChannelHour(workspace_id=channel.workspace_id, channel_id=channel.id, hour=hour) for hour in habits(9, OFFICE, WORKDAYS)
    )
    await listened(session, channel, last_event_at=FRIDAY_EVENING, connected_at=LONG_AGO)
    monday = datetime(2026, 3, 2, tzinfo=BERLIN)
    told = [await silence.look(session, monday + timedelta(hours=hour)) for hour in range(24)]
    assert told.index(1) == 13
    assert sum(told) == 1
    evening = monday + timedelta(hours=24)
    await receive.receive(session, channel, Batch([said(1, evening)], "one"), now=evening, fence=0)
    await receive.receive(session, channel, Batch([said(2, evening)], "two"), now=evening, fence=0)
    await session.refresh(channel)
    assert channel.silent_since is None
    assert [kind for kind in kinds(session) if kind in ("channel.silent", "channel.heard")] == ["channel.silent", "channel.heard"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, 1),
        ({"silence_hours": 0}, 0),  # switched off
        ({"silence_hours": 48}, 0),
        ({"state": ChannelState.FAILING}, 0),  # it has another trouble, which is told
        ({"state": ChannelState.PAUSED}, 0),
        ({"lease_until": None}, 0),  # nobody reads it
        ({"read_since": func.clock_timestamp()}, 0),  # what was said meanwhile is still on its way
        ({"error_at": MONDAY + timedelta(hours=24)}, 0),
        ({"last_event_at": MONDAY + timedelta(hours=20)}, 0),
    ],
)
async def test_only_a_channel_that_should_be_heard_is_called_silent(
    session: AsyncSession, channel: Channel, values: dict[str, Any], told: int
):
    await listened(session, channel, **{"last_event_at": MONDAY, "silence_hours": 24, **values})
    assert await silence.look(session, MONDAY + timedelta(hours=24, minutes=10)) == told


async def test_the_hours_in_which_something_came_are_remembered_for_some_weeks(session: AsyncSession, channel: Channel):
    for at in (MONDAY, MONDAY + timedelta(minutes=50), MONDAY + timedelta(hours=3)):
        await listened(session, channel, last_event_at=at)
        await silence.note(session, at + timedelta(minutes=5))
    known = select(col(ChannelHour.hour)).order_by(col(ChannelHour.hour))
    assert (await session.scalars(known)).all() == [MONDAY, MONDAY + timedelta(hours=3)]
    await silence.note(session, MONDAY + timedelta(weeks=silence.WEEKS + 1, hours=2))
    assert (await session.scalars(known)).all() == [MONDAY + timedelta(hours=3)]


async def test_somebody_chooses_when_a_channel_counts_as_silent(session: AsyncSession, channel: Channel, admin: Access):
    await listened(session, channel, silent_since=MONDAY)
    await silence.choose(session, admin, channel, 12, now=MONDAY)
    await silence.choose(session, admin, channel, 12, now=MONDAY)
    await session.refresh(channel)
    assert (channel.silence_hours, channel.silent_since) == (12, None)
    assert kinds(session) == ["channel.changed"]
