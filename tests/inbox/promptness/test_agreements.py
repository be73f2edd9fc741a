"""Calendars and policies that supervisors make and change while customers wait."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, labels, retargeting
from inbox.conversations import labels as conversation_labels
from inbox.conversations import tiers
from inbox.db import Database
from inbox.errors import Conflict, Forbidden, Invalid, NotFound
from inbox.models import Calendar, CalendarVersion, Channel, Contact, Conversation, Policy, Role, Wait, Workspace
from inbox.promptness import targets, waits
from inbox.promptness.agreements import calendars, policies
from inbox.promptness.agreements.policies import Draft
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import channel, everything, said, take
from tests.inbox.promptness.test_waits import minutes, reply
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = {"tz": "UTC", "hours": {day: [["00:00", "24:00"]] for day in DAYS}}
FROM_TEN = {"tz": "UTC", "hours": {day: [["10:00", "24:00"]] for day in DAYS}}  # MONDAY is nine o'clock
TEN_MINUTES = {"first": {"normal": 600}, "next": {"normal": 600}}


@pytest.fixture
async def access(channel: Channel, make: Make) -> Access:
    return rights.of(await make.member(await make.session.get_one(Workspace, channel.workspace_id), role=Role.SUPERVISOR))


def draft(name: str = "Usual", **values: Any) -> Draft:
    return Draft(**{"name": name, "targets": TEN_MINUTES, "conditions": {}, **values})


async def due(session: AsyncSession) -> datetime | None:
    return (await everything(session, Wait))[-1].due_at


def kinds(session: AsyncSession) -> list[str]:
    return [event.kind for event in events.recorded(session)]


async def test_a_new_policy_counts_for_who_waits_already_and_keeps_when_they_began(session: AsyncSession, channel: Channel, access: Access):
    await take(session, channel, said("Hi?"))
    policy = await policies.create(session, access, draft(), now=minutes(3))
    wait = (await everything(session, Wait))[-1]
    assert (wait.opened_at, wait.policy_id, wait.due_at) == (MONDAY, policy.id, minutes(10))
    assert kinds(session)[-2:] == ["policy.changed", "wait.retargeted"]


async def test_a_change_of_hours_counts_from_now_on_and_never_before(session: AsyncSession, channel: Channel, access: Access, make: Make):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    await policies.create(session, access, draft(calendar_id=calendar.id), now=MONDAY)
    await take(session, channel, said("Answered under the old hours?"))
    await waits.answered(session, await reply(session, make, minutes(5)), at=minutes(5), now=minutes(5))
    await take(session, channel, said("And now?", after=360), later=360)
    await calendars.change(session, access, calendar, definition=FROM_TEN, now=minutes(8))
    ended, open_ = await everything(session, Wait)
    assert (ended.business_seconds, ended.due_at) == (300, minutes(10))
    assert open_.due_at == minutes(68), "two minutes by the old hours, the other eight from ten o'clock on"
    versions = (await targets.versions(session, {calendar.id}))[calendar.id]
    assert versions.elapsed(MONDAY, minutes(30)) == 8 * 60
    assert [told.version.valid_from for told in await calendars.versions(session, calendar)] == [minutes(8), None]


async def test_a_change_may_be_planned_and_taken_back(session: AsyncSession, channel: Channel, access: Access):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    await policies.create(session, access, draft(calendar_id=calendar.id), now=MONDAY)
    await take(session, channel, said("Hi?"))
    await calendars.change(session, access, calendar, definition=FROM_TEN, valid_from=minutes(4), now=MONDAY)
    assert await due(session) == minutes(66)
    await calendars.withdraw(session, access, calendar, now=minutes(1))
    assert await due(session) == minutes(10)
    assert len(await calendars.versions(session, calendar)) == 1


async def test_what_is_changed_now_overtakes_what_was_planned(session: AsyncSession, access: Access):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    await calendars.change(session, access, calendar, definition=FROM_TEN, valid_from=minutes(60), now=MONDAY)
    await calendars.change(session, access, calendar, definition=ALWAYS, now=minutes(5))
    assert [told.version.valid_from for told in await calendars.versions(session, calendar)] == [minutes(5), None]


async def test_the_past_is_only_rewritten_while_nobody_was_measured_by_it(session: AsyncSession, channel: Channel, access: Access):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    await calendars.change(session, access, calendar, definition=FROM_TEN, now=minutes(1))
    await calendars.change(session, access, calendar, definition=FROM_TEN, since_ever=True, now=minutes(2))
    (only,) = await calendars.versions(session, calendar)
    assert (only.version.valid_from, only.version.definition["hours"]["mon"]) == (None, [["10:00", "24:00"]])
    policy = await policies.create(session, access, draft(calendar_id=calendar.id), now=minutes(2))
    await take(session, channel, said("Hi?"))
    with pytest.raises(Conflict, match="measured"):
        await calendars.change(session, access, calendar, definition=ALWAYS, since_ever=True, now=minutes(3))
    await policies.change(session, access, policy, draft(calendar_id=None), now=minutes(4))
    with pytest.raises(Conflict, match="measured"):
        await calendars.change(session, access, calendar, definition=ALWAYS, since_ever=True, now=minutes(5))
    with pytest.raises(Invalid, match="from now on"):
        await calendars.change(session, access, calendar, definition=ALWAYS, valid_from=MONDAY, now=minutes(5))


async def test_a_calendar_that_policies_go_by_stays(session: AsyncSession, access: Access):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    policy = await policies.create(session, access, draft("VIP", calendar_id=calendar.id), now=MONDAY)
    with pytest.raises(Conflict, match="VIP"):
        await calendars.remove(session, access, calendar, now=MONDAY)
    await policies.remove(session, access, policy, now=MONDAY)
    await calendars.remove(session, access, calendar, now=MONDAY)
    assert await calendars.list_for(session, access, now=MONDAY) == []
    with pytest.raises(Invalid, match="gone"):
        await policies.create(session, access, draft(calendar_id=calendar.id), now=MONDAY)
    await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)


async def test_what_ended_under_a_policy_keeps_it_when_it_is_removed_and_is_measured_by_its_hours(
    session: AsyncSession, channel: Channel, access: Access, make: Make
):
    calendar = await calendars.create(session, access, name="Office", definition=FROM_TEN, now=MONDAY)
    policy = await policies.create(session, access, draft(calendar_id=calendar.id), now=MONDAY)
    await take(session, channel, said("Hi?"))
    await waits.answered(session, await reply(session, make, minutes(65)), at=minutes(65), now=minutes(65))
    await policies.remove(session, access, policy, now=minutes(66))
    await policies.create(session, access, draft("Another"), now=minutes(66))
    await session.execute(text("UPDATE wait SET segments = NULL"))  # as when it turns out to have begun earlier
    (conversation,) = await everything(session, Conversation)
    await targets.settle(session, channel.workspace_id, [conversation.id], now=minutes(70))
    (wait,) = await everything(session, Wait)
    assert (wait.policy_id, wait.business_seconds, wait.due_at) == (policy.id, 300, minutes(70))


async def test_the_order_decides_and_is_changed_as_a_whole(session: AsyncSession, channel: Channel, access: Access):
    first = await policies.create(session, access, draft("First"), now=MONDAY)
    second = await policies.create(session, access, draft("Second", targets={"first": {"normal": 60}}), now=MONDAY)
    await take(session, channel, said("Hi?"))
    assert await due(session) == minutes(10)
    await policies.order(session, access, [second.id, first.id], now=MONDAY)
    assert await due(session) == minutes(1)
    await policies.move(session, access, second, by=5, now=MONDAY)
    assert [policy.name for policy in await policies.list_for(session, access)] == ["First", "Second"]
    await policies.switch(session, access, first, is_on=False, now=MONDAY)
    assert await due(session) == minutes(1)
    assert await policies.counting(session, access) == {second.id: 1}
    for wrong in ([first.id], [first.id, first.id], [first.id, second.id, 999]):
        with pytest.raises(Conflict):
            await policies.order(session, access, wrong, now=MONDAY)


async def test_who_saw_another_revision_is_told_and_changes_nothing(session: AsyncSession, access: Access):
    policy = await policies.create(session, access, draft(), now=MONDAY)
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    await policies.change(session, access, policy, draft("Mine"), seen=1, now=MONDAY)
    await calendars.change(session, access, calendar, name="Mine", seen=1, now=MONDAY)
    with pytest.raises(Conflict, match="meanwhile"):
        await policies.change(session, access, policy, draft("Yours"), seen=1, now=MONDAY)
    with pytest.raises(Conflict, match="meanwhile"):
        await calendars.change(session, access, calendar, name="Yours", seen=1, now=MONDAY)
    assert (policy.name, calendar.name) == ("Mine", "Mine")
    await policies.remove(session, access, policy, now=MONDAY)
    with pytest.raises(Conflict, match="removed"):
        await policies.switch(session, access, policy, is_on=True, now=MONDAY)


HOURS = {"mon": [["09:00", "17:00"]]}


@pytest.mark.parametrize(
    "definition",
    [
        {"tz": "UTC", "hours": {}},  # never open
        {"tz": "UTC", "hours": {"mon": []}},
        {"tz": "Mars/Olympus", "hours": HOURS},
        {"tz": "UTC", "hours": {"mon": [["09:00", "09:00"]]}},
        {"tz": "UTC", "hours": {"mon": [["25:00", "26:00"]]}},
        {"tz": "UTC", "hours": {"someday": []}},
        {"tz": "UTC", "hours": HOURS, "dates": {"2026-13-01": []}},
        {"tz": "UTC", "hours": HOURS, "dates": {"9000-01-01": []}},
        {"tz": "UTC", "hours": HOURS, "holidays": ["ZZ"]},
        {"tz": "UTC", "hours": HOURS, "holidays": "DE"},
        {"tz": "UTC", "hours": HOURS, "names": {"2026-12-24": 7}},
        {"tz": "UTC", "hours": HOURS, "colour": "red"},
        {"tz": "UTC", "hours": {"mon": [[f"{hour:02}:00", f"{hour:02}:{minute:02}"] for hour in range(24) for minute in (10, 20)]}},
        {"tz": "UTC", "dates": {"2026-03-01": [["09:00", "17:00"]]}},  # it was open, and never will be again
    ],
)
async def test_hours_of_nonsense_are_refused_and_change_nothing(session: AsyncSession, access: Access, definition: Any):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    with pytest.raises(Invalid):
        await calendars.create(session, access, name="Nonsense", definition=definition, now=MONDAY)
    with pytest.raises(Invalid):
        await calendars.change(session, access, calendar, definition=definition, now=MONDAY)
    assert [one.calendar.name for one in await calendars.list_for(session, access, now=MONDAY)] == ["Office"]
    assert calendar.revision == 1
    (only,) = await everything(session, CalendarVersion)
    assert only.definition["hours"] == ALWAYS["hours"]


@pytest.mark.parametrize(
    "values",
    [
        {"targets": {"first": {"normal": 0}}},
        {"targets": {"first": {"normal": -5}}},
        {"targets": {"first": {"normal": 401 * 86_400}}},
        {"targets": {"first": {"normal": 1.5}}},
        {"targets": {}},
        {"targets": {"first": {}}},
        {"targets": {"someday": {"normal": 60}}},
        {"conditions": {"channel": [9_999]}},
        {"conditions": {"label": [9_999]}},
        {"conditions": {"team": [9_999]}},
        {"conditions": {"weather": ["rain"]}},
        {"conditions": {"channel": []}},
        {"conditions": {"tier": [7]}},
        {"conditions": {"tier": ["x" * 61]}},
        {"calendar_id": 9_999},
        {"name": ""},
        {"name": "Taken"},
    ],
)
async def test_policies_of_nonsense_are_refused_and_change_nothing(session: AsyncSession, access: Access, values: Any):
    await policies.create(session, access, draft("Taken"), now=MONDAY)
    policy = await policies.create(session, access, draft(), now=MONDAY)
    for attempt in (
        policies.create(session, access, draft(**{"name": "New", **values}), now=MONDAY),
        policies.change(session, access, policy, draft(**values), now=MONDAY),
    ):
        with pytest.raises((Invalid, Conflict)):
            async with session.begin_nested():
                await attempt
    await session.refresh(policy)
    assert [one.name for one in await policies.list_for(session, access)] == ["Taken", "Usual"]
    assert (policy.targets, policy.conditions, policy.revision) == (TEN_MINUTES, {}, 1)


async def test_only_supervisors_agree_with_customers(session: AsyncSession, channel: Channel, access: Access):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    policy = await policies.create(session, access, draft(), now=MONDAY)
    agent = Access(access.workspace_id, Role.AGENT, "member:9", 9)
    for attempt in (
        calendars.create(session, agent, name="Mine", definition=ALWAYS, now=MONDAY),
        calendars.change(session, agent, calendar, name="Mine", now=MONDAY),
        calendars.remove(session, agent, calendar, now=MONDAY),
        calendars.list_for(session, agent, now=MONDAY),
        policies.create(session, agent, draft("Mine"), now=MONDAY),
        policies.change(session, agent, policy, draft("Mine"), now=MONDAY),
        policies.switch(session, agent, policy, is_on=False, now=MONDAY),
        policies.move(session, agent, policy, by=1, now=MONDAY),
        policies.order(session, agent, [policy.id], now=MONDAY),
        policies.remove(session, agent, policy, now=MONDAY),
        policies.list_for(session, agent),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_another_workspace_has_other_agreements(session: AsyncSession, access: Access, make: Make):
    calendar = await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    policy = await policies.create(session, access, draft(), now=MONDAY)
    elsewhere = rights.of(await make.member(await make.workspace(), role=Role.ADMIN))
    with pytest.raises(NotFound):
        await calendars.get(session, elsewhere, calendar.id)
    with pytest.raises(NotFound):
        await policies.get(session, elsewhere, policy.id)
    with pytest.raises(Invalid, match="gone"):
        await policies.create(session, elsewhere, draft(calendar_id=calendar.id), now=MONDAY)


async def test_a_tier_promises_more_as_soon_as_somebody_has_it(session: AsyncSession, channel: Channel, access: Access):
    await policies.create(session, access, draft("Gold", conditions={"tier": ["Gold"]}, targets={"first": {"normal": 60}}), now=MONDAY)
    await policies.create(session, access, draft(), now=MONDAY)
    await take(session, channel, said("Hi?"))
    assert await due(session) == minutes(10)
    (conversation,) = await everything(session, Conversation)
    contact = await session.get_one(Contact, conversation.contact_id)
    await tiers.put(session, access, contact, "  gold ", now=MONDAY)
    assert (contact.tier, await due(session)) == ("gold", minutes(1))
    assert await policies.tiers(session, access) == ["gold"]
    told = kinds(session).count("contact.changed")
    await tiers.put(session, access, contact, "gold", now=MONDAY)
    assert kinds(session).count("contact.changed") == told
    await tiers.put(session, access, contact, "", now=MONDAY)
    assert await due(session) == minutes(10)


async def test_what_a_policy_named_before_may_stay_though_its_editor_does_not_see_it(
    session: AsyncSession, channel: Channel, access: Access
):
    label = await labels.create(session, access, name="Urgent", colour="red", now=MONDAY)
    policy = await policies.create(session, access, draft(conditions={"label": [label.id], "channel": [channel.id]}), now=MONDAY)
    await labels.delete(session, access, label, now=MONDAY)
    await policies.change(session, access, policy, draft("Other", conditions=policy.conditions), now=MONDAY)
    assert policy.conditions == {"label": [label.id], "channel": [channel.id]}
    with pytest.raises(Invalid):
        await policies.create(session, access, draft("New", conditions={"label": [label.id]}), now=MONDAY)


async def test_who_began_to_wait_while_policies_changed_is_settled_afterwards(database: Database):
    """The wait was written by a transaction that had read the policies before they changed, and committed after."""
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace())
        access = Access(channel.workspace_id, Role.SUPERVISOR, "member:1")
        await make.identity(channel)
    async with database.transaction() as slow:
        await take(slow, await slow.get_one(Channel, channel.id), said("Hi?"))
        async with database.transaction() as session:
            policy = await policies.create(session, access, draft(), now=MONDAY)
        async with database.transaction() as session:
            assert await retargeting.take(session) == [], "first the horizon"
        async with database.transaction() as session:
            assert await retargeting.take(session) == [], "the slow one may still write"
    async with database.transaction() as session:
        assert (await session.scalar(select(col(Wait.policy_id)))) is None
    async with database.transaction() as session:
        for workspace_id in await retargeting.take(session):
            await targets.settle_workspace(session, workspace_id, now=MONDAY, actor="system")
    async with database.transaction() as session:
        assert (await session.scalar(select(col(Wait.policy_id)))) == policy.id
        assert await retargeting.take(session) == []


async def test_two_supervisors_at_once_make_one_of_them_look_again(database: Database):
    async with database.transaction() as session:
        channel = await Make(session).channel(await Make(session).workspace())
        access = Access(channel.workspace_id, Role.SUPERVISOR, "member:1")
        policy = await policies.create(session, access, draft(), now=MONDAY)
    async with database.transaction() as one:
        await policies.change(one, access, await policies.get(one, access, policy.id), draft("One"), seen=1, now=MONDAY)
        other = database.transaction()
        async with other as two:
            seen = await policies.get(two, access, policy.id)
            assert seen.name == "Usual"
            await one.commit()
            with pytest.raises(Conflict, match="meanwhile"):
                await policies.change(two, access, seen, draft("Two"), seen=1, now=MONDAY + timedelta(seconds=1))


async def test_a_label_that_is_deleted_marks_the_workspace_to_be_settled(session: AsyncSession, channel: Channel, access: Access):
    label = await labels.create(session, access, name="Urgent", colour="red", now=MONDAY)
    quick = draft("Quick", conditions={"label": [label.id]}, targets={"first": {"normal": 60}})
    await policies.create(session, access, quick, now=MONDAY)
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    await conversation_labels.put(session, access, conversation, [label.id], now=MONDAY)
    assert await due(session) == minutes(1)
    await session.execute(text("DELETE FROM retargeting"))
    await labels.delete(session, access, label, now=MONDAY)
    assert await session.scalar(text("SELECT count(*) FROM retargeting")) == 1
    await targets.settle_workspace(session, channel.workspace_id, now=MONDAY, actor="system")
    assert await due(session) is None


async def test_what_a_calendar_says_is_kept_in_its_usual_form(session: AsyncSession, access: Access):
    hours = {"mon": [["13:00", "17:00"], ["09:00", "12:00"]]}
    calendar = await calendars.create(session, access, name="Office", definition={"tz": "UTC", "hours": hours}, now=MONDAY)
    assert (await calendars.last(session, calendar)).definition["hours"] == {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}
    with pytest.raises(Conflict, match="name"):
        await calendars.create(session, access, name="Office", definition=ALWAYS, now=MONDAY)
    assert [row.name for row in await everything(session, Calendar)] == ["Office"]
    assert await everything(session, Policy) == []
