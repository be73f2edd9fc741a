"""Alerts: planned with the wait, raised once, ended by an answer."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.automation import escalation
from inbox.conversations import assignment, priorities
from inbox.errors import Invalid
from inbox.models import (
    Alert,
    AlertDelivery,
    AlertNotice,
    AlertPreference,
    AlertSetup,
    AlertState,
    Calendar,
    CalendarVersion,
    Channel,
    Conversation,
    Dispatch,
    Fold,
    Member,
    Priority,
    PushSubscription,
    Role,
    Way,
    Workspace,
)
from inbox.promptness import agenda, alerts, chains, deliveries, notices, recipients, targets, waits
from inbox.promptness.chains import BadChain, Step, When
from inbox.team import rights
from tests.inbox.conversations.test_receive import channel, everything, said, take
from tests.inbox.promptness.test_targets import policy
from tests.inbox.promptness.test_waits import minutes, reply
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

ON_CALL = {"when": "after", "amount": 900, "to": ["on_call"], "by": ["app"]}


@pytest.fixture
async def boss(session: AsyncSession, channel: Channel, make: Make) -> Member:
    return await make.member(await session.get_one(Workspace, channel.workspace_id), role=Role.ADMIN, name="Bea")


async def planned(session: AsyncSession) -> list[tuple[str, datetime]]:
    query = select(col(Alert.step), col(Alert.at)).where(col(Alert.state) == AlertState.PLANNED).order_by(col(Alert.at))
    return [(row[0], row[1]) for row in await session.execute(query)]


async def states(session: AsyncSession) -> dict[str, AlertState]:
    return {row[0]: row[1] for row in await session.execute(select(col(Alert.step), col(Alert.state)))}


async def told(session: AsyncSession) -> list[tuple[int, int]]:
    query = select(col(AlertNotice.alert_id), col(AlertNotice.member_id)).order_by(col(AlertNotice.alert_id), col(AlertNotice.member_id))
    return [(row[0], row[1]) for row in await session.execute(query)]


def raised(session: AsyncSession) -> list[dict[str, Any]]:
    return [event.data for event in events.recorded(session) if event.kind == "alert.raised"]


async def answer(session: AsyncSession, make: Make, at: datetime) -> None:
    await waits.answered(session, await reply(session, make, at), at=at, now=at)


async def test_a_wait_with_a_target_plans_a_warning_at_three_quarters_one_five_minutes_before_and_the_breach(
    session: AsyncSession, channel: Channel
):
    await policy(session, channel, targets={"first": {"normal": 3600}})
    await take(session, channel, said("Hi?"))
    assert await planned(session) == [("share:75", minutes(45)), ("before:300", minutes(55)), ("at:0", minutes(60))]


async def test_a_target_shorter_than_a_warning_goes_without_it(session: AsyncSession, channel: Channel):
    await policy(session, channel, targets={"first": {"normal": 240}})
    await take(session, channel, said("Hi?"))
    assert [step for step, _ in await planned(session)] == ["share:75", "at:0"]


async def test_an_answer_takes_back_what_was_planned(session: AsyncSession, channel: Channel, make: Make):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await answer(session, make, minutes(2))
    assert await planned(session) == []
    assert await alerts.raise_due(session, now=minutes(60)) == 0


async def test_each_alert_is_raised_once_at_its_time_and_tells_who_is_assigned(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    anna = await make.member(await session.get_one(Workspace, channel.workspace_id))
    (conversation,) = await everything(session, Conversation)
    await assignment.assign(session, rights.of(anna), conversation, member_id=anna.id, team_id=None, now=MONDAY)
    for minute in (4, 5, 6, 7.5, 8, 10, 30, 30):
        await alerts.raise_due(session, now=minutes(minute))
    assert [(one["step"], one["members"], one["late"]) for one in raised(session)] == [
        ("before:300", [anna.id], False), ("share:75", [anna.id], False), ("at:0", [anna.id], False)
    ]  # fmt: skip
    assert [member_id for _, member_id in await told(session)] == [anna.id] * 3
    assert boss.id not in {member_id for _, member_id in await told(session)}


@pytest.mark.parametrize("has_team", [True, False])
async def test_where_nobody_is_assigned_the_team_is_told_and_without_one_the_supervisors(
    session: AsyncSession, channel: Channel, make: Make, boss: Member, has_team: bool
):
    await policy(session, channel, alerts=[{"when": "at", "to": ["assignee"], "by": ["app"]}])
    await take(session, channel, said("Hi?"))
    workspace = await session.get_one(Workspace, channel.workspace_id)
    anna, bernd = await make.member(workspace), await make.member(workspace)
    await make.member(workspace, role=Role.VIEWER)
    team = await make.team(workspace, anna, bernd)
    (conversation,) = await everything(session, Conversation)
    conversation.team_id = team.id if has_team else None
    await session.flush()
    await alerts.raise_due(session, now=minutes(11))
    assert raised(session)[0]["members"] == ([anna.id, bernd.id] if has_team else [boss.id])


async def test_nobody_is_told_of_a_channel_that_they_may_not_see(session: AsyncSession, channel: Channel, make: Make, boss: Member):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    blind = await make.member(workspace)
    channel.restricted = True
    await policy(session, channel, alerts=[{"when": "at", "to": [f"member:{blind.id}"], "by": ["app"]}])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(11))
    assert raised(session)[0]["members"] == [boss.id], "not nobody"


async def test_what_is_answered_in_the_very_moment_is_dropped(session: AsyncSession, channel: Channel):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await session.execute(text("UPDATE wait SET closed_at = :at, outcome = 'answered'"), {"at": minutes(1)})  # its targets unsettled yet
    assert await alerts.raise_due(session, now=minutes(11)) == 3
    assert set((await states(session)).values()) == {AlertState.DROPPED}
    assert raised(session) == []


async def test_after_a_standstill_the_breach_is_told_once_and_says_that_it_comes_late(
    session: AsyncSession, channel: Channel, boss: Member
):
    await policy(session, channel, alerts=[step.as_json() for step in chains.USUAL] + [ON_CALL, {**ON_CALL, "amount": 1800}])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(300))
    assert [(one["step"], one["due_at"], one["late"]) for one in raised(session)] == [
        ("at:0", minutes(10).isoformat(), True), ("after:1800", minutes(10).isoformat(), True)
    ]  # fmt: skip
    skipped = {name for name, state in (await states(session)).items() if state is AlertState.SKIPPED}
    assert skipped == {"before:300", "share:75", "after:900"}


async def test_a_message_that_reaches_us_late_warns_nobody(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, targets={"first": {"normal": 3600}})
    await take(session, channel, said("Hi?"), later=7200)
    assert await planned(session) == [("at:0", minutes(60))]
    await alerts.raise_due(session, now=minutes(121))
    assert [one["late"] for one in raised(session)] == [True]


async def test_a_first_synchronisation_alerts_nobody(session: AsyncSession, channel: Channel):
    await policy(session, channel)
    await take(session, channel, said("Hi?", after=-90 * 86_400), later=0)  # before the channel was connected
    assert await planned(session) == []


async def test_what_is_late_only_by_a_new_policy_alerts_nobody(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await policy(session, channel)
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(60), actor="member:1")
    assert await planned(session) == []


async def test_a_moved_due_time_moves_its_alerts_and_is_a_promise_of_its_own(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, alerts=[{"when": "at", "to": ["supervisors"], "by": ["app"]}])
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    await priorities.set(session, rights.of(boss), conversation, Priority.URGENT, now=minutes(1))
    assert await planned(session) == [("at:0", minutes(5))]
    await alerts.raise_due(session, now=minutes(5))
    await priorities.set(session, rights.of(boss), conversation, Priority.NORMAL, now=minutes(6))
    assert await planned(session) == [("at:0", minutes(10))]
    await priorities.set(session, rights.of(boss), conversation, Priority.URGENT, now=minutes(7))
    assert await planned(session) == [], "that one was told already"
    assert len(raised(session)) == 1


async def test_steps_follow_the_policys_calendar(session: AsyncSession, channel: Channel):
    office = Calendar(workspace_id=channel.workspace_id, name="Office", created_at=MONDAY)
    session.add(office)
    await session.flush()
    definition = {"tz": "UTC", "hours": {"mon": [["09:00", "09:05"]], "tue": [["09:00", "17:00"]]}}
    session.add(CalendarVersion(workspace_id=channel.workspace_id, calendar_id=office.id, created_at=MONDAY, definition=definition))
    await policy(session, channel, calendar_id=office.id, alerts=[step.as_json() for step in chains.USUAL] + [ON_CALL])
    await take(session, channel, said("Hi?"))
    tuesday = MONDAY + timedelta(days=1)
    assert await planned(session) == [
        ("before:300", minutes(5)), ("share:75", tuesday + timedelta(minutes=2.5)), ("at:0", tuesday + timedelta(minutes=5)),
        ("after:900", tuesday + timedelta(minutes=20)),
    ]  # fmt: skip


async def test_whoever_acknowledges_stops_further_steps(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, alerts=[{"when": "at", "to": ["supervisors"], "by": ["app"]}, ON_CALL])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(10))
    (mine,) = await notices.list_mine(session, rights.of(boss), now=minutes(11))
    assert (mine.step, mine.who, mine.is_open) == ("at:0", "Anna", True)
    assert await notices.unseen(session, [boss.id], [channel.id], now=minutes(11)) == {boss.id: 1}
    for _ in range(2):
        await notices.acknowledge(session, rights.of(boss), mine, now=minutes(11))
    assert await states(session) == {"at:0": AlertState.RAISED, "after:900": AlertState.STOPPED}
    assert await notices.list_mine(session, rights.of(boss), now=minutes(12)) == []
    assert [event.kind for event in events.recorded(session)].count("alert.acknowledged") == 1
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(12), actor="member:1")
    assert await alerts.raise_due(session, now=minutes(60)) == 0


async def test_a_snoozed_alert_comes_back_as_new_while_its_customer_waits(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, alerts=[{"when": "at", "to": ["supervisors"], "by": ["app"]}])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(10))
    access = rights.of(boss)
    await notices.see(session, access, now=minutes(10))
    (mine,) = await notices.list_mine(session, access, now=minutes(11))
    with pytest.raises(Invalid):
        await notices.snooze(session, access, mine, until=minutes(10), now=minutes(11))
    await notices.snooze(session, access, mine, until=minutes(20), now=minutes(11))
    assert await notices.list_mine(session, access, now=minutes(12)) == []
    assert (await agenda.read(session)).snoozed == minutes(20)
    assert [await notices.come_back(session, now=minutes(minute), limit=9) for minute in (19, 20, 20)] == [0, 1, 0]
    assert await notices.unseen(session, [boss.id], [channel.id], now=minutes(21)) == {boss.id: 1}


async def test_a_step_raises_the_priority_and_frees_the_conversation_once(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    team = await make.team(workspace, boss)
    then = {"priority": "high", "assign": f"team:{team.id}"}
    await policy(session, channel, alerts=[{"when": "at", "to": ["supervisors"], "by": ["app"], "then": then}])
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    conversation.assignee_id = boss.id
    await session.flush()
    await alerts.raise_due(session, now=minutes(10))
    (alert_id,) = await escalation.waiting(session)
    assert [await escalation.act(session, alert_id, now=minutes(10)) for _ in range(2)] == [True, False]
    assert (conversation.priority, conversation.assignee_id, conversation.team_id) == (Priority.HIGH, None, team.id)
    assert await escalation.waiting(session) == []
    assert [event.kind for event in events.recorded(session)].count("conversation.assigned") == 1


async def test_a_step_never_makes_a_conversation_less_urgent(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, alerts=[{"when": "at", "to": ["supervisors"], "by": ["app"], "then": {"priority": "low"}}])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(10))
    (alert_id,) = await escalation.waiting(session)
    await escalation.act(session, alert_id, now=minutes(10))
    (conversation,) = await everything(session, Conversation)
    assert conversation.priority is Priority.NORMAL


@pytest.mark.parametrize(
    "chain",
    [
        {"when": "at"},  # no list
        [{"when": "soon", "to": ["assignee"], "by": ["app"]}],
        [{"when": "share", "amount": 100, "to": ["assignee"], "by": ["app"]}],
        [{"when": "before", "amount": 0, "to": ["assignee"], "by": ["app"]}],
        [{"when": "after", "amount": True, "to": ["assignee"], "by": ["app"]}],
        [{"when": "at", "to": [], "by": ["app"]}],
        [{"when": "at", "to": ["everybody"], "by": ["app"]}],
        [{"when": "at", "to": ["member:x"], "by": ["app"]}],
        [{"when": "at", "to": ["assignee"], "by": ["pigeon"]}],
        [{"when": "at", "to": ["assignee"], "by": ["app"], "then": {"priority": "loud"}}],
        [{"when": "share", "amount": 50, "to": ["assignee"], "by": ["app"], "then": {"priority": "high"}}],  # before it is late
        [ON_CALL, ON_CALL],  # twice at one time
        [{**ON_CALL, "amount": number + 1} for number in range(13)],
    ],
)
def test_a_chain_that_cannot_be_followed_is_refused(chain: Any):
    with pytest.raises(BadChain):
        chains.read(chain)


def test_a_chain_is_read_as_it_is_written_in_the_order_of_its_times():
    written = [ON_CALL, {"when": "before", "amount": 60, "to": ["team"], "by": ["push", "app"]}, {**ON_CALL, "amount": 60}]
    steps = chains.read(written)
    assert [step.name for step in steps] == ["before:60", "after:60", "after:900"]
    assert chains.read([step.as_json() for step in steps]) == steps
    assert steps[0] == Step(When.BEFORE, 60, ("team",), (Way.APP, Way.PUSH))


# What leaves by other ways.


async def enqueue(session: AsyncSession, channel: Channel, member: Member, number: int, *, now: datetime, **values: Any) -> None:
    people = await recipients.people(session, channel.workspace_id, now=now)
    given: dict[str, Any] = {"ways": frozenset({Way.MAIL}), "members": (member.id,), "is_late": True, "priority": Priority.NORMAL, **values}
    first = len(await everything(session, AlertDelivery)) * 1000
    await deliveries.enqueue(session, people, [deliveries.News(first + one, **given) for one in range(number)], now=now)


async def waiting(session: AsyncSession) -> list[tuple[Fold, int, datetime | None]]:
    found = await session.scalars(select(AlertDelivery).order_by(col(AlertDelivery.id)).execution_options(populate_existing=True))
    return [(row.fold, len(row.alert_ids), row.try_at) for row in found if row.state is Dispatch.WAITING]


async def test_more_than_five_in_a_minute_become_one_message_that_is_brought_up_to_date(
    session: AsyncSession, channel: Channel, boss: Member
):
    await enqueue(session, channel, boss, 3, now=MONDAY)
    await enqueue(session, channel, boss, 200, now=minutes(0.1))
    await enqueue(session, channel, boss, 14, now=minutes(0.2))
    assert await waiting(session) == [(Fold.NONE, 1, None)] * 3 + [(Fold.STORM, 214, None)]
    taken = await deliveries.claim(session, now=minutes(0.3))
    assert len(taken) == 4
    for delivery in taken:
        await deliveries.mark_sent(session, delivery, now=minutes(0.3))
    await enqueue(session, channel, boss, 2, now=minutes(0.5))
    assert await waiting(session) == [(Fold.STORM, 2, minutes(1.1))], "not before a minute is over"
    assert await deliveries.claim(session, now=minutes(1)) == ()
    assert len(await deliveries.claim(session, now=minutes(1.2))) == 1
    await enqueue(session, channel, boss, 2, now=minutes(5))
    assert await waiting(session) == [(Fold.NONE, 1, None)] * 2


async def test_a_clock_that_was_put_back_holds_no_folded_message_up(session: AsyncSession, channel: Channel, boss: Member):
    session.add(AlertSetup(workspace_id=channel.workspace_id, storm_limit=1))
    await enqueue(session, channel, boss, 2, now=minutes(60))
    for delivery in await deliveries.claim(session, now=minutes(60)):
        await deliveries.mark_sent(session, delivery, now=minutes(60))
    await enqueue(session, channel, boss, 1, now=minutes(60))
    assert len(await deliveries.claim(session, now=minutes(0))) == 1


@pytest.mark.parametrize(
    ("values", "hour", "expected"),
    [
        ({}, 21, Fold.NONE),
        ({}, 23, Fold.QUIET),
        ({}, 5, Fold.QUIET),
        ({}, 7, Fold.NONE),
        ({"priority": Priority.URGENT}, 23, Fold.NONE),
        ({"priority": Priority.URGENT, "is_late": False}, 23, Fold.QUIET),  # a mere warning wakes nobody
    ],
)
async def test_quiet_hours_are_the_members_own_and_only_a_breach_of_what_is_urgent_passes(
    session: AsyncSession, channel: Channel, boss: Member, values: dict[str, Any], hour: int, expected: Fold
):
    quiet = {"timezone": "America/New_York", "quiet_from": "22:00", "quiet_until": "06:30", "urgent_passes": True}
    session.add(AlertPreference(workspace_id=channel.workspace_id, member_id=boss.id, **quiet))
    now = datetime(2026, 3, 2, hour, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    await enqueue(session, channel, boss, 1, now=now, **values)
    ((fold, _, at),) = await waiting(session)
    assert fold is expected
    if fold is Fold.QUIET:
        assert at is not None
        assert at.astimezone(ZoneInfo("America/New_York")).time() == time(6, 30)


async def test_a_digest_gathers_mails_until_its_hour(session: AsyncSession, channel: Channel, boss: Member):
    session.add(AlertPreference(workspace_id=channel.workspace_id, member_id=boss.id, timezone="UTC", digest_at="17:00"))
    await enqueue(session, channel, boss, 2, now=MONDAY)
    await enqueue(session, channel, boss, 3, now=minutes(60))
    assert await waiting(session) == [(Fold.DIGEST, 5, MONDAY.replace(hour=17))]


async def test_ways_that_lead_nowhere_or_are_not_wanted_are_left_out(session: AsyncSession, channel: Channel, boss: Member, make: Make):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    other = await make.member(workspace)
    session.add(AlertPreference(workspace_id=workspace.id, member_id=boss.id, mail=False))
    browser = await make.signed_in(boss)
    where = {"workspace_id": workspace.id, "member_id": boss.id, "session_id": browser.id, "created_at": MONDAY}
    session.add(PushSubscription(**where, endpoint_hash="x", address="x"))
    await session.flush()
    await enqueue(session, channel, boss, 1, now=MONDAY, ways=frozenset(Way), members=(boss.id, other.id))
    found = await everything(session, AlertDelivery)
    assert sorted((row.member_id, row.way) for row in found) == [(boss.id, Way.PUSH), (other.id, Way.MAIL)]


async def test_a_message_whose_sender_died_is_sent_again_under_the_same_key(session: AsyncSession, channel: Channel, boss: Member):
    await enqueue(session, channel, boss, 1, now=MONDAY)
    (first,) = await deliveries.claim(session, now=MONDAY)
    key = first.key
    assert await deliveries.claim(session, now=MONDAY) == ()
    await session.execute(text("UPDATE alert_delivery SET lease_until = clock_timestamp() - interval '1 second'"))
    (second,) = await deliveries.claim(session, now=MONDAY)
    assert second.key == key


async def test_a_message_that_cannot_be_delivered_is_given_up_and_told(session: AsyncSession, channel: Channel, boss: Member):
    await enqueue(session, channel, boss, 1, now=MONDAY)
    now = MONDAY
    for _ in range(deliveries.ATTEMPTS):
        (delivery,) = await deliveries.claim(session, now=now)
        await session.refresh(delivery)
        await deliveries.release(session, delivery, "The server is away.", now=now)
        now += timedelta(hours=1)
    assert [row.error for row in await deliveries.failures(session, channel.workspace_id, since=MONDAY - timedelta(days=1))] == [
        "The server is away."
    ]
    assert [event.kind for event in events.recorded(session)].count("alert.failed") == 1


def test_the_rota_gives_each_a_week_in_turn():
    at = [recipients.turn_of([3, 5], MONDAY, MONDAY + timedelta(days=days)) for days in (-1, 0, 6, 7, 13, 14)]
    assert at == [None, 3, 3, 5, 5, 3]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # 2:30 does not come: the clocks go on at 2
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # 2:30 comes twice: the first counts
    ],
)
def test_an_hour_is_found_across_a_change_of_the_clocks(now: datetime, expected: datetime):
    assert recipients.next_at(time(2, 30), ZoneInfo("Europe/Berlin"), now) == expected
