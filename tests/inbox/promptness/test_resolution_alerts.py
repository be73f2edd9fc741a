"""Alerts about resolutions, by the same chain as those about answers; and nothing is told twice when a story is told anew."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import alert_words
from inbox.automation import escalation
from inbox.conversations import status
from inbox.models import Alert, AlertNotice, AlertState, Channel, Conversation, Member, Priority, Role, Status, Workspace
from inbox.promptness import alerting, alerts, chains, episodes, notices, targets, waits
from inbox.promptness.chains import Step, When
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import channel, everything, said, take
from tests.inbox.promptness.test_alerts import ON_CALL, answer, planned, states, told
from tests.inbox.promptness.test_corrections import logged
from tests.inbox.promptness.test_episodes import HOUR, move
from tests.inbox.promptness.test_targets import policy
from tests.inbox.promptness.test_waits import minutes
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

AT_ONCE = [{"when": "at", "to": ["supervisors"], "by": ["app"]}]


@pytest.fixture
async def boss(session: AsyncSession, channel: Channel, make: Make) -> Member:
    return await make.member(await session.get_one(Workspace, channel.workspace_id), role=Role.ADMIN, name="Bea")


async def behind_the_bell(session: AsyncSession, boss: Member, at: float) -> list[tuple[str, str]]:
    found = await notices.list_mine(session, rights.of(boss), now=minutes(at))
    assert sum(
        (await notices.unseen(session, [boss.id], await rights.channels(session, rights.of(boss)), now=minutes(at))).values()
    ) == len(found)
    return [(one.about, one.step) for one in found]


async def test_a_resolution_warns_before_it_is_due_and_says_when_it_is_late(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    assert await planned(session) == [("share:75", minutes(45)), ("before:300", minutes(55)), ("at:0", minutes(60))]
    await answer(session, make, minutes(2))
    for minute in (44, 45, 55, 60, 61):
        await alerts.raise_due(session, now=minutes(minute))
    assert [member_id for _, member_id in await told(session)] == [boss.id] * 3
    (mine,) = await notices.list_mine(session, rights.of(boss), now=minutes(61))
    assert (mine.about, mine.wait_id, mine.who, mine.opened_at, mine.is_open) == ("resolution", None, "Anna", MONDAY, True)


async def test_an_answer_and_a_resolution_have_chains_of_their_own(session: AsyncSession, channel: Channel, boss: Member):
    await policy(session, channel, targets={"first": {"normal": 600}, "resolution": {"normal": 600}}, alerts=[*AT_ONCE, ON_CALL])
    await take(session, channel, said("Hi?"))
    await alerts.raise_due(session, now=minutes(10))
    assert sorted(await behind_the_bell(session, boss, 10)) == [("answer", "at:0"), ("resolution", "at:0")]
    (of_resolution,) = [one for one in await notices.list_mine(session, rights.of(boss), now=minutes(10)) if one.episode_id]
    for _ in range(2):
        await notices.acknowledge(session, rights.of(boss), of_resolution, now=minutes(11))
    assert await behind_the_bell(session, boss, 11) == [("answer", "at:0")]
    await alerts.raise_due(session, now=minutes(30))
    assert await behind_the_bell(session, boss, 30) == [("answer", "after:900")]


async def test_what_is_paused_warns_nobody_and_a_later_due_time_is_a_promise_of_its_own(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    await answer(session, make, minutes(2))
    await alerts.raise_due(session, now=minutes(45))
    await move(session, Status.PENDING, 50)
    assert await planned(session) == []
    assert await behind_the_bell(session, boss, 50) == []
    assert await alerts.raise_due(session, now=minutes(70)) == 0
    await move(session, Status.OPEN, 80)
    assert await planned(session) == [("before:300", minutes(85)), ("at:0", minutes(90))], "three quarters were over before the pause"


async def test_what_was_late_before_it_was_paused_is_not_told_again_afterwards(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    await policy(session, channel, **HOUR, alerts=[*AT_ONCE, ON_CALL])
    await take(session, channel, said("Hi?"))
    await answer(session, make, minutes(2))
    await alerts.raise_due(session, now=minutes(60))
    await move(session, Status.PENDING, 65)
    assert await planned(session) == []
    assert await behind_the_bell(session, boss, 66) == []
    await move(session, Status.OPEN, 85)
    assert await planned(session) == [("after:900", minutes(95))]
    assert await behind_the_bell(session, boss, 85) == [("resolution", "at:0")]


@pytest.mark.parametrize("to", [Status.RESOLVED, Status.SPAM])
async def test_what_is_over_tells_nobody(session: AsyncSession, channel: Channel, make: Make, to: Status):
    await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    await answer(session, make, minutes(2))
    await move(session, to, 5)
    assert await planned(session) == []


async def test_what_is_late_only_by_a_new_policy_alerts_nobody(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await policy(session, channel, **HOUR)
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(61), actor="member:1")
    assert await planned(session) == []


async def test_another_chain_holds_at_once_for_the_same_due_time(session: AsyncSession, channel: Channel, boss: Member):
    usual = await policy(session, channel, **HOUR)
    await take(session, channel, said("Hi?"))
    await alerting.change_chain(session, rights.of(boss), usual.id, AT_ONCE, now=minutes(1))
    assert await planned(session) == [("at:0", minutes(60))]
    await alerting.change_chain(session, rights.of(boss), usual.id, [], now=minutes(2))
    assert await planned(session) == []


async def test_a_step_of_a_resolution_changes_its_conversation_unless_it_is_resolved_meanwhile(
    session: AsyncSession, channel: Channel, make: Make, boss: Member
):
    await policy(session, channel, **HOUR, alerts=[{**AT_ONCE[0], "then": {"priority": "high"}}])
    await take(session, channel, said("Hi?"))
    await answer(session, make, minutes(2))
    await alerts.raise_due(session, now=minutes(60))
    (alert_id,) = await escalation.waiting(session)
    await escalation.act(session, alert_id, now=minutes(60))
    (conversation,) = await everything(session, Conversation)
    assert conversation.priority is Priority.HIGH


def test_a_step_before_a_pause_stays_where_it_was_and_one_after_it_moves():
    rule_steps = [Step(When.SHARE, 50), Step(When.AT)]
    found = list(chains.moments(rule_steps, targets.Rule(1, "Usual"), MONDAY, 3600, [(minutes(40), minutes(60))]))
    assert [at for _, at in found] == [minutes(30), minutes(80)]


@pytest.mark.parametrize(
    ("due", "late", "expected"),
    [
        (5, False, "Anna: the resolution is due in 5 min"),
        (-5, False, "Anna: the resolution is overdue for 5 min"),
        (-5, True, "Anna: the resolution was due at"),
    ],
)
def test_messages_speak_of_the_resolution(due: int, late: bool, expected: str):
    now = datetime(2026, 3, 2, 10, tzinfo=UTC)
    given: dict[str, Any] = {"kind": "breach", "step": "at:0", "conversation_id": 1, "channel_id": 1, "wait_id": None, "episode_id": 7}
    given |= {"who": "Anna", "opened_at": now - timedelta(hours=1), "due_at": now + timedelta(minutes=due), "raised_at": now, "late": late}
    alert = notices.Told(1, **given, closed_at=None, rests=False, acknowledged_at=None, acknowledged_by=None)
    words = alert_words.of_alerts([alert], "en", ZoneInfo("UTC"), "https://parley.example.org/w/1", now)
    assert words.subject.startswith(expected)


# A story that is told anew.

Again = Callable[[AsyncSession, Conversation], Awaitable[Any]]


async def refold(session: AsyncSession, conversation: Conversation) -> None:
    await waits.refold(session, [conversation.id], now=minutes(11), actor="system")


async def rebuild(session: AsyncSession, conversation: Conversation) -> None:
    await waits.rebuild(session, conversation.workspace_id, now=minutes(11))


async def settle(session: AsyncSession, conversation: Conversation) -> None:
    await targets.settle_workspace(session, conversation.workspace_id, now=minutes(11), actor="member:1")


async def mistake(session: AsyncSession, conversation: Conversation) -> None:
    await move(session, Status.SPAM, 11)
    access = Access(workspace_id=conversation.workspace_id, role=Role.AGENT, actor="member:1")
    await status.take_back(session, access, conversation, now=minutes(12))


@pytest.mark.parametrize("again", [refold, rebuild, settle, mistake])
async def test_what_is_told_anew_and_is_the_same_for_the_customer_tells_nobody_twice(
    session: AsyncSession, channel: Channel, boss: Member, again: Again
):
    await policy(session, channel, targets={"first": {"normal": 600}, "resolution": {"normal": 600}}, alerts=[*AT_ONCE, ON_CALL])
    await take(session, channel, said("Hi?"), said("Anybody there?", after=60), later=60)
    await logged(session)
    for breach in (targets.breach, episodes.breach):
        await breach(session, now=minutes(10), limit=9)
    await alerts.raise_due(session, now=minutes(10))
    before = await told(session)
    assert len(before) == 2
    (conversation,) = await everything(session, Conversation)
    await again(session, conversation)
    await alerts.raise_due(session, now=minutes(13))
    assert await told(session) == before
    assert [step for step, _ in await planned(session)] == ["after:900"] * 2


async def test_whose_end_was_a_mistake_is_told_of_as_before(session: AsyncSession, channel: Channel):
    await policy(session, channel, targets={"first": {"normal": 600}, "resolution": {"normal": 1200}}, alerts=AT_ONCE)
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    for to in (Status.SPAM, Status.RESOLVED):
        await move(session, to, 1)
        assert await planned(session) == []
        access = Access(workspace_id=conversation.workspace_id, role=Role.AGENT, actor="member:1")
        await status.take_back(session, access, conversation, now=minutes(2))
        await logged(session)
        assert await planned(session) == [("at:0", minutes(10)), ("at:0", minutes(20))]


async def test_each_alert_is_about_a_wait_or_an_episode(session: AsyncSession, channel: Channel):
    await policy(session, channel, targets={"first": {"normal": 600}, "resolution": {"normal": 600}})
    await take(session, channel, said("Hi?"))
    found = (await session.execute(select(col(Alert.wait_id), col(Alert.episode_id)))).all()
    assert sorted((wait is None, episode is None) for wait, episode in found) == [(False, True)] * 3 + [(True, False)] * 3
    assert set((await states(session)).values()) == {AlertState.PLANNED}
    assert await everything(session, AlertNotice) == []
