"""What helps to answer: templates."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from inbox.models.columns import Table, identity, moment, number, within, workspace


class Template(Table, table=True):
    """A saved reply. Its {{placeholders}} are plain substitution."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("workspace_id", "shortcut"), within("channel"))

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    shortcut: str
    body: str
    locale: str = ""  # empty: any language
    channel_id: int | None = number(nullable=True)  # None: every channel
    uses: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    updated_at: datetime = moment()
