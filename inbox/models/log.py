"""The log."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from inbox.models.columns import Table, identity, moment


class LogEvent(Table, table=True):
    """Something that a person could notice. Holds ids and field changes, never what was said or by whom.

    Ids grow in commit order: the table's trigger lets one writer at a time take ids and commit (see inbox/migrations).
    """

    __tablename__ = "event"  # pyright: ignore[reportAssignmentType]  # `Event` is the contract's word
    __table_args__ = (Index("event_workspace", "workspace_id", "id"), Index("event_conversation", "conversation_id", "id"))

    id: int = identity()
    at: datetime = moment(index=True)
    workspace_id: int = Field(sa_type=BigInteger, foreign_key="workspace.id", ondelete="CASCADE")
    kind: str
    conversation_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    channel_id: int | None = Field(default=None, sa_type=BigInteger, nullable=True)  # who may see the channel may see the event
    actor: str = ""  # "member:7", "identity:12", "channel:3", "token:2", "system"
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})
