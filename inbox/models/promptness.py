"""Waits: the one clock behind every response time."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from inbox.models.columns import Table, flag, identity, moment, number, text_enum, within, workspace


class Metric(StrEnum):
    FIRST = "first"  # the first wait of its episode: first response time
    NEXT = "next"  # any later one: next reply time


class Outcome(StrEnum):
    ANSWERED = "answered"
    ANSWERED_BY_COMMUNITY = "answered_by_community"
    NOT_NEEDED = "not_needed"
    NOT_NEEDED_BY_RULE = "not_needed_by_rule"
    SPAM = "spam"
    HIDDEN = "hidden"
    DELETED = "deleted"
    MERGED = "merged"


class Wait(Table, table=True):
    """An author who waits for us in a conversation: from the platform's time of the oldest unanswered message to the answer."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        within("conversation"),
        within("channel"),
        within("identity"),
        Index("wait_open", "conversation_id", "identity_id", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("wait_conversation", "conversation_id", "opened_at"),
        Index("wait_workspace_opened", "workspace_id", "opened_at"),
        Index("wait_workspace_closed", "workspace_id", "closed_at"),
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
