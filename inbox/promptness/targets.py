"""The targets of waits: which policy counts for each, when it is due, and whether it was late. They follow from waits, never the reverse.

`settle` is called in the transaction that changed waits, or what policies ask of a conversation; `breach` when a due time has come.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.columns import Numbers, Texts, Times, Truths
from inbox.contract import ConversationKind
from inbox.db import Row, driver
from inbox.models import CalendarVersion, Metric, Policy, Priority, Wait
from inbox.pipelines import pipeline
from inbox.promptness import alerts, chains, cuts, episodes, policies, verdicts
from inbox.promptness.alerts import Planned
from inbox.promptness.calendars import Calendar, Versions
from inbox.promptness.cuts import Owner, Segment, Story
from inbox.promptness.ledger import Changes
from inbox.promptness.policies import Facts, Rule
from inbox.promptness.verdicts import Target

PORTION = 500  # conversations, or waits that are due, in one step

HOLD = "SELECT id FROM conversation WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE"  # before their waits, as everybody does

# Open waits, and ended ones that were not settled since they ended: those keep the policy that counted when they did.
UNSETTLED = """
    SELECT wait.id, conversation.id, conversation.channel_id, conversation.kind, conversation.priority, conversation.team_id,
           ARRAY(SELECT label_id FROM conversation_label WHERE conversation_id = conversation.id), contact.tier, conversation.language,
           conversation.assignee_id, wait.metric,
           wait.opened_at, wait.received_at, wait.closed_at, wait.closed_by, wait.policy_id, wait.calendar_id, wait.target_seconds,
           wait.due_at, wait.breached_at, wait.late_on_policy, wait.caught_up_late, wait.business_seconds, wait.segments,
           coalesce((SELECT strand_id FROM message WHERE message.id = wait.opened_by), conversation.id)
      FROM wait JOIN conversation ON conversation.id = wait.conversation_id
           JOIN identity ON identity.id = wait.identity_id JOIN contact ON contact.id = identity.contact_id
     WHERE wait.conversation_id = ANY(%b::bigint[]) AND (wait.closed_at IS NULL OR wait.segments IS NULL OR %b)
     ORDER BY wait.id FOR NO KEY UPDATE OF wait
"""

UPDATE = """
    UPDATE wait SET policy_id = new.policy_id, calendar_id = new.calendar_id, target_seconds = new.target, due_at = new.due_at,
                    breached_at = new.breached_at, late_on_policy = new.late_on_policy, caught_up_late = new.caught_up_late,
                    business_seconds = new.business, segments = new.segments::jsonb
      FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::bool[], %b::bool[],
                  %s::float8[], %b::text[])
           AS new (id, policy_id, calendar_id, target, due_at, breached_at, late_on_policy, caught_up_late, business, segments)
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
    SELECT conversation_id FROM wait WHERE workspace_id = :workspace AND closed_at IS NULL AND conversation_id > :after
    UNION SELECT conversation_id FROM episode
           WHERE workspace_id = :workspace AND resolved_at IS NULL AND NOT is_void AND conversation_id > :after
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


async def rules(session: AsyncSession, workspace_id: int) -> list[Rule]:
    """The workspace's policies that are on, in their order, with their calendars."""
    counting = (col(Policy.workspace_id) == workspace_id, col(Policy.is_on), col(Policy.removed_at).is_(None))
    found = (await session.scalars(select(Policy).where(*counting).order_by(col(Policy.position), col(Policy.id)))).all()
    calendars = await versions(session, {policy.calendar_id for policy in found if policy.calendar_id is not None})
    return [
        Rule(
            policy.id,
            policy.name,
            policies.read_conditions(policy.conditions),
            policies.read_targets(policy.targets),
            None if policy.calendar_id is None else calendars[policy.calendar_id],
            policy.changed_at,
            chains.read(policy.alerts),
            policies.read_clocks(policy.targets),
        )
        for policy in found
    ]


async def versions(session: AsyncSession, calendar_ids: Collection[int]) -> dict[int, Versions]:
    """Calendars with all that they ever said, by id."""
    written: dict[int, list[tuple[datetime | None, Calendar]]] = defaultdict(list)
    if calendar_ids:
        for version in await session.scalars(select(CalendarVersion).where(col(CalendarVersion.calendar_id).in_(calendar_ids))):
            written[version.calendar_id].append((version.valid_from, _calendar(json.dumps(version.definition, sort_keys=True))))
    return {calendar_id: Versions(told, calendar_id) for calendar_id, told in written.items()}


@lru_cache(maxsize=1_000)
def _calendar(definition: str) -> Calendar:
    """It never changes, and keeps what it has added up of the years that it was asked about."""
    return Calendar.from_dict(json.loads(definition))


async def settle_changed(session: AsyncSession, changes: Changes, *, now: datetime, actor: str) -> None:
    """Settle the conversations whose waits have just changed."""
    for workspace_id, ids in sorted(changes.conversations.items()):
        await settle(session, workspace_id, ids, now=now, actor=actor, ended=changes.has_ended, reopened=changes.reopened)


