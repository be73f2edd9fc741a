"""Reports that leave by mail on their own."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field

from inbox.models.columns import Table, identity, json, moment, number, text_enum, within, workspace


class Rhythm(StrEnum):
    WEEKLY = "weekly"  # on Monday, about the week before
    MONTHLY = "monthly"  # on the first, about the month before


class ReportSchedule(Table, table=True):
    """To whom the figures are mailed, and how often."""

    __table_args__ = (within("member", "created_by", when_gone="SET NULL"), Index("report_schedule_next", "next_at"))

    id: int = identity()
    workspace_id: int = workspace()
    rhythm: Rhythm = text_enum(Rhythm)
    member_ids: list[int] = json(list)
    created_by: int | None = number(nullable=True)
    created_at: datetime = moment()
    next_at: datetime = moment()
    mailed_at: datetime | None = moment(nullable=True)
    error: str | None = Field(default=None)  # why the last did not reach everybody
