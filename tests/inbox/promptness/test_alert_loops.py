"""Chains that change what brings them about: they come to an end, and a clock that goes back repeats nothing."""

from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.automation import escalation
from inbox.models import Alert, Channel, Role, Workspace
from inbox.promptness import agenda, alerts, targets
from tests.inbox.conversations.test_receive import channel, said, take
from tests.inbox.promptness.test_targets import policy
from tests.inbox.promptness.test_waits import minutes
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture


async def test_two_policies_that_hand_a_conversation_to_and_fro_come_to_an_end(session: AsyncSession, channel: Channel, make: Make):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    await make.member(workspace, role=Role.SUPERVISOR)
    first, second = await make.team(workspace), await make.team(workspace)

    def giving(team: int) -> list[dict[str, object]]:
        then = {"assign": f"team:{team}", "priority": "urgent"}
        return [{"when": when, "amount": 60, "to": ["supervisors"], "by": ["app"], "then": then} for when in ("at", "after")]

    await policy(session, channel, name="One", position=0, conditions={"team": [second.id]}, alerts=giving(first.id))
    await policy(session, channel, name="Two", position=1, targets={"first": {"normal": 120}}, alerts=giving(second.id))
    await take(session, channel, said("Hi?"))
    acted = 0
    for step in range(60):
        now = minutes(step)
        await targets.breach(session, now=now, limit=100)
        await alerts.raise_due(session, now=now)
        for alert_id in await escalation.waiting(session):
            acted += await escalation.act(session, alert_id, now=now)
    assert 0 < acted <= 8
    assert (await agenda.read(session)).alert is None


async def test_a_clock_that_goes_back_an_hour_raises_nothing_twice(session: AsyncSession, channel: Channel, make: Make):
    await make.member(await session.get_one(Workspace, channel.workspace_id), role=Role.SUPERVISOR)
    chain = [{"when": "at", "to": ["supervisors"], "by": ["app"]}, {"when": "after", "amount": 60, "to": ["supervisors"], "by": ["app"]}]
    await policy(session, channel, alerts=chain)
    await take(session, channel, said("Hi?"))
    for now in (minutes(10), minutes(11), MONDAY - timedelta(minutes=49), minutes(10), minutes(11), minutes(12)):
        await targets.breach(session, now=now, limit=100)
        await targets.settle_workspace(session, channel.workspace_id, now=now, actor="system")
        await alerts.raise_due(session, now=now)
    rows = await session.execute(select(Alert.step, func.count()).where(text("state = 'raised'")).group_by(Alert.step))  # type: ignore[call-overload]
    assert {row[0]: row[1] for row in rows} == {"at:0": 1, "after:60": 1}
