"""What must be remembered about people who are forgotten."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from inbox.models.columns import Table, identity, moment, workspace


class Erasure(Table, table=True):
    """An identity that was erased: nothing of it, only a keyed fingerprint, so that a restored backup can be made to forget it again."""

    __table_args__ = (UniqueConstraint("workspace_id", "fingerprint"),)

    id: int = identity()
    workspace_id: int = workspace()
    fingerprint: str = Field(description="Made by the vault of channel and platform id; nobody else can make or match it.")
    erased_at: datetime = moment()
