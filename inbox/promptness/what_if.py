"""Trying a draft of policies and calendars on the waits of the past before it is saved: nothing here writes."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import ConversationKind
from inbox.errors import Invalid
from inbox.models import Calendar as CalendarRow
from inbox.models import CalendarVersion, Policy, Priority
from inbox.promptness import policies, targets
from inbox.promptness.agreements import timetable
from inbox.promptness.calendars import Calendar, Versions
from inbox.promptness.policies import Facts, Rule
from inbox.team.rights import Access

if TYPE_CHECKING:  # it loads numpy
    from inbox.promptness.replay import Comparison

LONGEST_DAYS = 90
PAGE = 50
MOST_POLICIES = 100

FACTS = text(
    """
    SELECT id, channel_id, kind, priority, team_id, ARRAY(SELECT label_id FROM conversation_label WHERE conversation_id = conversation.id),
           language, coalesce((SELECT tier FROM contact WHERE contact.id = conversation.contact_id), '')  -- of who began it
      FROM conversation WHERE workspace_id = :workspace AND id = ANY(:ids)
    """
)


class BadDraft(Invalid):
    """A draft that says what cannot be tried."""

    code = "bad_draft"


@dataclass(frozen=True, slots=True)
class DraftPolicy:
    """A policy as it would be saved. `id`: of the one that it replaces, None for a new one. `calendar`: an existing one's id, a definition
    of its own, or None for the wall clock."""

    name: str
    conditions: Mapping[str, Any] = field(default_factory=dict[str, Any])
    targets: Mapping[str, Any] = field(default_factory=dict[str, Any])
    calendar: int | Mapping[str, Any] | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """All policies in their order, and what existing calendars would say instead, by id, for the whole of the time that is replayed."""

    policies: Sequence[DraftPolicy]
    calendars: Mapping[int, Mapping[str, Any]] = field(default_factory=dict[int, Mapping[str, Any]])


@dataclass(frozen=True, slots=True)
class Known:
    """The workspace's calendars by id: their names, and what each says now."""

    names: Mapping[int, str]
    definitions: Mapping[int, Mapping[str, Any]]


async def in_force(session: AsyncSession, workspace_id: int) -> Draft:
    """The policies that are on, as a draft that changes nothing."""
    ordered = select(Policy).where(col(Policy.workspace_id) == workspace_id, col(Policy.is_on))
    found = await session.scalars(ordered.order_by(col(Policy.position), col(Policy.id)))
    return Draft([DraftPolicy(one.name, one.conditions, one.targets, one.calendar_id, one.id) for one in found])


async def calendars(session: AsyncSession, workspace_id: int, *, now: datetime) -> Known:
    """The workspace's calendars as they are valid now."""
    rows = await session.scalars(select(CalendarRow).where(*_kept(workspace_id)).order_by(col(CalendarRow.name)))
    names = {row.id: row.name for row in rows}
    valid = select(CalendarVersion).where(
        col(CalendarVersion.workspace_id) == workspace_id,
        col(CalendarVersion.valid_from).is_(None) | (col(CalendarVersion.valid_from) <= now),
    )
    versions = await session.scalars(valid.order_by(col(CalendarVersion.valid_from).nulls_first()))
    return Known(names, {version.calendar_id: version.definition for version in versions})


async def compare(
    session: AsyncSession, access: Access, draft: Draft, *, days: int, now: datetime, after: int | None = None, limit: int = PAGE
) -> "Comparison":
    """Replay the waits that began in so many days, on the channels that the member may see, by the rules in force and by the draft."""
    from inbox.promptness import history, replay  # they load numpy

    if not 1 <= days <= LONGEST_DAYS:
        raise BadDraft("Between one and {days} days are replayed.", days=LONGEST_DAYS)
    rules = await targets.rules(session, access.workspace_id)
    drafted = await _rules(session, access.workspace_id, draft, rules)
    waits = await history.load(session, access, since=now - timedelta(days=days), until=now, now=now)
    ids = sorted(set(waits.conversation.tolist()))
    rows: Sequence[Any] = (await session.execute(FACTS, {"workspace": access.workspace_id, "ids": ids})).all()

    def run() -> "Comparison":
        facts = {
            number: Facts(channel, ConversationKind(kind), Priority(priority), team, frozenset(labels), tier, language)
            for number, channel, kind, priority, team, labels, language, tier in rows
        }
        return replay.compare(waits, facts, rules, drafted, now, after=after, limit=limit)

    return await asyncio.to_thread(run)


async def _rules(session: AsyncSession, workspace_id: int, draft: Draft, rules: Sequence[Rule]) -> list[Rule]:
    """The draft, checked as if it were saved. A calendar that it does not change is the very one of the rules in force."""
    if len(draft.policies) > MOST_POLICIES:
        raise BadDraft("A draft has at most {count} policies.", count=MOST_POLICIES)
    existing = set(await session.scalars(select(col(CalendarRow.id)).where(*_kept(workspace_id))))
    wanted = {policy.calendar for policy in draft.policies if isinstance(policy.calendar, int)} | set(draft.calendars)
    if strange := wanted - existing:
        raise BadDraft("There is no calendar {number}.", number=min(strange))
    shared: dict[int, Calendar | Versions] = dict(await targets.versions(session, wanted))
    used = select(col(Policy.id), col(Policy.calendar_id)).where(col(Policy.workspace_id) == workspace_id)
    belongs: dict[int, int | None] = {row[0]: row[1] for row in (await session.execute(used)).all()}
    for rule in rules:
        number = belongs.get(rule.id)
        if number is not None and rule.calendar is not None:
            shared[number] = rule.calendar
    for number, definition in draft.calendars.items():
        shared[number] = _hours(definition)
    return [_rule(place, policy, shared) for place, policy in enumerate(draft.policies)]


def _kept(workspace_id: int) -> tuple[ColumnElement[bool], ...]:
    return (col(CalendarRow.workspace_id) == workspace_id, col(CalendarRow.removed_at).is_(None))


def _rule(place: int, policy: DraftPolicy, shared: Mapping[int, Calendar | Versions]) -> Rule:
    calendar: Calendar | Versions | None = None
    if isinstance(policy.calendar, int):
        calendar = shared.get(policy.calendar)
        if calendar is None:
            raise BadDraft("The calendar {number} has no hours yet.", number=policy.calendar)
    elif policy.calendar is not None:
        calendar = _hours(policy.calendar)
    conditions, wanted = policies.read_conditions(policy.conditions), policies.read_targets(policy.targets)
    by_wall = policies.read_clocks(policy.targets)
    return Rule(policy.id or -1 - place, policy.name, conditions, wanted, calendar, by_wall=by_wall)


def _hours(definition: Mapping[str, Any]) -> Calendar:
    """Hours that could be saved as they are."""
    return Calendar.from_dict(timetable.read(definition))
