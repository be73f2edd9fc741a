"""People who answer: workspaces, accounts, members, teams, and how they prove who they are."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace


class Role(StrEnum):
    VIEWER = "viewer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Workspace(Table, table=True):
    """A brand, city, club or project: everything belongs to one."""

    id: int = identity()
    name: str
    is_demo: bool = flag()
    timezone: str = Field(default="Europe/Berlin", sa_column_kwargs={"server_default": "Europe/Berlin"})
    locale: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    undo_seconds: int = Field(default=5, sa_column_kwargs={"server_default": "5"})
    episode_days: int = Field(default=7, sa_column_kwargs={"server_default": "7"})
    privacy_url: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime = moment()


class WorkspaceLogo(Table, table=True):
    """The picture at the head of a workspace's reports; small, and read only for them."""

    workspace_id: int = Field(sa_type=BigInteger, primary_key=True, foreign_key="workspace.id", ondelete="CASCADE")
    media_type: str
    content: bytes
    changed_at: datetime = moment()


class Account(Table, table=True):
    """A login. Belongs to a person, not to a workspace."""

    id: int = identity()
    email: str = Field(unique=True)  # lower case
    name: str
    password_hash: str | None = None
    totp_secret: str | None = None  # encrypted; set once the first code was right
    totp_last_step: int | None = None  # a code is good once
    locale: str | None = None
    created_at: datetime = moment()


class AccountSession(Table, table=True):
    """One signed-in browser."""

    id: int = identity()
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE", index=True)
    token_hash: str = Field(unique=True)
    user_agent: str = ""
    address: str = ""
    created_at: datetime = moment()
    seen_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(nullable=True)


class Member(Table, table=True):
    """An account in a workspace, with a role."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("workspace_id", "account_id"))

    id: int = identity()
    workspace_id: int = workspace()
    account_id: int = Field(foreign_key="account.id", ondelete="CASCADE", index=True)
    role: Role = text_enum(Role, default=Role.AGENT)
    name: str
    public_name: str = ""  # what customers see; empty: the name
    signature: str = ""
    undo_seconds: int | None = None  # None: the workspace's
    settings: dict[str, object] = json()
    created_at: datetime = moment()
    removed_at: datetime | None = moment(nullable=True)


class Team(Table, table=True):
    """Members who share a queue."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("workspace_id", "name"))

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    created_at: datetime = moment()


class TeamMember(Table, table=True):
    __table_args__ = (within("team"), within("member"))

    workspace_id: int = workspace()
    team_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)


class Invitation(Table, table=True):
    """A link that makes its bearer a member, once. The first one, of no workspace, makes the first admin."""

    id: int = identity()
    workspace_id: int | None = Field(default=None, foreign_key="workspace.id", ondelete="CASCADE")
    token_hash: str = Field(unique=True)
    role: Role = text_enum(Role, default=Role.AGENT)
    email: str = ""
    created_by: int | None = number(nullable=True)
    created_at: datetime = moment()
    expires_at: datetime = moment()
    used_at: datetime | None = moment(nullable=True)
    mailed_at: datetime | None = moment(nullable=True)  # when Parley's own mail with the link left
    mail_error: str | None = None  # why it did not, or may not have


class ApiToken(Table, table=True):
    """A key for programs. It may do what its role may, and sees what its member sees, or every channel when it has none."""

    __table_args__ = (within("member"),)

    id: int = identity()
    workspace_id: int = workspace()
    member_id: int | None = number(nullable=True)
    created_by: int | None = number(nullable=True)  # the member who made it; None: whoever keeps the installation
    name: str
    token_hash: str = Field(unique=True)
    role: Role = text_enum(Role, default=Role.AGENT)
    created_at: datetime = moment()
    used_at: datetime | None = moment(nullable=True)
    revoked_at: datetime | None = moment(nullable=True)


class Presence(Table, table=True):
    """Who looks at or types in a conversation, until when. Not a counter: a row that expires."""

    __table_args__ = (within("member"), within("conversation"), {"prefixes": ["UNLOGGED"]})

    workspace_id: int = workspace()
    conversation_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    typing_until: datetime | None = moment(nullable=True)
    until: datetime = moment(index=True)


class Throttle(Table, table=True):
    """How often something was tried in a window of time; processes share nothing but this."""

    __table_args__ = (Index("throttle_window", "window_ends_at"), {"prefixes": ["UNLOGGED"]})

    key: str = Field(primary_key=True)
    count: int
    window_ends_at: datetime = moment()


class Installation(Table, table=True):
    """Facts about this installation; one row."""

    id: int = Field(default=1, primary_key=True)
    held: bool = flag()
    held_since: datetime | None = moment(nullable=True)
    backed_up_at: datetime | None = moment(nullable=True)  # when `parley backup` last made a whole one
