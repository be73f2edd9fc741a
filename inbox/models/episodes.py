"""Episodes: from a customer's first question to the resolution; and the moves between statuses that they follow from."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from inbox.contract import ConversationKind
from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace
from inbox.models.conversations import Priority, Status


class Move(Table, table=True):
    """A conversation's change of status, and whose it was then. Kept when the log is shortened: a conversation may last for years."""

    __table_args__ = (within("conversation"), Index("move_conversation", "conversation_id", "id"))

    id: int = identity()
    workspace_id: int = workspace()
    conversation_id: int = number()
    at: datetime = moment()
    status: Status = text_enum(Status)
    assignee_id: int | None = number(nullable=True)
    team_id: int | None = number(nullable=True)
    priority: Priority = text_enum(Priority, default=Priority.NORMAL)


class Episode(Table, table=True):
    """One matter in a conversation, from the first wait to the resolution; the customer's return within some days belongs to it."""

    __table_args__ = (
        within("conversation"),
        within("channel"),
        within("policy", when_gone="SET NULL"),
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("conversation_id", "ordinal"),
        Index("episode_workspace_began", "workspace_id", "began_at"),
        Index("episode_open", "workspace_id", "conversation_id", postgresql_where=text("resolved_at IS NULL AND NOT is_void")),
        Index("episode_resolved", "channel_id", "resolved_at", postgresql_where=text("resolved_at IS NOT NULL AND NOT is_void")),
        Index(
            "episode_due", "due_at", postgresql_where=text("due_at IS NOT NULL AND resolved_at IS NULL AND breached_at IS NULL")
        ),
    )  # fmt: skip

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    conversation_id: int = number()
    ordinal: int  # in its conversation, from 1
    kind: ConversationKind = text_enum(ConversationKind)
    began_at: datetime = moment()  # the platform's time of the question that opened the first wait
    received_at: datetime = moment()  # when that question reached us
    first_resolved_at: datetime | None = moment(nullable=True)
    resolved_at: datetime | None = moment(nullable=True)  # the last time; None: it is not resolved, or no longer
    reopened_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    replies_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # of people of the team
    rests: list[Any] = json(list)  # [[since, until or null, status]]: when it was not open, and its clock stood still
    paused_seconds: float = Field(default=0, sa_column_kwargs={"server_default": "0"})  # pending and snoozed, of the pauses that are over
    paused_since: datetime | None = moment(nullable=True)
    is_void: bool = flag()  # spam, or nothing is left of what was asked: no figure counts it
    assignee_id: int | None = number(nullable=True)  # whose it was when it was resolved
    team_id: int | None = number(nullable=True)
    priority: Priority = text_enum(Priority, default=Priority.NORMAL)  # when it was resolved
    policy_id: int | None = number(nullable=True)
    target_seconds: int | None = None
    due_at: datetime | None = moment(nullable=True)  # None while it is paused, too
    breached_at: datetime | None = moment(nullable=True)  # `due_at`, once it has passed unresolved
    late_on_policy: bool = flag()  # it was past already when the policy came
    caught_up_late: bool = flag()  # the question reached us only after the due time
    first_business_seconds: float | None = None  # by the policy's clock, without its rests, until it was resolved first
    business_seconds: float | None = None  # and last
