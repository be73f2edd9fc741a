"""How well a channel is read: holes, what was left out on purpose, the hours in which something came, and comparisons with the platform."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlmodel import Field

from inbox.models.columns import Table, identity, json, moment, number, within, workspace


class ChannelGap(Table, table=True):
    """A hole that the platform could not fill; a person who has looked into it says so."""

    __table_args__ = (
        within("channel"),
        within("member", "acknowledged_by", when_gone="SET NULL"),
        Index("channel_gap_found", "channel_id", "id"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    since: datetime | None = moment(nullable=True)  # the newest event before it; None: nothing had come before
    found_at: datetime = moment()
    acknowledged_at: datetime | None = moment(nullable=True)
    acknowledged_by: int | None = number(nullable=True)


class PassedOver(Table, table=True):
    """What a connector has read and left out on purpose: how often, for each reason of its own."""

    __table_args__ = (PrimaryKeyConstraint("channel_id", "reason"), within("channel"))

    workspace_id: int = workspace()
    channel_id: int = Field(sa_type=BigInteger)
    reason: str
    count: int = Field(sa_type=BigInteger)
    first_at: datetime = moment()
    last_at: datetime = moment()


class ChannelHour(Table, table=True):
    """An hour in which something came by a channel: what its silence is measured against."""

    __table_args__ = (PrimaryKeyConstraint("channel_id", "hour"), within("channel"))

    workspace_id: int = workspace()
    channel_id: int = Field(sa_type=BigInteger)
    hour: datetime = moment()


class Reconciliation(Table, table=True):
    """A comparison of what came in with what the platform lists. Unfinished, it is a claim that lasts until `lease_until`."""

    __table_args__ = (
        UniqueConstraint("channel_id", "night"),  # one for each night, whichever process does it
        within("channel"),
        Index("reconciliation_running", "channel_id", unique=True, postgresql_where=text("finished_at IS NULL")),
        Index("reconciliation_newest", "channel_id", text("id DESC")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    night: date | None = None  # None: a person asked for it
    days: int
    started_at: datetime = moment()
    finished_at: datetime | None = moment(nullable=True)
    lease_until: datetime = moment()  # by the database's clock
    posts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    compared: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # posts
    listed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # messages, as the others
    known: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    fetched: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    unreadable: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # listed, and could not be taken in
    unlisted: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # here, and not there any more
    differing: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # posts whose count at the platform is another
    stopped: str = ""  # why it ended before its last post
    findings: list[dict[str, Any]] = json(list)  # of posts: {"post": 7, "problem": …} or {"post": 7, "theirs": 12, "ours": 11}
