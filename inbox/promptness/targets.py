"""The targets of waits: which policy counts for each, when it is due, and whether it was late. They follow from waits, never the reverse.

`settle` is called in the transaction that changed waits, or what policies ask of a conversation; `breach` when a due time has come.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.columns import Numbers, Times, Truths
from inbox.contract import ConversationKind
from inbox.db import Row, driver
from inbox.models import CalendarVersion, Metric, Policy, Priority
from inbox.pipelines import pipeline
from inbox.promptness import policies
from inbox.promptness.calendars import Calendar, Versions
from inbox.promptness.ledger import Changes
from inbox.promptness.policies import Facts, Rule

PORTION = 500  # conversations, or waits that are due, in one step

HOLD = "SELECT id FROM conversation WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"  # before their waits, as everybody does

# Open waits, and ended ones that were not settled since they ended: those keep the policy that counted when they did.
UNSETTLED = """
    SELECT wait.id, conversation.id, conversation.channel_id, conversation.kind, conversation.priority, conversation.team_id,
           ARRAY(SELECT label_id FROM conversation_label WHERE conversation_id = conversation.id), wait.metric, wait.opened_at,
           wait.received_at, wait.closed_at, wait.policy_id, wait.target_seconds, wait.due_at, wait.breached_at, wait.late_on_policy,
           wait.caught_up_late, wait.business_seconds
      FROM wait JOIN conversation ON conversation.id = wait.conversation_id
     WHERE wait.conversation_id = ANY(%b::bigint[]) AND (wait.closed_at IS NULL OR wait.business_seconds IS NULL)
     ORDER BY wait.id FOR NO KEY UPDATE OF wait
"""

UPDATE = """
    UPDATE wait SET policy_id = new.policy_id, target_seconds = new.target, due_at = new.due_at, breached_at = new.breached_at,
                    late_on_policy = new.late_on_policy, caught_up_late = new.caught_up_late, business_seconds = new.business
      FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::bool[], %b::bool[], %s::float8[])
           AS new (id, policy_id, target, due_at, breached_at, late_on_policy, caught_up_late, business)
     WHERE wait.id = new.id
"""

NEXT_DUE = """
    UPDATE conversation SET next_due_at = new.due_at
      FROM (SELECT told.id, min(due_at) AS due_at
              FROM unnest(%b::bigint[]) AS told (id) LEFT JOIN wait ON conversation_id = told.id AND closed_at IS NULL
             GROUP BY told.id) AS new
     WHERE conversation.id = new.id AND conversation.next_due_at IS DISTINCT FROM new.due_at
