"""Waits in columns: what every figure over a period is reckoned from."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.models import Outcome, Priority
from inbox.promptness import targets, zones
from inbox.promptness.policies import Rule
from inbox.team import rights
from inbox.team.rights import Access

OPEN = 2**62
KINDS, PRIORITIES, OUTCOMES = list(ConversationKind), list(Priority), list(Outcome)
IDS = ("id", "conversation", "channel", "identity", "team", "member", "assignee", "policy", "post")
MOMENTS = ("opened", "closed", "received", "due", "breached")
FLAGS = ("late_on_policy", "caught_up_late", "native", "bulk", "by_hand")
Moments = NDArray[np.int64]
Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Filters:
    """What else the waits have in common; None: whatever it is."""

    channel: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Waits in columns, one entry for each wait, by `opened` ascending. Moments are int64 microseconds since 1970 (UTC); 0 in an id column
    is nobody or none."""

    id: Ids
    conversation: Ids
    channel: Ids
    identity: Ids
    team: Ids
    member: Ids
    assignee: Ids
    policy: Ids
    post: Ids
    metric: NDArray[np.int8]  # 0 first, 1 next
    kind: NDArray[np.int8]  # index into KINDS
    priority: NDArray[np.int8]  # index into PRIORITIES
    opened: Moments
    closed: Moments  # OPEN while open
    received: Moments
    due: Moments  # OPEN where there is no target
    breached: Moments  # OPEN when not
    outcome: NDArray[np.int8]  # index into OUTCOMES; -1 open
    business: NDArray[np.float64]  # seconds by the policy's calendar; of open waits: until now
    target: NDArray[np.float64]  # seconds; nan: none
    late_on_policy: Flags
    caught_up_late: Flags
    native: Flags
    bulk: Flags
    by_hand: Flags
    labels: dict[int, Flags]
    language: NDArray[np.int16]
    languages: list[str | None]


SELECT = """
    SELECT wait.id, wait.conversation_id, wait.channel_id, wait.identity_id,
           coalesce(CASE WHEN closed_at IS NULL THEN conversation.team_id ELSE wait.team_id END, 0), coalesce(wait.member_id, 0),
           coalesce(CASE WHEN closed_at IS NULL THEN conversation.assignee_id ELSE wait.assignee_id END, 0),
           coalesce(wait.policy_id, 0), coalesce(conversation.post_id, 0), wait.metric = 'next', conversation.kind, conversation.priority,
           {opened}, {closed}, {received}, {due}, {breached}, wait.outcome, wait.business_seconds, wait.target_seconds,
           wait.late_on_policy, wait.caught_up_late, wait.native, wait.bulk, wait.by_hand,
           ARRAY(SELECT label_id FROM conversation_label WHERE conversation_id = conversation.id)
      FROM wait JOIN conversation ON conversation.id = wait.conversation_id
     WHERE wait.workspace_id = :workspace AND wait.opened_at >= :since AND wait.opened_at < :until AND wait.channel_id = ANY(:channels)
       AND (wait.outcome IS NULL OR wait.outcome IN ('answered', 'not_needed'))
     ORDER BY wait.opened_at, wait.id
"""
MOMENT = "coalesce((extract(epoch FROM wait.{name}_at) * 1000000)::bigint, 4611686018427387904)"
QUERY = text(SELECT.format(**{name: MOMENT.format(name=name) for name in MOMENTS}))


async def load(
    session: AsyncSession, access: Access, *, since: datetime, until: datetime, now: datetime, filters: Filters | None = None
) -> History:
    """The waits that began from `since` to before `until`, on channels that the member may see, that count."""
    channels = await rights.channels(session, access)
    if filters is not None and filters.channel is not None:
        channels &= {filters.channel}
    given = {"workspace": access.workspace_id, "since": since, "until": until, "channels": sorted(channels)}
    rows = (await session.execute(QUERY, given)).all()
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 26
    rules = {rule.id: rule for rule in await targets.rules(session, access.workspace_id)}
    return _history(columns, rules, now)


def _history(columns: list[Any], rules: dict[int, Rule], now: datetime) -> History:
    ids = [np.array(column, np.int64) for column in columns[:9]]
    moments = [np.array(column, np.int64) for column in columns[12:17]]
    outcome = np.array([-1 if each is None else OUTCOMES.index(Outcome(each)) for each in columns[17]], np.int8)
    business = np.array(
        [
            rules.get(policy, Rule(0, "")).elapsed(zones.moment(opened), now) if seconds is None else seconds
            for seconds, policy, opened in zip(columns[18], columns[7], columns[12], strict=True)
        ],
        np.float64,
    )
    count = len(columns[0])
    labels: dict[int, Flags] = {}
    for place, of_wait in enumerate(columns[25]):
        for label in of_wait:
            labels.setdefault(label, np.zeros(count, np.bool_))[place] = True
    flags = [np.array(column, np.bool_) for column in columns[20:25]]
    found: dict[str, Any] = {}
    for names, arrays in ((IDS, ids), (MOMENTS, moments), (FLAGS, flags)):
        found.update(zip(names, arrays, strict=True))
    return History(
        **found,
        metric=np.array(columns[9], np.int8),
        kind=np.array([KINDS.index(ConversationKind(each)) for each in columns[10]], np.int8),
        priority=np.array([PRIORITIES.index(Priority(each)) for each in columns[11]], np.int8),
        outcome=outcome,
        business=business,
        target=np.array([np.nan if each is None else each for each in columns[19]], np.float64),
        labels=labels,
        language=np.zeros(count, np.int16),
        languages=[None],
    )
