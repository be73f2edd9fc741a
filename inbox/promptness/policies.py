"""SLA policies: which one counts for a conversation, and how long it lets a customer wait (docs/promptness.md). Pure: no database here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from inbox import languages
from inbox.contract import ConversationKind
from inbox.errors import Invalid
from inbox.models import Metric, Priority
from inbox.promptness.calendars import Calendar, Pause, Versions
from inbox.promptness.timetables import NeverOpen

SHORTEST, LONGEST = 1, 366 * 86_400  # seconds
MOST = 500  # values of one condition
LONGEST_TIER = 60  # characters
CLOCKS = ("calendar", "wall")  # what a target may go by: the policy's calendar, which needs no word, or the wall clock
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
    language: str = ""


HOLDS: dict[str, Callable[[Facts, frozenset[Any]], bool]] = {
    "channel": lambda facts, wanted: facts.channel_id in wanted,
    "kind": lambda facts, wanted: facts.kind.value in wanted,
    "priority": lambda facts, wanted: facts.priority.value in wanted,
    "team": lambda facts, wanted: facts.team_id in wanted,
    "label": lambda facts, wanted: not wanted.isdisjoint(facts.label_ids),
    "language": lambda facts, wanted: facts.language in wanted,
    "tier": lambda facts, wanted: facts.tier.casefold() in wanted,
}
WORDS = {
    "kind": {kind.value for kind in ConversationKind},
    "priority": {priority.value for priority in Priority},
    "language": languages.KNOWN,
}


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
    by_wall: frozenset[Metric] = frozenset()  # targets that go by the wall clock though the policy has a calendar

    def by(self, metric: Metric) -> Self:
        """The policy as it reckons for one metric: without its calendar where that target goes by the wall clock."""
        return replace(self, calendar=None) if metric in self.by_wall else self

    def unmet(self, facts: Facts) -> list[str]:
        """The conditions that a conversation does not meet, by name; none: the policy fits."""
        return [name for name, wanted in self.conditions.items() if not HOLDS[name](facts, wanted)]

    def target(self, metric: Metric, priority: Priority) -> int | None:
        """Seconds that a wait of this sort may take; None: as long as it likes."""
        return self.targets.get(metric, {}).get(priority)

    def due(self, opened_at: datetime, seconds: int, pauses: Sequence[Pause] = ()) -> datetime | None:
        """When what began then has taken so many seconds of the policy's time, without those of the pauses (in order, and apart).

        None: never, its calendar has come to its end. Messages are stored in the same transaction: a calendar that nobody has looked after
        must not keep them out.
        """
        if self.calendar is None:
            return _wall_due(opened_at, seconds, pauses)
        try:
            return self.calendar.due(opened_at, seconds, pauses)
        except NeverOpen:
            return None

    def elapsed(self, opened_at: datetime, until: datetime, pauses: Sequence[Pause] = ()) -> float:
        """Seconds of the policy's time between the two, without those of the pauses (in order, and apart).

        An answer that the platform dates before the question took none.
        """
        until = max(opened_at, until)
        if self.calendar is not None:
            return self.calendar.elapsed(opened_at, until, pauses)
        rested = sum((max(timedelta(0), min(to, until) - max(since, opened_at)) for since, to in pauses), timedelta(0))
        return (until - opened_at - rested).total_seconds()


WALL = Rule(0, "")  # of no policy, or one that is gone: the wall clock, and no target


def first_fit(rules: Sequence[Rule], facts: Facts) -> Rule | None:
    """The policy that counts: the first of these, in their order, whose conditions all hold."""
    return next((rule for rule in rules if not rule.unmet(facts)), None)


def read_conditions(given: Any) -> dict[str, frozenset[Any]]:
    """Check {"channel": [3], "kind": ["direct"], "label": [4], "team": [5], "priority": ["urgent"], "language": ["de"], "tier": ["Gold"]}.

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
    """Check {"first": {"urgent": 900, "normal": 3600}, "next": {"normal": 7200}, "resolution": {"normal": 86400, "clock": "wall"}}.

    Seconds by priority; a priority without its own has normal's. `clock` is read by `read_clocks`.
    """
    targets: dict[Metric, dict[Priority, int]] = {}
    for name, amounts in _mapping(given, "The targets").items():
        if name not in set(Metric):
            raise BadPolicy('There is no target "{name}": they are {known}.', name=name, known=", ".join(Metric))
        given_amounts = _mapping(amounts, f"The target {name}").items()
        own = {_priority(priority): _seconds(seconds) for priority, seconds in given_amounts if priority != "clock"}
        normal = own.get(Priority.NORMAL)
        targets[Metric(name)] = own if normal is None else {priority: own.get(priority, normal) for priority in Priority}
    if not any(targets.values()):
        raise BadPolicy("The policy has no target: say how long a first or a later answer, or a resolution, may take.")
    return targets


def read_clocks(given: Any) -> frozenset[Metric]:
    """The metrics whose targets, as `read_targets` takes them, go by the wall clock though the policy has a calendar."""
    found: set[Metric] = set()
    for name, amounts in _mapping(given, "The targets").items():
        clock = _mapping(amounts, f"The target {name}").get("clock", "calendar")
        if clock not in CLOCKS:
            raise BadPolicy('A target goes by "calendar" or by "wall"; there is no clock "{clock}".', clock=clock)
        if clock == "wall":
            found.add(Metric(name))
    return frozenset(found)


def _wall_due(opened_at: datetime, seconds: int, pauses: Sequence[Pause]) -> datetime:
    due = opened_at + timedelta(seconds=seconds)
    for since, to in pauses:
        if due <= since:
            break
        due += max(timedelta(0), to - max(since, opened_at))
    return due


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
