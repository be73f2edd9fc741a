"""Connected accounts on platforms, what came in through them raw, and what could not be read."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from inbox.contract import EventKind
from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace


class ChannelState(StrEnum):
    CONNECTING = "connecting"  # never succeeded yet
    HEALTHY = "healthy"
    FAILING = "failing"  # the host tries again at `next_try_at`
    BROKEN = "broken"  # credentials refused: a person must reconnect
    PAUSED = "paused"  # a person switched it off


class Channel(Table, table=True):
    """One connected account on a platform."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"),)

    id: int = identity()
    workspace_id: int = workspace()
    platform: str
    name: str
    key: str = Field(unique=True)  # random; in webhook and widget addresses
    config: str = ""  # encrypted JSON of the connector's Config
    renewed: str = Field(default="", sa_column_kwargs={"server_default": ""})  # encrypted JSON of secrets that came anew: they count
    public_config: dict[str, Any] = json()  # what may be shown: colours, allowed origins, addresses
    account_id: str = ""  # the connected account's own id on the platform, so that echoes and mentions are known
    account_name: str = ""
    restricted: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )  # only for members and teams named in channel_access
    expects_answer: dict[str, Any] = json()  # see inbox.promptness.expectations; empty: the defaults
    answers: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})  # whether it can be answered at all
    answer_hours: int | None = None  # for so long after the customer spoke; None: always
    answer_kinds: list[str] | None = Field(
        default=None, sa_type=JSONB, nullable=True
    )  # the kinds of conversation that these hours are for; None: all
    one_reply_only: bool = flag()  # until the customer speaks again
    actions: list[str] | None = Field(
        default=None, sa_type=JSONB, nullable=True
    )  # what can be done to messages; None: all that its platform can
    staff: dict[str, Any] = json()  # {"roles": ["OWNER"], "domains": ["example.org"]}: their authors are colleagues
    raw_days: int | None = None  # None: the installation's setting
    asks_since: datetime | None = moment(
        nullable=True
    )  # customers are asked how it was, when it is resolved from then on; None: they are not
    ask_after: int = Field(default=10, sa_column_kwargs={"server_default": "10"})  # minutes: who comes back until then is not asked
    connected_at: datetime = moment()  # what was written before this is history
    created_at: datetime = moment()
    removed_at: datetime | None = moment(nullable=True)

    state: ChannelState = text_enum(ChannelState, default=ChannelState.CONNECTING)
    cursor: str | None = None
    compare_asked_at: datetime | None = moment(nullable=True)  # somebody wants it compared with its platform now
    lease_owner: str | None = None
    lease_until: datetime | None = moment(nullable=True)
    fence: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )  # grows with each lease; a batch with an old one is refused
    error: str | None = None
    error_at: datetime | None = moment(nullable=True)
    send_error: str | None = None  # why replies do not leave, though reading may work; None once one leaves
    send_error_at: datetime | None = moment(nullable=True)
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_try_at: datetime | None = moment(nullable=True)
    last_event_at: datetime | None = moment(nullable=True)  # the platform's time of the newest event
    last_success_at: datetime | None = moment(nullable=True)
    lag_seconds: float | None = None  # received_at - platform time of the newest live message
    gap_at: datetime | None = moment(nullable=True)  # the last time that the platform could not fill a hole
    read_since: datetime | None = moment(nullable=True)  # when the lease was taken, by the database's clock

    quota_used: int | None = Field(default=None, sa_type=BigInteger, nullable=True)  # as the platform tells it
    quota_limit: int | None = Field(default=None, sa_type=BigInteger, nullable=True)
    quota_resets_at: datetime | None = moment(nullable=True)
    token_expires_at: datetime | None = moment(nullable=True)
    token_warned_days: int | None = None  # the warning that was given last
    silence_hours: int | None = None  # without any event until it is told; None: by its own habits, 0: never
    silent_since: datetime | None = moment(nullable=True)  # its newest event when it was told to be silent; None: it is not


class ChannelAccess(Table, table=True):
    """Who may see a restricted channel: a member, or a team."""

    __table_args__ = (
        within("channel"),
        within("member"),
        within("team"),
        Index("channel_access_member", "channel_id", "member_id", unique=True, postgresql_where=text("member_id IS NOT NULL")),
        Index("channel_access_team", "channel_id", "team_id", unique=True, postgresql_where=text("team_id IS NOT NULL")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    member_id: int | None = number(nullable=True)
    team_id: int | None = number(nullable=True)


class ChannelVoice(Table, table=True):
    """How a member signs on one channel, where it differs from the member's own public name and signature."""

    __table_args__ = (within("channel"), within("member"))

    workspace_id: int = workspace()
    channel_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    public_name: str = ""
    signature: str = ""


class Inbound(Table, table=True):
    """An event that has been taken in: the dedupe key, and its raw payload until that expires."""

    __table_args__ = (PrimaryKeyConstraint("channel_id", "event_id"), within("channel"), Index("inbound_received", "received_at"))

    workspace_id: int = workspace()
    channel_id: int = Field(sa_type=BigInteger)
    event_id: str
    raw: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    received_at: datetime = moment()


class DeferredChange(Table, table=True):
    """An edit, delete, reaction or moderation of a message that has not arrived yet: applied when it does."""

    __table_args__ = (within("channel"), Index("deferred_change_message", "channel_id", "message_external_id"))

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    message_external_id: str
    kind: EventKind = text_enum(EventKind)
    at: datetime = moment()
    text: str = ""
    html: str | None = None
    author_external_id: str | None = None
    received_at: datetime = moment()


class DeadLetter(Table, table=True):
    """Something that came in and could not be read, kept until a person or a better parser replays it."""

    __table_args__ = (within("channel"), Index("dead_letter_open", "workspace_id", "id", postgresql_where=text("replayed_at IS NULL")))

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    source: str  # "stream" or "webhook"
    headers: dict[str, Any] = json()
    raw: bytes
    reason: str
    at: datetime = moment()
    replayed_at: datetime | None = moment(nullable=True)
