"""What a team does to messages on their platforms: like, hide, delete …"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from inbox.contract import Action
from inbox.models.columns import Table, flag, identity, moment, number, text_enum, within, workspace


class ModerationState(StrEnum):
    QUEUED = "queued"  # leaves at `act_at`; can be taken back until then
    ACTING = "acting"  # claimed by a process until `lease_until`
    DONE = "done"
    FAILED = "failed"  # certainly not done; `error` says why
    AMBIGUOUS = "ambiguous"  # may have been done: a person decides
    UNDONE = "undone"  # taken back, or put aside after it failed


class Moderation(Table, table=True):
    """One action on one message, from the button to the platform's word."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("workspace_id", "client_key"),
        within("conversation"),
        within("channel"),
        within("message"),
        within("member", when_gone="SET NULL"),
        Index("moderation_message", "message_id", "action", text("id DESC")),
        Index("moderation_due", "act_at", "id", postgresql_where=text("state IN ('queued', 'acting', 'ambiguous')")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    conversation_id: int = number(index=True)
    channel_id: int = number()
    message_id: int = number()
    action: Action = text_enum(Action)
    text: str = ""  # of an edit
    member_id: int | None = number(nullable=True)
    actor: str = ""  # as the log writes it
    client_key: str
    state: ModerationState = text_enum(ModerationState, default=ModerationState.QUEUED)
    act_at: datetime = moment()
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    lease_owner: str | None = None
    lease_until: datetime | None = moment(nullable=True)
    try_at: datetime | None = moment(nullable=True)
    error: str | None = None
    uncertain: bool = flag()  # an earlier attempt may have been accepted
    created_at: datetime = moment()
    done_at: datetime | None = moment(nullable=True)
