"""Visitors of the website chat: who may read which chat, who is there, and which answers left by mail."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from inbox.models.columns import Table, identity, moment, number, text_enum, within, workspace


class Mailing(StrEnum):
    SENDING = "sending"  # claimed by a process until `lease_until`
    WAITING = "waiting"  # certainly not sent yet: tried again after `lease_until`
    SENT = "sent"
    FAILED = "failed"  # certainly not sent; `error` says why
    AMBIGUOUS = "ambiguous"  # may have been sent: never sent again


class Visitor(Table, table=True):
    """Somebody who wrote in the website chat. Their one chat is the thread named `external_id`; no row exists before the first message."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("channel_id", "external_id"), within("channel"))

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    external_id: str  # random: the identity's and the thread's id on this channel
    email: str | None = None  # where answers go while the visitor is away; as typed, not proven
    locale: str = "en"
    created_at: datetime = moment()
    erased_at: datetime | None = moment(nullable=True)  # the visitor deleted the chat


class VisitorToken(Table, table=True):
    """A browser that may read a visitor's chat: the first one, and each that followed a mailed link."""

    __table_args__ = (within("visitor"),)

    token_hash: str = Field(primary_key=True)
    workspace_id: int = workspace()
    visitor_id: int = number(index=True)
    created_at: datetime = moment()


class VisitorPresence(Table, table=True):
    """Until when a visitor is connected or typing. Not counters: moments that pass."""

    __table_args__ = (within("visitor"), {"prefixes": ["UNLOGGED"]})

    workspace_id: int = workspace()
    visitor_id: int = number(primary_key=True)
    connected_until: datetime = moment()
    typing_until: datetime | None = moment(nullable=True)


class VisitorMail(Table, table=True):
    """An answer that leaves by mail since its visitor is away: one row for each message, so that it is mailed once."""

    __table_args__ = (
        within("message"),
        within("visitor"),
        Index("visitor_mail_visitor", "visitor_id"),
    )

    workspace_id: int = workspace()
    message_id: int = number(primary_key=True)
    visitor_id: int = number()
    state: Mailing = text_enum(Mailing, default=Mailing.SENDING)
    attempt: int = 1
    lease_until: datetime = moment()
    error: str | None = None
    mail_id: str = ""  # the Message-ID, without its brackets
