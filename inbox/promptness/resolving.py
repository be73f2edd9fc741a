"""The target of a resolution: which policy counts for an episode, when it is due, and whether it was late. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inbox.models import Metric, Priority
from inbox.promptness import policies
from inbox.promptness.course import Chapter
from inbox.promptness.policies import WALL, Facts, Rule


@dataclass(slots=True)
class Told:
    """An episode's row, in the order of COLUMNS."""

    conversation_id: int
    ordinal: int
    began_at: datetime
    received_at: datetime
    first_resolved_at: datetime | None = None
    resolved_at: datetime | None = None
    reopened_count: int = 0
    replies_count: int = 0
    rests: str = "[]"  # as JSON
    paused_seconds: float = 0.0
    paused_since: datetime | None = None
    is_void: bool = False
    assignee_id: int | None = None
    team_id: int | None = None
    priority: str = Priority.NORMAL.value
    policy_id: int | None = None
    target_seconds: int | None = None
    due_at: datetime | None = None
    breached_at: datetime | None = None
    late_on_policy: bool = False
    caught_up_late: bool = False
    first_business_seconds: float | None = None
    business_seconds: float | None = None

    @property
    def course(self) -> tuple[Any, ...]:
        """What its time depends on."""
        return self.began_at, self.first_resolved_at, self.resolved_at, self.rests, self.is_void


def settle(told: Told, chapter: Chapter, facts: Facts, row: Told | None, known: Sequence[Rule], *, now: datetime, by_policy: bool) -> None:
    """Which policy counts, when the resolution is due, and whether it is late. What has ended keeps the policy that counted then.

    `row` is the episode as it was, None when it is new. `by_policy`: because a policy or a calendar changed.
    """
    if row is not None:
        _keep(told, row)
    if told.is_void:
        told.due_at = None
        return
    if told.resolved_at is not None:
        if row is not None and row.course == told.course:
            return
        rule = next((rule for rule in known if rule.id == told.policy_id), None)
    else:
        rule = policies.first_fit(known, facts)
        told.policy_id = None if rule is None else rule.id
        told.target_seconds = None if rule is None else rule.target(Metric.RESOLUTION, facts.priority)
        told.due_at = None
    rule = WALL if rule is None else rule.by(Metric.RESOLUTION)
    if rule.id and told.target_seconds is not None:
        told.due_at = _due(chapter, rule, told.target_seconds)
    _mark(told, now=now, by_policy=by_policy)
    first, last = told.first_resolved_at, told.resolved_at
    pauses = chapter.pauses
    told.first_business_seconds = None if first is None else rule.elapsed(chapter.began_at, first, pauses)
    told.business_seconds = None if last is None else rule.elapsed(chapter.began_at, last, pauses)


def _keep(told: Told, row: Told) -> None:
    told.policy_id, told.target_seconds, told.due_at = row.policy_id, row.target_seconds, row.due_at
    told.breached_at, told.late_on_policy, told.caught_up_late = row.breached_at, row.late_on_policy, row.caught_up_late
    told.first_business_seconds, told.business_seconds = row.first_business_seconds, row.business_seconds


def _due(chapter: Chapter, rule: Rule, seconds: int) -> datetime | None:
    """When it is due; None while it rests, unless it was late before."""
    due = rule.due(chapter.began_at, seconds, chapter.pauses)
    resting = chapter.resting_since
    is_paused = resting is not None and chapter.resolved_at is None and due is not None and due > resting
    return None if is_paused else due


def _mark(told: Told, *, now: datetime, by_policy: bool) -> None:
    if told.due_at is None or told.due_at >= (told.resolved_at or now):
        told.breached_at, told.late_on_policy, told.caught_up_late = None, False, False
    elif told.breached_at is None or (told.breached_at != told.due_at and not told.late_on_policy):
        told.late_on_policy = by_policy and told.resolved_at is None and told.breached_at is None
        told.caught_up_late = told.received_at > told.due_at
        told.breached_at = now if told.late_on_policy else told.due_at
