"""Figures about episodes, by hand and beside the curve that waits have."""

import random
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.models import Channel, Conversation, Episode, Policy, Priority, Role, Workspace
from inbox.promptness import resolution_columns, resolutions
from inbox.promptness.resolutions import Cut, Figure
from inbox.promptness.survival import Duration, curve
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import channel
from tests.inbox.promptness.test_targets import policy
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

HOUR = timedelta(hours=1)
NOW = MONDAY + 100 * HOUR


def admin(channel: Channel) -> Access:
    return Access(workspace_id=channel.workspace_id, role=Role.ADMIN, actor="member:1")


async def episode(session: AsyncSession, make: Make, channel: Channel, **values: Any) -> Conversation:
    """An episode that began on Monday; `first` and `last`: hours until it was resolved."""
    conversation: Conversation = await make.conversation(channel, kind=values.pop("kind", ConversationKind.DIRECT), **values.pop("now", {}))
    for name, column in (("first", "first_resolved_at"), ("last", "resolved_at")):
        hours = values.pop(name, None)
        values[column] = None if hours is None else MONDAY + hours * HOUR
    where = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "conversation_id": conversation.id}
    usual = {"ordinal": 1, "kind": conversation.kind, "began_at": MONDAY, "received_at": MONDAY}
    session.add(Episode(**{**where, **usual, **values}))
    await session.flush()
    return conversation


async def figures(session: AsyncSession, channel: Channel, cut: Cut = Cut.ALL, **period: datetime) -> list[Figure]:
    given = {"since": MONDAY, "until": NOW, "now": NOW, **period}
    return (await resolutions.report(session, admin(channel), **given, cuts=(cut,))).tables[cut]


async def test_what_is_open_is_counted_for_as_long_as_it_is_open(session: AsyncSession, channel: Channel, make: Make):
    for hours in (1, 2, 3):
        await episode(session, make, channel, first=hours, last=hours, replies_count=hours, first_business_seconds=60, business_seconds=90)
    await episode(session, make, channel)
    await episode(session, make, channel, first=4, reopened_count=1, first_business_seconds=120)
    await episode(session, make, channel, first=5, last=5, is_void=True)
    (figure,) = await figures(session, channel)
    assert (figure.n, figure.resolved, figure.open_now) == (5, 3, 2)
    assert (figure.first.p50, figure.first.p90, figure.first.mean) == (3 * 3600, None, 2.5 * 3600)
    assert (figure.last.p50, figure.last.p90, figure.last.mean) == (3 * 3600, None, 2 * 3600)
    assert (figure.first_business.p50, figure.last_business.mean) == (60, 90)
    assert (figure.reopened, figure.one_touch) == (1 / 4, 1 / 3)
    assert await figures(session, channel, since=MONDAY + HOUR) == []


async def test_targets_kept_are_those_of_what_is_resolved_or_late(session: AsyncSession, channel: Channel, make: Make):
    promised: Policy = await policy(session, channel, targets={"resolution": {"normal": 3600}})
    target = {"policy_id": promised.id, "target_seconds": 3600}
    await episode(session, make, channel, first=0.5, last=0.5, **target)
    await episode(session, make, channel, first=2, last=2, breached_at=MONDAY + HOUR, **target)
    await episode(session, make, channel, **target)
    await episode(session, make, channel, breached_at=MONDAY + HOUR, **target)
    await episode(session, make, channel, first=9, last=9)
    mine, other = await figures(session, channel, Cut.POLICY)
    assert (mine.key, mine.promised, mine.late, mine.kept, other.key, other.kept) == (promised.id, 4, 2, 1 / 3, None, None)


async def test_the_business_time_of_what_is_open_stands_still_while_it_rests(session: AsyncSession, channel: Channel, make: Make):
    rests = [[MONDAY.isoformat(), (MONDAY + HOUR).isoformat(), "pending"], [(MONDAY + 2 * HOUR).isoformat(), None, "snoozed"]]
    await episode(session, make, channel, first=3, last=3, first_business_seconds=3500, business_seconds=3500)
    await episode(session, make, channel, rests=rests)
    (figure,) = await figures(session, channel)
    assert figure.last.p90 is None
    assert figure.last_business.p50 == 3500, "the other has taken an hour of business time, and no more"


@pytest.mark.parametrize(
    ("cut", "keys"),
    [
        (Cut.LANGUAGE, ["de", "en"]),
        (Cut.KIND, [ConversationKind.DIRECT, ConversationKind.EMAIL]),
        (Cut.PRIORITY, [Priority.HIGH, Priority.URGENT]),
        (Cut.TEAM, ["Now", "Then"]),
    ],
)
async def test_cuts_go_by_what_was_when_it_was_resolved_and_by_what_is_while_it_is_open(
    session: AsyncSession, channel: Channel, make: Make, cut: Cut, keys: list[Any]
):
    teams = {(await make.team(await _workspace(session, channel), name=name)).id: name for name in ("Then", "Now")}
    then, now = teams
    today = {"team_id": now, "priority": Priority.HIGH}
    resolved = {"team_id": then, "priority": Priority.URGENT, "kind": ConversationKind.EMAIL}
    await episode(session, make, channel, first=1, last=1, **resolved, now={**today, "language": "de"})
    await episode(session, make, channel, now={**today, "language": "en"})
    found = await figures(session, channel, cut)
    assert sorted(teams.get(figure.key, figure.key) for figure in found) == keys
    assert all(figure.n == 1 for figure in found)


async def test_restricted_channels_are_in_no_figure(session: AsyncSession, channel: Channel, make: Make):
    board = await make.channel(await _workspace(session, channel), restricted=True)
    await episode(session, make, board)
    agent = Access(workspace_id=channel.workspace_id, role=Role.AGENT, actor="member:1", member_id=1)
    found = await resolutions.report(session, agent, since=MONDAY, until=NOW, now=NOW)
    assert set(map(len, found.tables.values())) == {0}
    assert (await resolutions.backlog(session, agent, now=NOW)).count == 0
    assert len(await figures(session, channel, Cut.CHANNEL)) == 1


async def test_the_backlog_is_everything_open_by_age(session: AsyncSession, channel: Channel, make: Make):
    for days in (0.5, 2, 2, 5, 30):
        await episode(session, make, channel, began_at=NOW - timedelta(days=days))
    await episode(session, make, channel, began_at=NOW - HOUR, paused_since=NOW, breached_at=NOW)
    await episode(session, make, channel, first=1, last=1)
    await episode(session, make, channel, is_void=True)
    found = await resolutions.backlog(session, admin(channel), now=NOW)
    assert (found.count, found.ages, found.paused, found.late) == (6, (2, 2, 1, 1), 1, 1)
    assert found.oldest_at == NOW - timedelta(days=30)


@pytest.mark.parametrize("seed", range(20))
def test_percentiles_are_those_of_the_curve_of_waits(seed: int):
    chance = random.Random(seed)
    told = [(float(chance.randrange(30)), chance.random() < 0.6) for _ in range(chance.randrange(1, 60))]
    seconds, over = np.array([one[0] for one in told]), np.array([one[1] for one in told])
    expected = curve(Duration(length, int(ended), int(not ended)) for length, ended in told)
    found = resolution_columns.length(seconds, over)
    assert (found.p50, found.p90) == (expected.percentile(0.5), expected.percentile(0.9))


async def _workspace(session: AsyncSession, channel: Channel) -> Workspace:
    return await session.get_one(Workspace, channel.workspace_id)
