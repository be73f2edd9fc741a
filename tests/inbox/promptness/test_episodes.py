"""Episodes as they are kept: from the first wait to the resolution, with their targets."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.conversations import assignment, labels, priorities, status, timers
from inbox.models import (
    Calendar,
    CalendarVersion,
    Channel,
    Conversation,
    Episode,
    Label,
    Metric,
    Move,
    Outcome,
    Priority,
    Role,
    Status,
    Workspace,
)
from inbox.promptness import agenda, episodes, policies, targets, waits
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import US, channel, everything, said, take
from tests.inbox.promptness.test_corrections import logged
from tests.inbox.promptness.test_targets import policy
from tests.inbox.promptness.test_waits import minutes, reply
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

HOUR = {"targets": {"resolution": {"normal": 3600, "urgent": 600}}}
DAY = 24 * 60


async def only(session: AsyncSession) -> Conversation:
    (conversation,) = await everything(session, Conversation)
    return conversation


async def move(session: AsyncSession, to: Status, at: float, *, until: float | None = None) -> None:
    conversation = await only(session)
    access = Access(workspace_id=conversation.workspace_id, role=Role.AGENT, actor="member:1")
    await status.move(session, access, conversation, to, now=minutes(at), until=None if until is None else minutes(until))
    await logged(session)


async def episode(session: AsyncSession) -> Episode:
    (row,) = await everything(session, Episode)
    return row


def breaches(session: AsyncSession) -> int:
    return sum(event.kind == "resolution.breached" for event in events.recorded(session))


async def test_an_episode_begins_with_the_first_wait_and_ends_with_the_resolution(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?"), later=10)
    row = await episode(session)
    assert (row.began_at, row.received_at, row.resolved_at, row.kind, row.ordinal) == (MONDAY, minutes(1 / 6), None, "direct", 1)
    await waits.answered(session, await reply(session, make, minutes(3)), at=minutes(3), now=minutes(3))
    await move(session, Status.RESOLVED, 5)
    row = await episode(session)
    assert (row.first_resolved_at, row.resolved_at, row.replies_count, row.reopened_count) == (minutes(5), minutes(5), 1, 0)
    assert row.business_seconds == row.first_business_seconds == 300


async def test_what_expects_no_answer_begins_none(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Thanks!"))
    assert await everything(session, Episode) == []


async def test_an_episode_that_the_team_begins_counts_from_the_customers_answer(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Dear Anna, your parcel is here", author=US), later=1)
    assert await everything(session, Episode) == []
    await take(session, channel, said("How do I get it?", after=600), said("By bus", author=US, after=660), later=700)
    row = await episode(session)
    assert (row.began_at, row.replies_count) == (minutes(10), 1)


async def test_a_customer_who_writes_again_reopens_it_and_one_who_comes_much_later_begins_another(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await move(session, Status.RESOLVED, 5)
    await take(session, channel, said("Still broken?", after=DAY * 60), later=DAY * 60)
    row = await episode(session)
    assert (row.reopened_count, row.resolved_at, row.first_resolved_at) == (1, None, minutes(5))
    await move(session, Status.RESOLVED, 2 * DAY)
    await take(session, channel, said("Another thing?", after=10 * DAY * 60), later=10 * DAY * 60)
    first, second = await everything(session, Episode)
    assert (first.resolved_at, second.began_at, second.ordinal, second.resolved_at) == (minutes(2 * DAY), minutes(10 * DAY), 2, None)


@pytest.mark.parametrize("to", [Status.SPAM, Status.RESOLVED])
async def test_a_move_taken_back_is_as_if_it_had_not_been_made(session: AsyncSession, channel: Channel, to: Status):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    row = (await episode(session)).model_dump()
    await move(session, to, 5)
    assert (await episode(session)).is_void == (to is Status.SPAM)
    conversation = await only(session)
    access = Access(workspace_id=channel.workspace_id, role=Role.AGENT, actor="member:1")
    await status.take_back(session, access, conversation, now=minutes(6))
    await logged(session)
    assert (await episode(session)).model_dump() == row
    await status.take_back(session, access, await only(session), now=minutes(7))
    await logged(session)
    assert [one.status for one in await everything(session, Move)] == [to], "taking that back is a move of its own"
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(8)) == 0


async def test_spam_and_what_its_author_deleted_leave_no_figure(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Buy now?"))
    await move(session, Status.SPAM, 1)
    assert (await episode(session)).is_void
    await move(session, Status.OPEN, 2)
    await waits.close(session, await only(session), Outcome.DELETED, actor="member:1", now=minutes(3))
    assert (await episode(session)).is_void


async def test_a_resolution_is_due_and_late_at_its_due_time_once(session: AsyncSession, channel: Channel):
    usual = await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    row = await episode(session)
    assert (row.policy_id, row.target_seconds, row.due_at) == (usual.id, 3600, minutes(60))
    assert (await agenda.read(session)).resolution == minutes(60)
    assert [await episodes.breach(session, now=minutes(at), limit=9) for at in (59, 600, 601)] == [0, 1, 0]
    assert ((await episode(session)).breached_at, breaches(session)) == (minutes(60), 1)
    assert (await agenda.read(session)).resolution is None
    await move(session, Status.RESOLVED, 610)
    assert (await episode(session)).breached_at == minutes(60)


async def test_a_resolution_that_came_late_is_a_breach_though_no_timer_ran(session: AsyncSession, channel: Channel):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    conversation = await only(session)
    access = Access(workspace_id=channel.workspace_id, role=Role.AGENT, actor="member:1")
    await status.move(session, access, conversation, Status.RESOLVED, now=minutes(61))
    assert ((await episode(session)).breached_at, breaches(session)) == (minutes(60), 1)


async def test_pending_and_snoozed_pause_the_resolution_and_never_a_wait(session: AsyncSession, channel: Channel):
    await policy(session, channel, targets={**HOUR["targets"], "first": {"normal": 600}})
    await take(session, channel, said("Hi?"))
    await move(session, Status.PENDING, 10)
    row = await episode(session)
    assert (row.due_at, row.paused_since, (await agenda.read(session)).resolution) == (None, minutes(10), None)
    assert (await agenda.read(session)).answer == minutes(10), "the wait runs on"
    await move(session, Status.SNOOZED, 20, until=50)
    assert await episodes.breach(session, now=minutes(90), limit=9) == 0
    assert await timers.wake_snoozed(session, minutes(90)) == 1
    row = await episode(session)
    assert (row.due_at, row.paused_since, row.paused_seconds) == (minutes(60 + 80), None, 80 * 60)
    await move(session, Status.RESOLVED, 100)
    row = await episode(session)
    assert (row.business_seconds, row.breached_at) == (20 * 60, None)


async def test_what_was_late_before_it_was_paused_stays_late(session: AsyncSession, channel: Channel):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    await move(session, Status.PENDING, 70)
    row = await episode(session)
    assert (row.due_at, row.breached_at) == (minutes(60), minutes(60))


async def test_what_is_resolved_rests_too_so_that_a_return_is_not_late_at_once(session: AsyncSession, channel: Channel):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    await move(session, Status.RESOLVED, 50)
    await take(session, channel, said("It broke again?", after=DAY * 60), later=DAY * 60)
    row = await episode(session)
    assert (row.due_at, row.breached_at) == (minutes(DAY + 10), None)


async def test_priority_label_and_team_retarget_and_keep_the_beginning(session: AsyncSession, channel: Channel, make: Make):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    access = Access(workspace_id=workspace.id, role=Role.AGENT, actor="member:1")
    label, team = Label(workspace_id=workspace.id, name="Press"), await make.team(workspace)
    session.add(label)
    await session.flush()
    await policy(session, channel, name="Team", conditions={"team": [team.id]}, targets={"resolution": {"normal": 60}})
    await policy(session, channel, name="Label", conditions={"label": [label.id]}, targets={"resolution": {"normal": 120}}, position=1)
    await policy(session, channel, position=2, **HOUR)
    await take(session, channel, said("Hi?"))
    conversation = await only(session)

    async def due() -> datetime | None:
        row = await episode(session)
        assert row.began_at == MONDAY
        return row.due_at

    found = [await due()]
    await priorities.set(session, access, conversation, Priority.URGENT, now=minutes(0.5))
    found.append(await due())
    await labels.put(session, access, conversation, [label.id], now=minutes(0.5))
    found.append(await due())
    await assignment.assign(session, access, conversation, member_id=None, team_id=team.id, now=minutes(0.5))
    found.append(await due())
    assert found == [minutes(60), minutes(10), minutes(2), minutes(1)]
    await status.move(session, access, conversation, Status.RESOLVED, now=minutes(2))
    row = await episode(session)
    ended = row.model_dump()
    assert (row.team_id, row.priority) == (team.id, Priority.URGENT), "whose it was and how urgent, when it was resolved"
    await assignment.assign(session, access, conversation, member_id=None, team_id=None, now=minutes(3))
    assert (await episode(session)).model_dump() == ended, "what has ended keeps what counted then"


async def test_a_new_policy_dates_no_breach_back_and_one_that_gives_time_again_takes_it_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    usual = await policy(session, channel, **HOUR)
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(90), actor="member:1")
    row = await episode(session)
    assert (row.due_at, row.breached_at, row.late_on_policy) == (minutes(60), minutes(90), True)
    usual.targets = {"resolution": {"normal": 7200}}
    await session.flush()
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(91), actor="member:1")
    row = await episode(session)
    assert (row.due_at, row.breached_at, row.late_on_policy) == (minutes(120), None, False)


async def test_what_reached_us_after_its_due_time_is_marked(session: AsyncSession, channel: Channel):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"), later=2 * 3600)
    row = await episode(session)
    assert (row.breached_at, row.caught_up_late) == (minutes(60), True)


@pytest.mark.parametrize(
    ("clock", "due", "business"),
    [("calendar", DAY + 5, 10 * 60), ("wall", 15, (DAY + 5) * 60)],  # a shop that is open for ten minutes a day
)
async def test_each_metric_goes_by_the_calendar_or_the_wall_clock(
    session: AsyncSession, channel: Channel, clock: str, due: float, business: float
):
    shop = Calendar(workspace_id=channel.workspace_id, name="Shop", created_at=MONDAY)
    session.add(shop)
    await session.flush()
    hours = {day: [["09:00", "09:10"]] for day in ("mon", "tue", "wed")}
    version = {"workspace_id": channel.workspace_id, "calendar_id": shop.id, "created_at": MONDAY}
    session.add(CalendarVersion(**version, definition={"tz": "UTC", "hours": hours}))
    promised = {"first": {"normal": 900}, "resolution": {"normal": 900, "clock": clock}}
    await policy(session, channel, targets=promised, calendar_id=shop.id)
    await take(session, channel, said("Hi?"))
    assert (await agenda.read(session)).answer == minutes(DAY + 5), "the first answer goes by the calendar"
    assert (await episode(session)).due_at == minutes(due)
    await move(session, Status.PENDING, 5)
    await move(session, Status.OPEN, DAY)
    await move(session, Status.RESOLVED, DAY + 5)
    business -= 0 if clock == "calendar" else (DAY - 5) * 60
    assert (await episode(session)).business_seconds == business


async def test_a_rebuild_tells_episodes_that_are_gone_or_wrong(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await move(session, Status.PENDING, 5)
    await move(session, Status.RESOLVED, 9)
    kept = (await episode(session)).model_dump(exclude={"id"})
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(20)) == 0
    for table in (Episode, Move):
        await session.execute(delete(table))
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(20)) == 2
    assert (await episode(session)).model_dump(exclude={"id"}) == kept
    assert kept["paused_seconds"] == timedelta(minutes=4).total_seconds()


async def test_moves_outlive_the_log(session: AsyncSession, channel: Channel, make: Make):
    """A conversation may last for years; what it was resolved by long ago is in no log any more."""
    await take(session, channel, said("Hi?"))
    await move(session, Status.RESOLVED, 9)
    await timers.shorten_log(session, minutes(1000 * DAY), days=1)
    await take(session, channel, said("Something else?", after=999 * DAY * 60), later=999 * DAY * 60)
    first, second = await everything(session, Episode)
    assert (first.resolved_at, second.began_at) == (minutes(9), minutes(999 * DAY))


def test_a_policy_says_what_a_resolution_may_take():
    given = {"resolution": {"normal": 60, "clock": "wall"}, "next": {"low": 5, "clock": "calendar"}}
    assert policies.read_targets(given)[Metric.RESOLUTION][Priority.LOW] == 60
    assert policies.read_clocks(given) == {Metric.RESOLUTION}
    with pytest.raises(policies.BadPolicy):
        policies.read_clocks({"resolution": {"normal": 60, "clock": "sun"}})
    with pytest.raises(policies.BadPolicy):
        policies.read_targets({"resolution": {"clock": "wall"}})
