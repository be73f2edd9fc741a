"""What waits follow from: what was said and done in a conversation, and the clock that `timeline` moves over it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inbox.models import Metric, Outcome


@dataclass(slots=True)
class Said:
    """A message as the clock sees it: a customer's, or a person's answer. What is automatic or history is left out."""

    id: int
    at: datetime
    received_at: datetime
    identity_id: int | None = None  # the customer who wrote it; None: one of us
    expects_since: datetime | None = None
    by_hand: Sequence[datetime] = ()  # when a person said that it expects an answer from then on
    gone_at: datetime | None = None
    gone: Outcome | None = None  # deleted or hidden
    answered: int | None = None  # ours: the author of the message answered
    mentioned: frozenset[int] = frozenset()  # ours: the customers named in it
    answers_all: bool = False
    member_id: int | None = None
    native: bool = False
    strand: int | None = None  # the conversation that it was said in, if that went into this one since (`strands`)
    came_at: datetime | None = None  # when it came to where it was split off from: what was done there before is nothing of its own

    @property
    def known_since(self) -> datetime:
        return self.came_at or self.received_at


@dataclass(slots=True)
class Decided:
    """A person ended waits without an answer of ours: that of one author, or all."""

    at: datetime
    outcome: Outcome
    identity_id: int | None = None


@dataclass(slots=True)
class Assigned:
    at: datetime
    assignee_id: int | None
    team_id: int | None


@dataclass(slots=True)
class Waiting:
    """A wait; `id` is its row, None while it has none. `pending`: the messages in it, unknown when it was read from its row."""

    identity_id: int
    metric: Metric
    opened_at: datetime
    opened_by: int
    received_at: datetime
    message_count: int = 1
    by_hand: bool = False
    closed_at: datetime | None = None
    closed_by: int | None = None
    outcome: Outcome | None = None
    member_id: int | None = None
    assignee_id: int | None = None
    team_id: int | None = None
    native: bool = False
    bulk: bool = False
    id: int | None = None
    pending: list[Said] = field(default_factory=list[Said], compare=False)


@dataclass(slots=True)
class Clock:
    """A conversation's state between two messages. `shared`: a reply answers everybody (direct, e-mail, review)."""

    shared: bool
    episode: timedelta
    assignee_id: int | None = None
    team_id: int | None = None
    open: dict[int, Waiting] = field(default_factory=dict[int, Waiting])  # by author
    last_opened: dict[int, datetime] = field(default_factory=dict[int, datetime])  # by author
    answered: dict[int, datetime] = field(default_factory=dict[int, datetime])  # by author: when we last answered them
    all_answered: datetime | None = None
    resolved: list[tuple[datetime, datetime | None]] = field(default_factory=list[tuple[datetime, datetime | None]])
    # When its status changed, ascending, and since when it was resolved from then on: None, it was not
    spam: list[tuple[datetime, datetime | None]] = field(default_factory=list[tuple[datetime, datetime | None]])
    closed: list[Waiting] = field(default_factory=list[Waiting])

    @property
    def waits(self) -> list[Waiting]:
        return [*self.closed, *self.open.values()]
