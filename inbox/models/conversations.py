"""What was said: contacts, posts, conversations, messages, notes and what hangs on them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from inbox.contract import ConversationKind
from inbox.models.columns import Table, flag, identity, json, moment, number, text_enum, within, workspace

FETCH_TRIES = 6  # of a file at a platform; the index and its migration name the number too


class Status(StrEnum):
    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    SPAM = "spam"
    MERGED = "merged"  # it went into another conversation (`merged_into`): in no list, and nobody moves it


class Priority(StrEnum):
    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Delivery(StrEnum):
    RECEIVED = "received"  # somebody outside, or a colleague in the platform's own app, wrote it
    QUEUED = "queued"  # leaves at `send_at`; can be undone until then
    SENDING = "sending"  # claimed by a process until `lease_until`
    SENT = "sent"
    FAILED = "failed"  # certainly not delivered; `error` says why
    AMBIGUOUS = "ambiguous"  # may have been sent: a person decides
    UNDONE = "undone"


# By the values in the rows, for whoever reads many: calling an enum takes ten times as long as looking it up.
KINDS = {kind.value: kind for kind in ConversationKind}
STATUSES = {status.value: status for status in Status}
PRIORITIES = {priority.value: priority for priority in Priority}
DIRECTIONS = {direction.value: direction for direction in Direction}
DELIVERIES = {delivery.value: delivery for delivery in Delivery}


class Contact(Table, table=True):
    """A person outside."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        Index("contact_email", "workspace_id", text("lower(email)"), postgresql_where=text("email IS NOT NULL")),
        Index("contact_named", text("to_tsvector('simple'::regconfig, name)"), postgresql_using="gin"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    email: str | None = None
    avatar: str | None = None
    tier: str = Field(default="", sa_column_kwargs={"server_default": ""})  # as the team calls it ("Gold"): policies may ask for it
    legal_hold: bool = flag()
    unasked_since: datetime | None = moment(nullable=True)  # does not want to be asked how it was
    created_at: datetime = moment()


class Identity(Table, table=True):
    """A contact on one channel's platform. With `is_self` the connected account; with `member_id` or `is_staff` a colleague."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("channel_id", "external_id"),
        within("contact"),
        within("channel"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    contact_id: int = number(index=True)
    external_id: str
    name: str
    handle: str | None = None
    avatar: str | None = None
    is_self: bool = flag()
    is_staff: bool = flag()
    member_id: int | None = number(nullable=True)
    created_at: datetime = moment()


class Post(Table, table=True):
    """What comments hang on."""

    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("channel_id", "external_id"), within("channel"))

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    external_id: str
    title: str = ""
    text: str = ""
    url: str | None = None
    media: list[str] = json(list)
    published_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment()


class Conversation(Table, table=True):
    """A comment thread, a private exchange, a mail thread or a review. The list row is kept here, so that a list is one index scan."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        within("channel"),
        within("post", when_gone="SET NULL"),
        within("contact", when_gone="SET NULL"),
        within("member", "assignee_id", when_gone="SET NULL"),
        within("team", when_gone="SET NULL"),
        Index("conversation_recent", "workspace_id", "status", text("last_message_at DESC"), text("id DESC")),
        Index(
            "conversation_next",
            "workspace_id",
            text("coalesce(next_due_at, 'infinity'::timestamptz)"),
            "waiting_since",
            "id",
            postgresql_where=text("waiting_since IS NOT NULL"),
        ),
        Index("conversation_assignee", "workspace_id", "assignee_id", "status", text("last_message_at DESC"), text("id DESC")),
        Index("conversation_team", "team_id", "status", text("last_message_at DESC"), text("id DESC")),
        Index("conversation_channel", "channel_id", "status", text("last_message_at DESC"), text("id DESC")),
        Index("conversation_post", "post_id"),
        Index("conversation_contact", "contact_id"),
        Index("conversation_snoozed", "snoozed_until", postgresql_where=text("snoozed_until IS NOT NULL")),
        ForeignKeyConstraint(["workspace_id", "merged_into"], ["conversation.workspace_id", "conversation.id"], ondelete="CASCADE"),
        Index("conversation_merged", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index(
            "conversation_titled",
            text("to_tsvector('simple'::regconfig, subject)"),
            postgresql_using="gin",
            postgresql_where=text("subject <> ''"),
        ),
        Index("conversation_split", "split_from", postgresql_using="gin", postgresql_where=text("split_from IS NOT NULL")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number(index=True)
    kind: ConversationKind = text_enum(ConversationKind)
    status: Status = text_enum(Status, default=Status.OPEN)
    priority: Priority = text_enum(Priority, default=Priority.NORMAL)
    subject: str = ""
    post_id: int | None = number(nullable=True)
    language: str = Field(default="", sa_column_kwargs={"server_default": ""})  # as `languages` has it; "": nobody knows
    told_language: str = Field(
        default="", sa_column_kwargs={"server_default": ""}
    )  # of its first words; another `language` was chosen by hand
    in_room: bool = flag()  # a group room: an answer is expected only where we are spoken to
    contact_id: int | None = number(nullable=True)  # who began it
    assignee_id: int | None = number(nullable=True)
    team_id: int | None = number(nullable=True)
    snoozed_until: datetime | None = moment(nullable=True)
    resolved_at: datetime | None = moment(nullable=True)
    erased_at: datetime | None = moment(nullable=True)  # the customer deleted it: what was said is gone
    created_at: datetime = moment()
    merged_into: int | None = number(nullable=True)  # what was said in it is there
    merged_at: datetime | None = moment(nullable=True)
    merged_with: dict[str, Any] | None = Field(
        default=None,
        sa_type=JSONB(none_as_null=True),  # pyright: ignore[reportArgumentType]  # sqlmodel types it as a class, and takes instances
        nullable=True,
    )  # what went along, and has to come back
    been_in: list[int] | None = Field(
        default=None,
        sa_type=JSONB(none_as_null=True),  # pyright: ignore[reportArgumentType]  # sqlmodel types it as a class, and takes instances
        nullable=True,
    )  # where it was and is no more: their logs tell of its messages
    split_from: list[int] | None = Field(
        default=None,
        sa_type=JSONB(none_as_null=True),  # pyright: ignore[reportArgumentType]  # sqlmodel types it as a class, and takes instances
        nullable=True,
    )  # the one that it was split off from, and that one's, and so on: until then it shared their story
    joined_at: datetime | None = moment(nullable=True)  # when another one last went into this one

    last_message_at: datetime = moment()
    last_message_id: int | None = number(nullable=True)
    last_inbound_id: int | None = number(nullable=True)  # newest message from outside: what makes a row unread
    snippet: str = ""
    author_name: str = ""  # who began it, as the row shows it
    last_author: str = ""
    message_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    waiting_since: datetime | None = moment(nullable=True)  # the oldest open wait
    next_due_at: datetime | None = moment(nullable=True)  # of its open waits, the one that is due soonest
    waiting_count: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class SpokenLanguage(Table, table=True):
    """A language that some conversation of the workspace is, or was, held in: what filters and policies offer."""

    __table_args__ = (PrimaryKeyConstraint("workspace_id", "language"),)

    workspace_id: int = workspace()
    language: str


class Thread(Table, table=True):
    """Which conversation a platform's thread belongs to; several threads may flow into one conversation.

    What somebody says in a group room outside of any thread is a thread too, by a name of ours, until its conversation is over.
    """

    __table_args__ = (PrimaryKeyConstraint("channel_id", "external_id"), within("channel"), within("conversation"))

    workspace_id: int = workspace()
    channel_id: int = Field(sa_type=BigInteger)
    external_id: str
    conversation_id: int = number(index=True)


class Message(Table, table=True):
    """One thing said in a conversation, by a customer or by the team."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        UniqueConstraint("channel_id", "external_id"),
        UniqueConstraint("workspace_id", "client_key"),
        within("conversation"),
        within("channel"),
        within("identity", when_gone="SET NULL"),
        within("member", when_gone="SET NULL"),
        Index("message_conversation", "conversation_id", "at", "id"),
        Index("message_outbox", "send_at", "id", postgresql_where=text("delivery IN ('queued', 'sending')")),
        Index("message_unsent", "conversation_id", "id", postgresql_where=text("delivery IN ('queued', 'sending', 'ambiguous')")),
        Index(
            "message_orphan",
            "channel_id",
            "parent_external_id",
            postgresql_where=text("parent_id IS NULL AND parent_external_id IS NOT NULL"),
        ),  # answers that came before what they answer
        Index("message_trouble", "conversation_id", postgresql_where=text("delivery IN ('failed', 'ambiguous')")),
        Index("message_template", "workspace_id", "at", postgresql_where=text("template_id IS NOT NULL")),  # how often each is used
        Index("message_deleted", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),  # to be purged
        Index("message_search", text("to_tsvector('simple'::regconfig, body)"), postgresql_using="gin"),
    )

    id: int = identity()
    workspace_id: int = workspace()
    conversation_id: int = number()
    strand_id: int | None = number(nullable=True)  # the conversation that it was said in, if that went into another one since
    channel_id: int = number()
    external_id: str | None = None  # the platform's id; unknown until sent
    thread_external_id: str = ""  # the platform's thread, to answer into
    direction: Direction = text_enum(Direction)
    private: bool = flag()
    identity_id: int | None = number(nullable=True, index=True)  # who wrote it outside; None: written here
    member_id: int | None = number(nullable=True)  # who wrote it here
    author_name: str = ""
    body: str = ""
    html: str | None = None  # cleaned when stored
    quoted: str = ""  # what a mail repeats from before, folded on the page
    envelope: dict[str, Any] | None = Field(default=None, sa_type=JSONB, nullable=True)
    permalink: str | None = None
    parent_external_id: str | None = None
    parent_id: int | None = number(nullable=True)  # the message answered
    mentions_us: bool = flag()
    mentions: list[str] = json(list)  # the platform's ids of those named in it
    expects_since: datetime | None = moment(nullable=True)  # from when it expects an answer, as the channel was set then; None: it does not
    at: datetime = moment()  # the platform's time
    told_at: datetime | None = moment(nullable=True)  # what the platform's clock said, where that cannot be true
    received_at: datetime = moment()  # ours
    edited_at: datetime | None = moment(nullable=True)
    deleted_at: datetime | None = moment(nullable=True)
    hidden_at: datetime | None = moment(nullable=True)
    is_history: bool = flag()  # came with a first sync: opens no wait
    automatic: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )  # no person wrote it: never answered, closes nothing
    native: bool = flag()  # ours, written in the platform's own app

    delivery: Delivery = text_enum(Delivery, default=Delivery.RECEIVED)
    client_key: str | None = None  # from the browser: a double click is one reply; the platform's idempotency key
    send_at: datetime | None = moment(nullable=True)
    attempt: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    lease_owner: str | None = None
    lease_until: datetime | None = moment(nullable=True)
    error: str | None = None
    try_at: datetime | None = moment(nullable=True)  # QUEUED again: not before this; AMBIGUOUS: when the platform is asked about it
    uncertain: bool = flag()  # an earlier attempt may have reached the customer: no undo, and no failure is certain any more
    answers_all: bool = Field(
        default=False, sa_column_kwargs={"server_default": text("false")}
    )  # closes the wait of every author, not just of the one answered
    then_resolve: bool = flag()  # "send and close"
    template_id: int | None = number(nullable=True)
    platform_template: dict[str, Any] | None = Field(
        default=None, sa_type=JSONB, nullable=True
    )  # approved by the platform: name, language, text, values
    delivered_at: datetime | None = moment(nullable=True)
    seen_at: datetime | None = moment(nullable=True)  # the customer has seen it


class Attachment(Table, table=True):
    """A file of a message: kept here under its hash, or still at the platform's `url`, from where it is fetched."""

    __table_args__ = (
        UniqueConstraint("workspace_id", "id"),
        within("message"),
        within("conversation"),
        Index(
            "attachment_unfetched",
            text("fetch_at NULLS FIRST"),
            "id",
            postgresql_where=text(f"sha256 IS NULL AND url IS NOT NULL AND fetch_tries < {FETCH_TRIES}"),
        ),
    )

    id: int = identity()
    workspace_id: int = workspace()
    conversation_id: int = number()
    message_id: int | None = number(nullable=True, index=True)  # None: uploaded for a reply that is not written yet
    member_id: int | None = number(nullable=True)  # who uploaded it
    name: str
    media_type: str
    size: int | None = None
    sha256: str | None = Field(default=None, index=True)
    url: str | None = None
    content_id: str | None = None
    fetch_tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    fetch_at: datetime | None = moment(nullable=True)  # not before this; None: at once
    created_at: datetime = moment()


class Reaction(Table, table=True):
    __table_args__ = (PrimaryKeyConstraint("message_id", "identity_id"), within("message"), within("identity"))

    workspace_id: int = workspace()
    message_id: int = Field(sa_type=BigInteger)
    identity_id: int = Field(sa_type=BigInteger)
    emoji: str
    at: datetime = moment()


class Note(Table, table=True):
    """Said among the team; a customer never sees it."""

    __table_args__ = (UniqueConstraint("workspace_id", "client_key"), within("conversation"), within("member", when_gone="SET NULL"))

    id: int = identity()
    workspace_id: int = workspace()
    conversation_id: int = number(index=True)
    member_id: int | None = number(nullable=True)
    author_name: str = ""
    body: str
    client_key: str | None = None
    at: datetime = moment()
    edited_at: datetime | None = moment(nullable=True)


class Label(Table, table=True):
    __table_args__ = (UniqueConstraint("workspace_id", "id"), UniqueConstraint("workspace_id", "name"))

    id: int = identity()
    workspace_id: int = workspace()
    name: str
    colour: str = "grey"


class ConversationLabel(Table, table=True):
    __table_args__ = (within("conversation"), within("label"))

    workspace_id: int = workspace()
    conversation_id: int = number(primary_key=True)
    label_id: int = number(primary_key=True)


class Draft(Table, table=True):
    """What a member has begun to write."""

    __table_args__ = (within("conversation"), within("member"))

    workspace_id: int = workspace()
    conversation_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    mode: str = "reply"  # or "private" or "note"
    body: str
    options: dict[str, Any] = json()  # recipients, parent, private
    updated_at: datetime = moment()


class Reading(Table, table=True):
    """How far a member has read a conversation."""

    __table_args__ = (within("conversation"), within("member"))

    workspace_id: int = workspace()
    conversation_id: int = number(primary_key=True)
    member_id: int = number(primary_key=True)
    message_id: int = Field(sa_type=BigInteger)  # everything up to this id is read; 0 marks unread on purpose
    at: datetime = moment()
