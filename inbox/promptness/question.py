"""What can be asked of the waits. Light: the figures themselves (`metrics`) bring numpy, which a process loads with its first figure."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

from inbox.contract import ConversationKind
from inbox.models import Metric, Outcome, Priority

MemberFigures = Literal["off", "own", "groups", "named"]

SMALLEST_GROUP = 5  # members
COUNTED = (Outcome.ANSWERED, Outcome.NOT_NEEDED)  # the other outcomes owe nobody an answer: spam, deleted, hidden, merged, by rule


class Cut(StrEnum):
    """What the figures are told for, one by one."""

    ALL = "all"
    CHANNEL = "channel"
    TEAM = "team"
    MEMBER = "member"
    LABEL = "label"
    LANGUAGE = "language"
    PRIORITY = "priority"
    POLICY = "policy"
    KIND = "kind"
    POST = "post"


class Cohort(StrEnum):
    """Which waits belong to a period."""

    ARRIVAL = "arrival"  # those that began in it
    REPLY = "reply"  # those that were answered in it


class State(StrEnum):
    """The waits behind a number."""

    ALL = "all"
    ANSWERED = "answered"
    OPEN = "open"
    NOT_NEEDED = "not_needed"
    WITHIN = "within"  # answered within the wanted time
    KEPT = "kept"  # ended within their target
    LATE = "late"  # past their target
    LATE_ON_POLICY = "late_on_policy"
    CAUGHT_UP_LATE = "caught_up_late"
    NATIVE = "native"
    BULK = "bulk"


class Chosen:
    """Filters, of which None says nothing."""

    __slots__ = ()

    @property
    def chosen(self) -> dict[str, int | str]:
        """Those that say something, as they stand in an address."""
        told = {each.name: getattr(self, each.name) for each in fields(cast("Any", self))}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Filters(Chosen):
    """Which waits: all of these must hold; None says nothing. A key of 0 is nobody, no team, no policy, no post; UNKNOWN is no language."""

    channel: int | None = None
    team: int | None = None
    member: int | None = None
    label: int | None = None
    policy: int | None = None
    post: int | None = None
    language: str | None = None
    priority: Priority | None = None
    kind: ConversationKind | None = None
    metric: Metric | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A period, from `since` to before `until`, and which of its waits; `within`: seconds in which an answer is wanted."""

    since: datetime
    until: datetime
    now: datetime
    filters: Filters = Filters()
    cohort: Cohort = Cohort.ARRIVAL
    within: float = 3600
