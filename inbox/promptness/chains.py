"""Chains of alerts: when who is told, and by which ways, that an answer or a resolution is or will be late (docs/alerts.md). Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from inbox.errors import Invalid
from inbox.models import AlertKind, Priority, Way
from inbox.promptness.calendars import Pause
from inbox.promptness.policies import Rule

LONGEST = 30 * 86_400  # seconds before or after the due time
MOST_STEPS = 12
GROUPS = frozenset({"assignee", "team", "supervisors", "on_call"})
NOBODY = "nobody"


class BadChain(Invalid):
    """A chain of alerts that cannot be followed."""

    code = "bad_chain"


class When(StrEnum):
    SHARE = "share"  # per cent of the target
    BEFORE = "before"  # seconds before the due time
    AT = "at"
    AFTER = "after"  # seconds after it


KINDS = {When.SHARE: AlertKind.WARNING, When.BEFORE: AlertKind.WARNING, When.AT: AlertKind.BREACH, When.AFTER: AlertKind.ESCALATION}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `to` names groups or "member:7"; `then` may raise the priority or give the conversation to "team:3", or to nobody."""

    when: When
    amount: int = 0
    to: tuple[str, ...] = ("assignee",)
    by: tuple[Way, ...] = (Way.APP,)
    then: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def name(self) -> str:
        return f"{self.when.value}:{self.amount}"

    @property
    def kind(self) -> AlertKind:
        return KINDS[self.when]

    def what(self) -> dict[str, Any]:
        """What an alert's row keeps, so that a changed chain changes no alert that was raised."""
        return {"to": list(self.to), "by": [way.value for way in self.by], "then": dict(self.then)}

    @property
    def stored(self) -> str:
        """`what` as text."""
        return json.dumps(self.what())

    def as_json(self) -> dict[str, Any]:
        """The step as policies store it."""
        return {"when": self.when.value, "amount": self.amount, **self.what()}


USUAL = (
    Step(When.SHARE, 75, ("assignee",), (Way.APP, Way.PUSH)),
    Step(When.BEFORE, 300, ("assignee",), (Way.APP, Way.PUSH)),
    Step(When.AT, 0, ("assignee",), (Way.APP, Way.PUSH, Way.MAIL)),
)


def read(given: Any) -> tuple[Step, ...]:
    """Check a chain: a list of {"when": "after", "amount": 900, "to": ["on_call"], "by": ["mail"], "then": {}}. None: the usual."""
    if given is None:
        return USUAL
    if not isinstance(given, list) or len(given) > MOST_STEPS:  # pyright: ignore[reportUnknownArgumentType]  # looked at here
        raise BadChain("A chain of alerts is a list of at most {most} steps.", most=MOST_STEPS)
    steps = [_step(one) for one in given]  # pyright: ignore[reportUnknownVariableType]  # looked at there
    if len({step.name for step in steps}) < len(steps):
        raise BadChain("Two steps are at the same time: name both recipients in one.")
    return tuple(sorted(steps, key=_order))


def moments(
    steps: Sequence[Step], rule: Rule, began_at: datetime, seconds: int, pauses: Sequence[Pause] = ()
) -> Iterator[tuple[Step, datetime]]:
    """When each step is, in the policy's own time: half an hour after closing time is half an hour into the next day's business hours.

    A step that would lie before the beginning is left out, as is one after the calendar's end.
    """
    for step in steps:
        offset = {When.SHARE: seconds * step.amount // 100, When.BEFORE: seconds - step.amount, When.AT: seconds}.get(
            step.when, seconds + step.amount
        )
        at = rule.due(began_at, offset, pauses) if offset > 0 else None
        if at is not None:
            yield step, at


def _step(given: Any) -> Step:
    if not isinstance(given, Mapping) or given.get("when") not in list(When):  # pyright: ignore[reportUnknownMemberType]  # looked at here
        raise BadChain("A step is at a share of the target, before, at, or after the due time.")
    told: Mapping[str, Any] = given  # pyright: ignore[reportUnknownVariableType]  # its values are looked at one by one
    when = When(told["when"])
    amount = 0 if when is When.AT else told.get("amount")
    longest = 99 if when is When.SHARE else LONGEST
    if type(amount) is not int or not (0 if when is When.AT else 1) <= amount <= longest:
        raise BadChain("A share is 1 to 99 per cent; a time before or after is at most 30 days.")
    return Step(when, amount, _recipients(told.get("to")), _ways(told.get("by")), _then(told.get("then", {}), when))


def _recipients(given: Any) -> tuple[str, ...]:
    names = [str(name) for name in given] if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # looked at below
    if not names:
        raise BadChain("A step names at least one recipient.")
    for name in names:
        if name not in GROUPS and not _numbered(name, "member"):
            raise BadChain(
                'There is no recipient "{name}": there are assignee, team, supervisors, on_call and single members (member:7).', name=name
            )
    return tuple(dict.fromkeys(names))


def _ways(given: Any) -> tuple[Way, ...]:
    names = [str(name) for name in given] if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # looked at below
    strange = [name for name in names if name not in set(Way)]
    if strange or not names:
        raise BadChain("A step names at least one way: {known}.", known=", ".join(Way))
    return tuple(way for way in Way if way.value in names)


def _then(given: Any, when: When) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise BadChain("What a step does is a priority, an assignment, or nothing.")
    told: dict[str, Any] = {str(key): value for key, value in given.items() if value}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # looked at below
    if told and when not in {When.AT, When.AFTER}:
        raise BadChain("Only the breach and the steps after it change the conversation.")
    priority, assign = told.pop("priority", ""), str(told.pop("assign", ""))
    if told or (priority and priority not in list(Priority)) or (assign and assign != NOBODY and not _numbered(assign, "team")):
        raise BadChain("What a step does is a priority, an assignment, or nothing.")
    return {name: value for name, value in (("priority", priority), ("assign", assign)) if value}


def _numbered(name: str, sort: str) -> bool:
    head, _, digits = name.partition(":")
    return head == sort and digits.isascii() and digits.isdecimal() and len(digits) < 19


def _order(step: Step) -> tuple[int, int]:
    return list(When).index(step.when), -step.amount if step.when is When.BEFORE else step.amount
