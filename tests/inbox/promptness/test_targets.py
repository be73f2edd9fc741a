"""Waits and their targets: due, late, retargeted, caught up late."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Author
from inbox.conversations import assignment, labels, priorities, surroundings
from inbox.conversations.surroundings import Due
from inbox.models import (
    Calendar,
    CalendarVersion,
    Channel,
    Conversation,
    Label,
    Metric,
    Policy,
    Priority,
    Role,
    Wait,
    Workspace,
)
from inbox.promptness import agenda, targets, waits
from inbox.team import rights
from tests.inbox.conversations.test_receive import channel, everything, said, take
from tests.inbox.promptness.test_waits import minutes, reply
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture


async def policy(session: AsyncSession, channel: Channel, **values: Any) -> Policy:
    """Ten minutes for a first answer, twenty for a later one, five when it is urgent, unless `values` say otherwise."""
    given = {
        "name": "Usual",
        "targets": {"first": {"normal": 600, "urgent": 300}, "next": {"normal": 1200}},
        "created_at": MONDAY,
        "changed_at": MONDAY,
        **values,
    }
    row = Policy(workspace_id=channel.workspace_id, **given)
    session.add(row)
    await session.flush()
    return row


async def wait_of(session: AsyncSession) -> Wait:
    return (await everything(session, Wait))[-1]


async def next_due(session: AsyncSession) -> datetime | None:
    (conversation,) = await everything(session, Conversation)
    return conversation.next_due_at


def breaches(session: AsyncSession) -> int:
    return sum(event.kind == "wait.breached" for event in events.recorded(session))


async def test_without_a_policy_nothing_is_due(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    wait = await wait_of(session)
    assert (wait.policy_id, wait.due_at, await next_due(session)) == (None, None, None)


async def test_a_wait_is_due_from_its_own_beginning_however_late_it_reached_us(session: AsyncSession, channel: Channel):
    usual = await policy(session, channel)
    await take(session, channel, said("Hi?"), later=120)
    wait = await wait_of(session)
    assert (wait.policy_id, wait.target_seconds, wait.due_at, wait.breached_at) == (usual.id, 600, minutes(10), None)
    assert await next_due(session) == minutes(10)
    assert breaches(session) == 0


async def test_an_answer_in_time_is_no_breach_and_leaves_nothing_due(session: AsyncSession, channel: Channel, make: Make):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await waits.answered(session, await reply(session, make, minutes(9)), at=minutes(9), now=minutes(9))
    wait = await wait_of(session)
    assert (wait.breached_at, wait.business_seconds, await next_due(session)) == (None, 540, None)
    await take(session, channel, said("And?", after=900), later=901)
    wait = await wait_of(session)
    assert (wait.metric, wait.due_at) == (Metric.NEXT, minutes(35))


async def test_an_answer_that_came_late_is_a_breach_since_its_due_time_though_no_timer_ran(
    session: AsyncSession, channel: Channel, make: Make
):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await waits.answered(session, await reply(session, make, minutes(11)), at=minutes(11), now=minutes(11))
    wait = await wait_of(session)
    assert (wait.breached_at, wait.late_on_policy, wait.caught_up_late) == (minutes(10), False, False)
    assert breaches(session) == 1


async def test_an_answer_that_the_platform_took_in_time_is_no_breach_though_we_learn_of_it_late(
    session: AsyncSession, channel: Channel, make: Make
):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await targets.breach(session, now=minutes(12), limit=9)
    assert (await wait_of(session)).breached_at == minutes(10)
    await waits.answered(session, await reply(session, make, minutes(8)), at=minutes(8), now=minutes(15))
    assert (await wait_of(session)).breached_at is None


async def test_what_has_become_due_is_marked_once_at_its_due_time(session: AsyncSession, channel: Channel):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    assert (await agenda.read(session)).answer == minutes(10)
    assert await targets.breach(session, now=minutes(9), limit=9) == 0
    assert await targets.breach(session, now=minutes(40), limit=9) == 1, "however long nobody looked"
    assert await targets.breach(session, now=minutes(41), limit=9) == 0
    assert (await wait_of(session)).breached_at == minutes(10)
    assert (await agenda.read(session)).answer is None
    assert breaches(session) == 1


async def test_a_message_that_reached_us_after_its_due_time_is_marked_as_caught_up_late(session: AsyncSession, channel: Channel):
    await policy(session, channel)
    await take(session, channel, said("Hi?"), later=3600)
    wait = await wait_of(session)
    assert (wait.due_at, wait.breached_at, wait.caught_up_late, wait.late_on_policy) == (minutes(10), minutes(10), True, False)


async def test_a_new_policy_dates_no_breach_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await policy(session, channel)
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(60), actor="member:1")
    wait = await wait_of(session)
    assert (wait.due_at, wait.breached_at, wait.late_on_policy) == (minutes(10), minutes(60), True)


async def test_a_policy_that_gives_time_again_takes_the_lateness_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    usual = await policy(session, channel)
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(60), actor="member:1")
    usual.targets = {"first": {"normal": 2 * 3600}}
    await session.flush()
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(61), actor="member:1")
    wait = await wait_of(session)
    assert (wait.due_at, wait.breached_at, wait.late_on_policy) == (minutes(120), None, False)


async def test_an_ended_wait_that_turns_out_to_have_begun_earlier_was_due_earlier(session: AsyncSession, channel: Channel):
    """A colleague answers in the platform's own app at minute 12; what was asked at minute 1 comes in only afterwards."""
    await policy(session, channel)
    await take(session, channel, said("Anybody?", after=300), later=301)
    await take(session, channel, said("Here!", after=720, author=Author("us", "Us", is_self=True)), later=721)
    wait = await wait_of(session)
    assert (wait.due_at, wait.breached_at, wait.business_seconds) == (minutes(15), None, 420)
    await take(session, channel, said("Hi?", after=60), later=800)
    (wait,) = await everything(session, Wait)
    assert (wait.opened_at, wait.due_at, wait.breached_at, wait.business_seconds) == (minutes(1), minutes(11), minutes(11), 660)