"""

OF_WORKSPACE = text(
    """
    SELECT DISTINCT conversation_id FROM wait WHERE workspace_id = :workspace AND closed_at IS NULL AND conversation_id > :after
     ORDER BY conversation_id LIMIT :limit
    """
)

# Each by one process only; what is locked is being answered or settled, and comes again.
BREACH = text(
    """
    WITH due AS (SELECT id FROM wait WHERE due_at <= :now AND closed_at IS NULL AND breached_at IS NULL
                  ORDER BY due_at, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE wait SET breached_at = due_at FROM due WHERE wait.id = due.id
    RETURNING wait.id, wait.workspace_id, wait.conversation_id, wait.channel_id, wait.due_at
    """
)


@dataclass(slots=True)
class Target:
    """A wait and its target, as the row has them."""

    id: int
    conversation_id: int
    channel_id: int
    facts: Facts
    metric: Metric
    opened_at: datetime
    received_at: datetime
    closed_at: datetime | None
    policy_id: int | None
    seconds: int | None
    due_at: datetime | None
    breached_at: datetime | None
    late_on_policy: bool
    caught_up_late: bool
    business_seconds: float | None

    @property
    def state(self) -> tuple[Any, ...]:
        return (
            self.policy_id, self.seconds, self.due_at, self.breached_at, self.late_on_policy, self.caught_up_late, self.business_seconds,
        )  # fmt: skip


async def rules(session: AsyncSession, workspace_id: int) -> list[Rule]:
    """The workspace's policies that are on, in their order, with their calendars."""
    ordered = (
        select(Policy).where(col(Policy.workspace_id) == workspace_id, col(Policy.is_on)).order_by(col(Policy.position), col(Policy.id))
    )
    found = (await session.scalars(ordered)).all()
    calendars = await versions(session, {policy.calendar_id for policy in found if policy.calendar_id is not None})
    return [
        Rule(
            policy.id,
            policy.name,
            policies.read_conditions(policy.conditions),
            policies.read_targets(policy.targets),
            None if policy.calendar_id is None else calendars[policy.calendar_id],
        )
        for policy in found
    ]


async def versions(session: AsyncSession, calendar_ids: Collection[int]) -> dict[int, Versions]:
    """Calendars with all that they ever said, by id."""
    written: dict[int, list[tuple[datetime | None, Calendar]]] = defaultdict(list)
    if calendar_ids:
        for version in await session.scalars(select(CalendarVersion).where(col(CalendarVersion.calendar_id).in_(calendar_ids))):
            written[version.calendar_id].append((version.valid_from, Calendar.from_dict(version.definition)))
    return {calendar_id: Versions(told) for calendar_id, told in written.items()}


async def settle_changed(session: AsyncSession, changes: Changes, *, now: datetime, actor: str) -> None:
    """Settle the conversations whose waits have just changed."""
    for workspace_id, ids in sorted(changes.conversations.items()):
        await settle(session, workspace_id, ids, now=now, actor=actor)


async def settle(
    session: AsyncSession,
    workspace_id: int,
    conversation_ids: Iterable[int],
    *,
    now: datetime,
    actor: str = "system",
    by_policy: bool = False,
) -> int:
    """Bring the targets of these conversations' waits up to date; how many changed. `by_policy`: because a policy or calendar changed."""
    ids = sorted(set(conversation_ids))
    known = await rules(session, workspace_id)
    if not known and not by_policy:
        return 0
    connection = await driver(session)
    async with pipeline(connection) as send:
        send(HOLD, (ids,))
        unsettled = send(UNSETTLED, (ids,))
    changed: list[Target] = []
    for target in map(_target, await unsettled.fetchall()):
        before, was_late = target.state, target.breached_at
        _settle(target, known, now=now, by_policy=by_policy)
        if target.state != before:
            changed.append(target)
            told = (session, workspace_id, target.conversation_id, target.channel_id, target.id, target.due_at, actor, now)
            if by_policy:  # everything else that changes a target has an event of its own
                _record(*told, kind="wait.retargeted")
            if target.breached_at is not None and was_late is None:
                _record(*told)
    async with pipeline(connection) as send:
        if changed:
            send(UPDATE, _columns(changed))
        send(NEXT_DUE, (ids,))
    return len(changed)


async def settle_workspace(session: AsyncSession, workspace_id: int, *, now: datetime, actor: str) -> int:
    """After a policy or a calendar changed: bring every open wait's target up to date; how many changed."""
    changed, after = 0, 0
    while ids := list(await session.scalars(OF_WORKSPACE, {"workspace": workspace_id, "after": after, "limit": PORTION})):
        changed += await settle(session, workspace_id, ids, now=now, actor=actor, by_policy=True)
        after = ids[-1]
    return changed


async def breach(session: AsyncSession, *, now: datetime, limit: int = PORTION) -> int:
    """Mark the open waits whose due time has passed as late since then, each once however many processes do it; how many."""
    rows = sorted(tuple(row) for row in await session.execute(BREACH, {"now": now, "limit": limit}))
    for wait_id, workspace_id, conversation_id, channel_id, due_at in rows:
        _record(session, workspace_id, conversation_id, channel_id, wait_id, due_at, "system", now)
    return len(rows)


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next open wait becomes late."""
    return await session.scalar(text("SELECT min(due_at) FROM wait WHERE closed_at IS NULL AND breached_at IS NULL"))


def _settle(target: Target, known: Sequence[Rule], *, now: datetime, by_policy: bool) -> None:
    if target.closed_at is not None and target.policy_id is not None:
        rule = next((rule for rule in known if rule.id == target.policy_id), None)  # its own, though the conversation has changed since
    else:
        rule = policies.first_fit(known, target.facts)
        target.policy_id = None if rule is None else rule.id
        target.seconds = None if rule is None else rule.target(target.metric, target.facts.priority)
        target.due_at = None
    if rule is not None and target.seconds is not None:  # an ended wait may turn out to have begun earlier, too
        target.due_at = rule.due(target.opened_at, target.seconds)
    end = target.closed_at or now
    if target.due_at is None or target.due_at >= end:
        target.breached_at, target.late_on_policy, target.caught_up_late = None, False, False
    elif target.breached_at is None or (target.breached_at != target.due_at and not target.late_on_policy):
        target.late_on_policy = by_policy and target.closed_at is None and target.breached_at is None
        target.caught_up_late = target.received_at > target.due_at
        target.breached_at = now if target.late_on_policy else target.due_at
    if target.closed_at is not None:
        target.business_seconds = (rule or Rule(0, "")).elapsed(target.opened_at, target.closed_at)


def _target(row: Row) -> Target:
    wait_id, conversation_id, channel_id, kind, priority, team_id, label_ids, metric, *rest = row
    facts = Facts(channel_id, ConversationKind(kind), Priority(priority), team_id, frozenset(label_ids))
    return Target(wait_id, conversation_id, channel_id, facts, Metric(metric), *rest)


def _columns(targets: Sequence[Target]) -> tuple[Any, ...]:
    return (
        Numbers([target.id for target in targets]),
        Numbers([target.policy_id for target in targets]),
        Numbers([target.seconds for target in targets]),
        Times([target.due_at for target in targets]),
        Times([target.breached_at for target in targets]),
        Truths([target.late_on_policy for target in targets]),
        Truths([target.caught_up_late for target in targets]),
        [target.business_seconds for target in targets],
    )


def _record(
    session: AsyncSession,
    workspace_id: int,
    conversation_id: int,
    channel_id: int,
    wait_id: int,
    due_at: datetime | None,
    actor: str,
    now: datetime,
    *,
    kind: str = "wait.breached",
) -> None:
    told = None if due_at is None else due_at.isoformat()
    events.record(
        session, kind, workspace_id=workspace_id, at=now, actor=actor, conversation_id=conversation_id, channel_id=channel_id,
        wait=wait_id, due_at=told,
    )  # fmt: skip
