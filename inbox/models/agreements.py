"""What stands behind agreements with customers: where days of calendars come from, and whose targets are to be looked at again."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from inbox.models.columns import Table, flag, identity, json, moment, number, within, workspace


class CalendarSource(Table, table=True):
    """An iCalendar file that somebody gave, or a feed that is read every day, with the days that it says."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        within("calendar"),
        within("member", when_gone="SET NULL"),
        Index("calendar_source_due", "try_at"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    calendar_id: int = number(index=True)
    name: str
    host: str | None = None  # of a feed; None: a file
    secret_url: str | None = None  # as the vault keeps it: who has a private feed's address can read it
    opens: bool = flag()  # events with times say when it is open that day; else only whole days count, and close it
    days: dict[str, Any] = json()  # the last good ones: {"2026-12-24": {"spans": [["09:00", "12:00"]], "name": "Christmas Eve"}}
    member_id: int | None = number(nullable=True)  # who gave it
    created_at: datetime = moment()
    read_at: datetime | None = moment(nullable=True)  # the last time that it could be read
    try_at: datetime | None = moment(nullable=True)  # when it is read next; None: never again
    error: str | None = None


class Retargeting(Table, table=True):
    """A workspace whose agreements changed: what was being written meanwhile went by the old ones, and is settled again afterwards."""

    workspace_id: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="workspace.id", ondelete="CASCADE")
    horizon: int | None = Field(default=None, sa_type=BigInteger, nullable=True)  # every transaction before this one must have ended