async def test_a_change_of_what_a_policy_asks_moves_the_due_time_and_keeps_the_beginning(session: AsyncSession, channel: Channel):
    await policy(session, channel, name="Urgent", position=1, conditions={"priority": ["urgent"]}, targets={"first": {"normal": 60}})
    usual = await policy(session, channel, position=2)
    await take(session, channel, said("Hi?"), later=10)
    assert (await wait_of(session)).due_at == minutes(10)
    (conversation,) = await everything(session, Conversation)
    conversation.priority = Priority.URGENT
    await session.flush()
    await targets.settle(session, channel.workspace_id, [conversation.id], now=MONDAY + timedelta(seconds=20))
    wait = await wait_of(session)
    assert (wait.policy_id != usual.id, wait.opened_at, wait.due_at, await next_due(session)) == (True, MONDAY, minutes(1), minutes(1))


async def test_a_policy_that_is_turned_off_leaves_nothing_due(session: AsyncSession, channel: Channel):
    usual = await policy(session, channel)
    await take(session, channel, said("Hi?"))
    usual.is_on = False
    await session.flush()
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(1), actor="member:1")
    wait = await wait_of(session)
    assert (wait.policy_id, wait.due_at, await next_due(session)) == (None, None, None)


async def test_business_time_is_that_of_the_policys_calendar_by_what_it_said_then(session: AsyncSession, channel: Channel, make: Make):
    office = Calendar(workspace_id=channel.workspace_id, name="Office", created_at=MONDAY)
    session.add(office)
    await session.flush()
    said_first = {"tz": "UTC", "hours": {"mon": [["09:00", "09:05"]], "tue": [["09:00", "17:00"]]}}
    said_later = {"tz": "UTC", "hours": {"tue": [["09:02", "17:00"]]}}
    for valid_from, definition in ((None, said_first), (MONDAY + timedelta(hours=12), said_later)):
        version = {"workspace_id": channel.workspace_id, "calendar_id": office.id, "created_at": MONDAY}
        session.add(CalendarVersion(**version, valid_from=valid_from, definition=definition))
    await policy(session, channel, calendar_id=office.id)
    await take(session, channel, said("Hi?"))
    tuesday = MONDAY + timedelta(days=1)
    assert (await wait_of(session)).due_at == tuesday + timedelta(minutes=7), "five minutes of Monday, five of Tuesday"
    at = tuesday + timedelta(minutes=6)
    await waits.answered(session, await reply(session, make, at), at=at, now=at)
    assert (await wait_of(session)).business_seconds == 9 * 60


