"""Waits, the one clock behind every response time; the calendars and policies that say how long they may take."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace


class Metric(StrEnum):
    FIRST = "first"  # the first wait of its episode: first response time
    NEXT = "next"  # any later one: next reply time
    RESOLUTION = "resolution"  # no wait: from the beginning of an episode to its end


WAITS = (Metric.FIRST, Metric.NEXT)  # the metrics that waits have


class Outcome(StrEnum):
    ANSWERED = "answered"
    ANSWERED_BY_COMMUNITY = "answered_by_community"
    NOT_NEEDED = "not_needed"
    NOT_NEEDED_BY_RULE = "not_needed_by_rule"
    SPAM = "spam"
    HIDDEN = "hidden"
    DELETED = "deleted"
    MERGED = "merged"


class Calendar(Table, table=True):
    """Business hours by name; what they are is said by its versions. A removed one stays, for the waits that went by it."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("calendar_name", "workspace_id", "name", unique=True, postgresql_where=text("removed_at IS NULL")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # one more with each change: who saw another one is told
    was_used: bool = flag()  # a policy that has left it measured waits by it
    created_at: datetime = moment()
    removed_at: datetime | None = moment(nullable=True)


class CalendarVersion(Table, table=True):
    """What a calendar says from a moment on: what was valid before stays as it was."""

    __table_args__ = (
        within("calendar"),
        within("member", when_gone="SET NULL"),
        UniqueConstraint("calendar_id", "valid_from", postgresql_nulls_not_distinct=True),
    )

    id: int = identity()
    workspace_id: int = workspace()
    calendar_id: int = number()
    valid_from: datetime | None = moment(nullable=True)  # None: since ever
    definition: dict[str, Any] = json()  # as `promptness.calendars.Calendar.from_dict` reads it
    sourced: list[str] = json(list)  # its dates that came from files and feeds, not from people
    member_id: int | None = number(nullable=True)  # who wrote it
    created_at: datetime = moment()


class Policy(Table, table=True):
    """How long customers may wait, for the conversations that meet its conditions. The first that fits, by position, counts.

    A removed one stays, for the waits that ended under it.
    """

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("policy_name", "workspace_id", "name", unique=True, postgresql_where=text("removed_at IS NULL")),
        within("calendar", when_gone="SET NULL"),
        Index("policy_position", "workspace_id", "position", "id"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    position: int = 0
    is_on: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    conditions: dict[str, Any] = json()  # {"channel": [3], "kind": ["direct"], "label": [4], "priority": ["urgent"]}: all must hold
    targets: dict[str, Any] = json()  # {"first": {"urgent": 900, "normal": 3600}, …}: as `policies.read_targets` reads them
    calendar_id: int | None = number(nullable=True)  # None: by the wall clock
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # one more with each change: who saw another one is told
    alerts: list[Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)  # pyright: ignore[reportArgumentType]  # the chain, as `chains.read` reads it; None: the usual one
    created_at: datetime = moment()
    changed_at: datetime = moment()
    removed_at: datetime | None = moment(nullable=True)


class Wait(Table, table=True):
    """An author who waits for us in a conversation: from the platform's time of the oldest unanswered message to the answer."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        within("conversation"),
        within("channel"),
        within("identity"),
        within("policy", when_gone="SET NULL"),
        Index("wait_due", "due_at", postgresql_where=text("due_at IS NOT NULL AND closed_at IS NULL AND breached_at IS NULL")),
        Index("wait_open", "conversation_id", "identity_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("wait_conversation", "conversation_id", "opened_at"),
        Index("wait_workspace_opened", "workspace_id", "opened_at"),
        Index("wait_workspace_closed", "workspace_id", "closed_at"),
        Index("wait_long", "workspace_id", "closed_at", postgresql_where=text("closed_at - opened_at > '14 days'::interval")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    conversation_id: int = number()
    identity_id: int = number()  # who waits
    metric: Metric = text_enum(Metric)
    opened_at: datetime = moment()  # the platform's time
    opened_by: int = Field(sa_type=BigInteger)  # message
    received_at: datetime = moment()  # when that message reached us: the import lag is kept apart
    message_count: int = 1
    by_hand: bool = flag()  # a person opened it
    closed_at: datetime | None = moment(nullable=True)
    closed_by: int | None = number(nullable=True)  # message that answered
    outcome: Outcome | None = Field(default=None, sa_type=text_enum(Outcome).sa_type, nullable=True)
    member_id: int | None = number(nullable=True)  # credited for the answer
    assignee_id: int | None = number(nullable=True)  # who had the conversation when it closed
    team_id: int | None = number(nullable=True)
    native: bool = flag()
    bulk: bool = flag()
    policy_id: int | None = number(nullable=True)  # whose target counts
    calendar_id: int | None = number(nullable=True)  # whose hours its target counts in, for good; None: by the wall clock
    target_seconds: int | None = None
    due_at: datetime | None = moment(nullable=True)
    breached_at: datetime | None = moment(nullable=True)  # `due_at`, once it has passed unanswered
    late_on_policy: bool = flag()  # it was past already when the policy came
    caught_up_late: bool = flag()  # the message reached us only after its due time
    business_seconds: float | None = None  # of a wait that has ended, by the policy's calendar
    segments: list[dict[str, Any]] | None = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)  # pyright: ignore[reportArgumentType]  # who had it when, once it has ended (`promptness.cuts`); None: to be settled