async def settle(
    session: AsyncSession,
    workspace_id: int,
    conversation_ids: Iterable[int],
    *,
    now: datetime,
    actor: str = "system",
    by_policy: bool = False,
    ended: bool = False,
    anew: bool = False,
    reopened: Collection[int] = (),
    known: Sequence[Rule] | None = None,
) -> int:
    """Bring what follows from these conversations' waits, moves and replies up to date: the waits' targets, and the episodes.

    How many rows changed. `by_policy`: because a policy or calendar changed. `ended`: waits have ended, which is settled without any policy
    too. `anew`: also what was settled before, as a rebuild does. `reopened`: waits whose end was taken back, so that their alerts went with
    it. `known`: the policies, from whoever has read them.
    """
    ids = sorted(set(conversation_ids))
    if not ids:
        return 0
    known = await rules(session, workspace_id) if known is None else known
    changed = 0
    if known or by_policy or ended or anew:
        changed = await _settle_waits(
            session, workspace_id, ids, known, now=now, actor=actor, by_policy=by_policy, anew=anew, reopened=reopened
        )
    return changed + await episodes.tell(session, ids, known, now=now, actor=actor, by_policy=by_policy)


async def settle_episodes(
    session: AsyncSession, workspace_id: int, conversation_ids: Iterable[int], *, now: datetime, actor: str = "system"
) -> int:
    """The same for the episodes alone: where conversations were moved or answered, and no wait changed; how many rows changed."""
    ids = sorted(set(conversation_ids))
    return await episodes.tell(session, ids, await rules(session, workspace_id), now=now, actor=actor) if ids else 0


async def _settle_waits(
    session: AsyncSession,
    workspace_id: int,
    ids: list[int],
    known: Sequence[Rule],
    *,
    now: datetime,
    actor: str,
    by_policy: bool,
    anew: bool,
    reopened: Collection[int],
) -> int:
    connection = await driver(session)
    async with pipeline(connection) as send:
        send(HOLD, (ids,))
        unsettled = send(UNSETTLED, (ids, anew))
    found = [_target(row) for row in await unsettled.fetchall()]
    calendars = await versions(session, {target.calendar_id for target in found if target.is_kept and target.calendar_id is not None})
    over = [target for target in found if target.closed_at is not None]
    stories = await _stories(session, connection, over) if over else {}
    changed: list[Target] = []
    for target in found:
        if target.is_kept and target.segments is not None and target.calendar_id is not None and target.calendar_id not in calendars:
            continue  # nobody knows any more what its calendar said
        before, was_late = target.state, target.breached_at
        hours = verdicts.settle(target, known, calendars, now=now, by_policy=by_policy)
        target.segments = _cut(target, stories, hours) if target.closed_at is not None else None
        if target.state != before:
            changed.append(target)
            told = (session, workspace_id, target.conversation_id, target.channel_id, target.id, target.due_at, actor, now)
            # Everything else that changes a target has an event of its own; nobody keeps segments, the last of a state.
            if by_policy or (anew and target.state[:-1] != before[:-1]):
                _record(*told, kind="wait.retargeted")
            if target.breached_at is not None and was_late is None:
                _record(*told)
    async with pipeline(connection) as send:
        if changed:
            send(UPDATE, _columns(changed))
        again = {target.id for target in changed}.union(reopened)
        # A changed policy may have another chain for the same due time.
        if alerted := [target for target in found if by_policy or anew or target.id in again]:
            alerts.plan(send, workspace_id, Wait, [_planned(target, known) for target in alerted], now=now)
        send(NEXT_DUE, (ids,))
    return len(changed)


async def settle_workspace(session: AsyncSession, workspace_id: int, *, now: datetime, actor: str) -> int:
    """After a policy or a calendar changed: bring the targets of all open waits and unresolved episodes up to date; how many changed."""
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


async def _stories(session: AsyncSession, connection: AsyncConnection[Row], over: Sequence[Target]) -> dict[tuple[int, int], Story]:
    owners = {target.conversation_id: Owner(target.assignee_id, target.facts.team_id) for target in over}
    return await cuts.stories(session, connection, owners, {target.closed_by for target in over if target.closed_by is not None})


def _cut(target: Target, stories: Mapping[tuple[int, int], Story], hours: Rule) -> list[Segment]:
    story = cuts.told(stories, target.conversation_id, target.strand)
    return cuts.cut(story, target.opened_at, target.closed_at or target.opened_at, hours.elapsed, reply_id=target.closed_by)


def _planned(target: Target, known: Sequence[Rule]) -> Planned:
    """What is told of a wait: nothing once it has ended, nor when it was late already before anybody had promised anything."""
    is_told = target.closed_at is None and not target.late_on_policy
    rule = next((rule for rule in known if rule.id == target.policy_id), None)
    return Planned(target.id, target.opened_at, target.seconds, target.due_at if is_told else None, rule and rule.by(target.metric))


def _target(row: Row) -> Target:
    wait_id, conversation_id, channel_id, kind, priority, team_id, label_ids, tier, language, assignee_id, metric, *rest, kept, strand = row
    facts = Facts(channel_id, ConversationKind(kind), Priority(priority), team_id, frozenset(label_ids), tier, language)
    cut = None if kept is None else cuts.loaded(kept)
    fields: Row = (wait_id, conversation_id, channel_id, facts, assignee_id, Metric(metric), *rest, cut, strand)
    return Target(*fields)


def _columns(targets: Sequence[Target]) -> tuple[Any, ...]:
    return (
        Numbers([target.id for target in targets]),
        Numbers([target.policy_id for target in targets]),
        Numbers([target.calendar_id for target in targets]),
        Numbers([target.seconds for target in targets]),
        Times([target.due_at for target in targets]),
        Times([target.breached_at for target in targets]),
        Truths([target.late_on_policy for target in targets]),
        Truths([target.caught_up_late for target in targets]),
        [target.business_seconds for target in targets],
        Texts([None if target.segments is None else cuts.dumped(target.segments) for target in targets]),
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
