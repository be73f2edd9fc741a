"""What becomes of one wait's target: which policy counts for it, in whose hours, when it is due and whether it was late. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from inbox.models import Metric
from inbox.promptness import policies
from inbox.promptness.calendars import Versions
from inbox.promptness.cuts import Segment
from inbox.promptness.policies import WALL, Facts, Rule


@dataclass(slots=True)
class Target:
    """A wait and its target, as the row has them."""

    id: int
    conversation_id: int
    channel_id: int
    facts: Facts
    assignee_id: int | None
    metric: Metric
    opened_at: datetime
    received_at: datetime
    closed_at: datetime | None
    closed_by: int | None
    policy_id: int | None
    calendar_id: int | None
    seconds: int | None
    due_at: datetime | None
    breached_at: datetime | None
    late_on_policy: bool
    caught_up_late: bool
    business_seconds: float | None
    segments: list[Segment] | None

    @property
    def is_kept(self) -> bool:
        """Whether the policy and the hours that counted when it ended go on counting."""
        return self.closed_at is not None and (self.policy_id is not None or self.business_seconds is not None)

    @property
    def is_over_before_its_policy(self) -> bool:
        """Whether it turned out to have ended when the policy came by which it was late."""
        came = self.breached_at if self.late_on_policy else None
        return self.closed_at is not None and came is not None and self.closed_at <= came

    @property
    def state(self) -> tuple[Any, ...]:
        return (
            self.policy_id, self.calendar_id, self.seconds, self.due_at, self.breached_at, self.late_on_policy, self.caught_up_late,
            self.business_seconds, self.segments,
        )  # fmt: skip


def settle(target: Target, known: Sequence[Rule], calendars: Mapping[int, Versions], *, now: datetime, by_policy: bool) -> Rule:
    """Bring one wait's target up to date; returns a rule that reckons in the hours that count for it."""
    if target.is_kept and not target.is_over_before_its_policy:
        hours = Rule(target.policy_id or 0, "", calendar=calendars.get(target.calendar_id or 0))
    else:
        hours = _choose(target, known)
    if target.closed_at is not None and isinstance(hours.calendar, Versions):
        hours = replace(hours, calendar=hours.calendar.until(target.closed_at))  # later hours are nothing to it
    if target.seconds is not None:  # an ended wait may turn out to have begun earlier, too
        target.due_at = hours.due(target.opened_at, target.seconds)
    _mark_late(target, now=now, by_policy=by_policy)
    target.business_seconds = None if target.closed_at is None else hours.elapsed(target.opened_at, target.closed_at)
    return hours


def _choose(target: Target, known: Sequence[Rule]) -> Rule:
    """The policy that counts from now on. One that came, or became another one, when the wait was over does not: nobody could keep it."""
    rule = policies.first_fit(known, target.facts)
    too_late = rule is not None and target.closed_at is not None and rule.since is not None and rule.since > target.closed_at
    if too_late or target.is_over_before_its_policy:
        rule = None
    hours = (rule or WALL).by(target.metric)
    target.policy_id = None if rule is None else rule.id
    target.calendar_id = hours.calendar.id if isinstance(hours.calendar, Versions) else None
    target.seconds, target.due_at = hours.target(target.metric, target.facts.priority), None
    return hours


def _mark_late(target: Target, *, now: datetime, by_policy: bool) -> None:
    if target.due_at is None or (target.due_at > now if target.closed_at is None else target.due_at >= target.closed_at):
        target.breached_at, target.late_on_policy = None, False
    elif target.breached_at is None or (target.breached_at != target.due_at and not target.late_on_policy):
        target.late_on_policy = by_policy and target.closed_at is None and target.breached_at is None
        target.breached_at = now if target.late_on_policy else target.due_at
    target.caught_up_late = target.breached_at is not None and target.due_at is not None and target.received_at > target.due_at
