"""Alerts about waits and resolutions: what is planned, who was told in the app, what leaves by other ways, and who wants what."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace


class AlertKind(StrEnum):
    WARNING = "warning"  # before the wait is late
    BREACH = "breach"
    ESCALATION = "escalation"  # it has been late for a while


class AlertState(StrEnum):
    PLANNED = "planned"
    RAISED = "raised"
    DROPPED = "dropped"  # answered before its time came
    SKIPPED = "skipped"  # a later step of the same wait had come as well
    STOPPED = "stopped"  # somebody had acknowledged an earlier step


class Way(StrEnum):
    APP = "app"
    MAIL = "mail"
    PUSH = "push"
    WEBHOOK = "webhook"
    APPRISE = "apprise"


class Dispatch(StrEnum):
    WAITING = "waiting"  # certainly not sent yet
    SENDING = "sending"  # claimed until `lease_until`
    SENT = "sent"
    FAILED = "failed"  # given up; `error` says why
    DROPPED = "dropped"  # nothing to tell any more when its time came


class Fold(StrEnum):
    NONE = "none"  # one alert
    STORM = "storm"  # more than the limit within a minute
    QUIET = "quiet"  # of the recipient's quiet hours
    DIGEST = "digest"  # the recipient's daily summary


class TroubleKind(StrEnum):
    SILENT = "silent"  # a channel has said nothing for unusually long
    BROKEN = "broken"  # a channel has stopped
    TOKEN = "token"  # noqa: S105  # no password: its credentials end soon
    BACKUP = "backup"  # the newest is old
    DISK = "disk"
    DELIVERY = "delivery"  # alerts could not be delivered


class Alert(Table, table=True):
    """A step of a policy's chain for one wait, or one episode's resolution, and one due time: raised once when its time comes."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("wait_id", "due_at", "step"),
        UniqueConstraint("episode_id", "due_at", "step"),
        CheckConstraint("(wait_id IS NULL) <> (episode_id IS NULL)", name="alert_of_one"),
        within("wait"),
        within("episode"),
        within("member", "acknowledged_by", when_gone="SET NULL"),
        Index("alert_due", "at", "id", postgresql_where=text("state = 'planned'")),
        Index("alert_acting", "id", postgresql_where=text("acts AND state = 'raised'")),
        Index("alert_raised", "workspace_id", "raised_at", postgresql_where=text("state = 'raised'")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    wait_id: int | None = number(nullable=True)
    episode_id: int | None = number(nullable=True)  # of which the resolution is due
    due_at: datetime = moment()  # its own, when this was planned: a later due time is a new promise, with steps of its own
    step: str  # "share:75", "before:300", "at:0", "after:900"
    kind: AlertKind = text_enum(AlertKind)
    at: datetime = moment()
    what: dict[str, Any] = json()  # {"to": ["assignee"], "by": ["app"], "then": {"priority": "urgent"}}
    state: AlertState = text_enum(AlertState, default=AlertState.PLANNED)
    raised_at: datetime | None = moment(nullable=True)
    late: bool = flag()  # raised long after its time: Parley was down, or the message reached it late
    acts: bool = flag()  # `then` of its step is still to be done
    acknowledged_at: datetime | None = moment(nullable=True)
    acknowledged_by: int | None = number(nullable=True)


class AlertNotice(Table, table=True):
    """An alert that a member is told of in the app."""

    __table_args__ = (
        within("alert"),
        within("member"),
        Index("alert_notice_member", "member_id", "alert_id"),
        Index("alert_notice_snoozed", "snoozed_until", postgresql_where=text("snoozed_until IS NOT NULL")),
    )

    workspace_id: int = workspace()
    alert_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    seen_at: datetime | None = moment(nullable=True)
    snoozed_until: datetime | None = moment(nullable=True)


class AlertDelivery(Table, table=True):
    """A message about one alert or many, to one recipient by one way; `member_id` is None for the workspace's own webhook and services."""

    __table_args__ = (
        within("member"),
        Index("alert_delivery_waiting", "try_at", postgresql_where=text("state IN ('waiting', 'sending')")),
        Index("alert_delivery_recent", "workspace_id", "created_at"),
        Index(
            "alert_delivery_fold", "workspace_id", "member_id", "way", "fold", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where=text("state = 'waiting' AND fold <> 'none'"),
        ),
    )  # fmt: skip

    id: int = identity()
    workspace_id: int = workspace()
    member_id: int | None = number(nullable=True)
    way: Way = text_enum(Way)
    fold: Fold = text_enum(Fold, default=Fold.NONE)
    alert_ids: list[int] = Field(default_factory=list, sa_type=ARRAY(BigInteger), sa_column_kwargs={"server_default": "{}"})  # pyright: ignore[reportArgumentType]  # sqlmodel types sa_type as a class
    trouble_ids: list[int] = Field(default_factory=list, sa_type=ARRAY(BigInteger), sa_column_kwargs={"server_default": "{}"})  # pyright: ignore[reportArgumentType]  # same
    key: str = Field(unique=True)  # the same for every try, so that a receiver knows a repetition
    state: Dispatch = text_enum(Dispatch, default=Dispatch.WAITING)
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    try_at: datetime | None = moment(nullable=True)  # None: at once, whatever the clock says
    lease_until: datetime | None = moment(nullable=True)  # by the database's clock
    created_at: datetime = moment()
    sent_at: datetime | None = moment(nullable=True)
    error: str | None = None


class AlertPreference(Table, table=True):
    """How a member wants to be alerted; without a row: by every way that reaches them, at any hour."""

    __table_args__ = (within("member"),)

    workspace_id: int = workspace()
    member_id: int = number(primary_key=True)
    mail: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    push: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    timezone: str = ""  # empty: the workspace's
    quiet_from: str = ""  # "22:00"; empty: no quiet hours
    quiet_until: str = ""
    urgent_passes: bool = flag()  # breaches of urgent conversations come in quiet hours too
    digest_at: str = ""  # "08:00": mails wait for a daily summary


class AlertSetup(Table, table=True):
    """How a workspace sends alerts, and who is on call."""

    __table_args__ = (
        within("member", "on_call_member_id", when_gone="SET NULL"),
        within("team", "on_call_team_id", when_gone="SET NULL"),
    )

    workspace_id: int = Field(sa_type=BigInteger, foreign_key="workspace.id", ondelete="CASCADE", primary_key=True)
    storm_limit: int = Field(default=5, sa_column_kwargs={"server_default": "5"})  # messages a minute to one recipient
    webhook_url: str = ""
    webhook_secret: str = ""  # encrypted
    apprise_urls: str = ""  # encrypted; one each line
    on_call_member_id: int | None = number(nullable=True)
    on_call_team_id: int | None = number(nullable=True)
    rota: list[int] = json(list)  # members who take turns, a week each
    rota_from: datetime | None = moment(nullable=True)  # when the first one's first week began


class PushSubscription(Table, table=True):
    """A browser that takes a member's alerts even while no page is open, as long as the member is signed in there."""

    __table_args__ = (UniqueConstraint("member_id", "endpoint_hash"), within("member"))

    id: int = identity()
    workspace_id: int = workspace()
    member_id: int = number()
    session_id: int = Field(sa_type=BigInteger, foreign_key="account_session.id", ondelete="CASCADE", index=True)
    endpoint_hash: str
    address: str  # encrypted JSON: endpoint and keys; whoever has them can write to the browser
    device: str = ""
    created_at: datetime = moment()
    used_at: datetime | None = moment(nullable=True)


class PushKey(Table, table=True):
    """The key by which push services know this installation; one row."""

    id: int = Field(default=1, primary_key=True)
    private: str  # encrypted PEM
    public: str


class Trouble(Table, table=True):
    """Something wrong with Parley itself that admins are told of, once until it ends."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("trouble_open", "workspace_id", "kind", "subject", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    kind: TroubleKind = text_enum(TroubleKind)
    subject: str  # "channel:3", "mail"
    detail: str = ""
    began_at: datetime = moment()
    told_at: datetime | None = moment(nullable=True)
    ended_at: datetime | None = moment(nullable=True)


class TroubleNotice(Table, table=True):
    """A trouble that an admin is told of in the app."""

    __table_args__ = (
        within("trouble"),
        within("member"),
        Index("trouble_notice_unseen", "member_id", postgresql_where=text("seen_at IS NULL")),
    )

    workspace_id: int = workspace()
    trouble_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    seen_at: datetime | None = moment(nullable=True)