@pytest.mark.parametrize("seconds", [300, 1200])
async def test_a_beginning_that_turns_out_earlier_moves_the_due_time(session: AsyncSession, channel: Channel, seconds: float):
    await policy(session, channel)
    await take(session, channel, said("Hi?", after=seconds), later=seconds)
    await take(session, channel, said("Anybody?", after=60), later=seconds + 1)
    wait = await wait_of(session)
    assert (wait.opened_at, wait.due_at) == (minutes(1), minutes(11))
    assert wait.breached_at == (minutes(11) if seconds > 660 else None)


@pytest.mark.parametrize(
    "definition",
    [
        {"tz": "UTC", "dates": {"2020-01-02": [["09:00", "17:00"]]}},  # a fair that is over
        {"tz": "UTC", "hours": {"mon": [["09:00", "09:01"]]}},  # a year of minutes takes ten thousand years
    ],
)
async def test_a_calendar_that_has_come_to_its_end_keeps_no_message_out(session: AsyncSession, channel: Channel, definition: Any):
    fair = Calendar(workspace_id=channel.workspace_id, name="Fair", created_at=MONDAY)
    session.add(fair)
    await session.flush()
    session.add(CalendarVersion(workspace_id=channel.workspace_id, calendar_id=fair.id, created_at=MONDAY, definition=definition))
    await policy(session, channel, calendar_id=fair.id, targets={"first": {"normal": 366 * 86_400}})
    await take(session, channel, said("Hi?"))
    wait = await wait_of(session)
    assert (wait.target_seconds, wait.due_at, wait.breached_at, await next_due(session)) == (366 * 86_400, None, None, None)


async def test_priority_label_and_team_retarget_at_once_and_keep_the_beginning(session: AsyncSession, channel: Channel, make: Make):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    access = rights.of(await make.member(workspace, role=Role.AGENT))
    label, team = Label(workspace_id=workspace.id, name="Press"), await make.team(workspace)
    session.add(label)
    await session.flush()
    await policy(session, channel, name="Team", conditions={"team": [team.id]}, targets={"first": {"normal": 60}})
    await policy(session, channel, name="Label", conditions={"label": [label.id]}, targets={"first": {"normal": 120}}, position=1)
    await policy(session, channel, position=2)
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    now = minutes(0.5)

    async def due() -> datetime | None:
        await session.refresh(conversation)
        wait = await wait_of(session)
        assert wait.opened_at == MONDAY
        assert wait.due_at == conversation.next_due_at
        return wait.due_at

    await priorities.set(session, access, conversation, Priority.URGENT, now=now)
    await priorities.set(session, access, conversation, Priority.URGENT, now=now)
    assert await due() == minutes(5)
    await labels.put(session, access, conversation, [label.id], now=now)
    assert await due() == minutes(2)
    await assignment.assign(session, access, conversation, member_id=None, team_id=team.id, now=now)
    assert await due() == minutes(1)
    await assignment.assign(session, access, conversation, member_id=None, team_id=None, now=now)
    await labels.put(session, access, conversation, [], now=now)
    assert await due() == minutes(5)
    assert [event.kind for event in events.recorded(session)].count("conversation.prioritised") == 1


async def test_who_waits_is_told_with_the_policy_that_counts_and_what_it_asks_for(session: AsyncSession, channel: Channel):
    hours = Calendar(workspace_id=channel.workspace_id, name="Shop", created_at=MONDAY)
    session.add(hours)
    await session.flush()
    always = {"tz": "UTC", "hours": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}
    session.add(CalendarVersion(workspace_id=channel.workspace_id, calendar_id=hours.id, definition=always, created_at=MONDAY))
    await policy(session, channel, conditions={"channel": [channel.id]}, calendar_id=hours.id)
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    (waiting,) = (await surroundings.waiting(session, [conversation.id]))[conversation.id]
    assert waiting.due == Due(minutes(10), 600, Metric.FIRST, "Usual", {"channel": [channel.id]}, "Shop", None, "")
