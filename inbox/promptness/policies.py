"""SLA policies: which one counts for a conversation, and how long it lets a customer wait (docs/promptness.md). Pure: no database here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from inbox.contract import ConversationKind
from inbox.errors import Invalid
from inbox.models import Metric, Priority
from inbox.promptness.calendars import Calendar, Versions
from inbox.promptness.timetables import NeverOpen

SHORTEST, LONGEST = 1, 366 * 86_400  # seconds
MOST = 500  # values of one condition
LONGEST_TIER = 60  # characters
Targets = Mapping[Metric, Mapping[Priority, int]]


class BadPolicy(Invalid):
    """A policy that cannot be kept."""

    code = "bad_policy"


@dataclass(frozen=True, slots=True)
class Facts:
    """What policies ask of a conversation."""

    channel_id: int
    kind: ConversationKind
    priority: Priority = Priority.NORMAL
    team_id: int | None = None
    label_ids: frozenset[int] = frozenset()
    tier: str = ""  # of the contact who waits


HOLDS: dict[str, Callable[[Facts, frozenset[Any]], bool]] = {
    "channel": lambda facts, wanted: facts.channel_id in wanted,
    "kind": lambda facts, wanted: facts.kind.value in wanted,
    "priority": lambda facts, wanted: facts.priority.value in wanted,
    "team": lambda facts, wanted: facts.team_id in wanted,
    "label": lambda facts, wanted: not wanted.isdisjoint(facts.label_ids),
    "tier": lambda facts, wanted: facts.tier.casefold() in wanted,
}
WORDS = {"kind": {kind.value for kind in ConversationKind}, "priority": {priority.value for priority in Priority}}


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy, ready to be asked. Without a calendar it goes by the wall clock."""

    id: int
    name: str
    conditions: Mapping[str, frozenset[Any]] = field(default_factory=dict[str, frozenset[Any]])
    targets: Targets = field(default_factory=dict[Metric, Mapping[Priority, int]])
    calendar: Calendar | Versions | None = None
    since: datetime | None = None  # from when it has been as it is
    chain: tuple[Any, ...] = ()  # of `chains.Step`: who is told that a wait is or will be late

    def unmet(self, facts: Facts) -> list[str]:
        """The conditions that a conversation does not meet, by name; none: the policy fits."""
        return [name for name, wanted in self.conditions.items() if not HOLDS[name](facts, wanted)]

    def target(self, metric: Metric, priority: Priority) -> int | None:
        """Seconds that a wait of this sort may take; None: as long as it likes."""
        return self.targets.get(metric, {}).get(priority)

    def due(self, opened_at: datetime, seconds: int) -> datetime | None:
        """When a wait that began then has taken so many seconds of the policy's time; None: never, its calendar has come to its end.

        Messages are stored in the same transaction: a calendar that nobody has looked after must not keep them out.
        """
        if self.calendar is None:
            return opened_at + timedelta(seconds=seconds)
        try:
            return self.calendar.due(opened_at, seconds)
        except NeverOpen:
            return None

    def elapsed(self, opened_at: datetime, until: datetime) -> float:
        """Seconds of the policy's time between the two; an answer that the platform dates before the question took none."""
        until = max(opened_at, until)
        return (until - opened_at).total_seconds() if self.calendar is None else self.calendar.elapsed(opened_at, until)


def first_fit(rules: Sequence[Rule], facts: Facts) -> Rule | None:
    """The policy that counts: the first of these, in their order, whose conditions all hold."""
    return next((rule for rule in rules if not rule.unmet(facts)), None)


def read_conditions(given: Any) -> dict[str, frozenset[Any]]:
    """Check {"channel": [3], "kind": ["direct"], "label": [4], "team": [5], "priority": ["urgent"], "tier": ["Gold"]}.

    All must hold, with one value of each.
    """
    conditions: dict[str, frozenset[Any]] = {}
    for name, values in _mapping(given, "The conditions").items():
        if name not in HOLDS:
            raise BadPolicy('There is no condition "{name}": they are {known}.', name=name, known=", ".join(sorted(HOLDS)))
        if not isinstance(values, list) or not values:
            raise BadPolicy('The condition "{name}" is a list with at least one value, or is left out.', name=name)
        if len(values) > MOST:  # pyright: ignore[reportUnknownArgumentType]  # its length is all
            raise BadPolicy('The condition "{name}" names more than {most} values.', name=name, most=MOST)
        conditions[name] = frozenset(_wanted(name, value) for value in values)  # pyright: ignore[reportUnknownVariableType]  # looked at there
    return conditions


def _wanted(name: str, value: Any) -> Any:
    """One value of a condition, in the form that `HOLDS` looks for: a tier by whatever letters it is written in."""
    words = WORDS.get(name)
    if name == "tier":
        fits = isinstance(value, str) and 0 < len(value) <= LONGEST_TIER
    elif words is not None:
        fits = isinstance(value, str) and value in words
    else:
        fits = type(value) is int and 0 < value < 2**63
    if not fits:
        raise BadPolicy('The condition "{name}" cannot be "{value}".', name=name, value=value)
    return str(value).casefold() if name == "tier" else value


def read_targets(given: Any) -> dict[Metric, dict[Priority, int]]:
    """Check {"first": {"urgent": 900, "normal": 3600}, "next": {"normal": 7200}}: seconds; a priority without its own has normal's."""
    targets: dict[Metric, dict[Priority, int]] = {}
    for name, amounts in _mapping(given, "The targets").items():
        if name not in set(Metric):
            raise BadPolicy('There is no target "{name}": they are {known}.', name=name, known=", ".join(Metric))
        own = {_priority(priority): _seconds(seconds) for priority, seconds in _mapping(amounts, f"The target {name}").items()}
        normal = own.get(Priority.NORMAL)
        targets[Metric(name)] = own if normal is None else {priority: own.get(priority, normal) for priority in Priority}
    if not any(targets.values()):
        raise BadPolicy("The policy has no target: say how long a first or a later answer may take.")
    return targets


def _priority(name: Any) -> Priority:
    if name not in set(Priority):
        raise BadPolicy('There is no priority "{name}": they are {known}.', name=name, known=", ".join(Priority))
    return Priority(name)


def _seconds(given: Any) -> int:
    if type(given) is not int or not SHORTEST <= given <= LONGEST:
        raise BadPolicy("A target lies between one second and 366 days; this one is {given}.", given=given)
    return given


def _mapping(given: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise BadPolicy("{what} are written by name.", what=what)
    return given  # pyright: ignore[reportUnknownVariableType]  # its values are looked at one by one
