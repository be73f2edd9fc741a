"""The shapes of /api/v1: ids are integers, times are ISO 8601 in UTC, names are those of the screen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import RowId
from inbox.contract import Action, ConversationKind
from inbox.conversations import splitting
from inbox.conversations.rows import Row
from inbox.conversations.timeline import Entry
from inbox.models import Delivery, Direction, ModerationState, Priority, Status

T = TypeVar("T")
Text = Annotated[str, StringConstraints(max_length=100_000)]
Recipients = Annotated[list[Annotated[str, StringConstraints(max_length=320)]], Field(max_length=100)]


class Shape(BaseModel):
    """Made from a row."""

    model_config = ConfigDict(from_attributes=True)


class Given(BaseModel):
    """What a caller sends; a field that nobody knows is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). `code` is stable, `detail` is a sentence for a person."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class PageOut(BaseModel, Generic[T]):
    """One page. `next` goes into `cursor` for the following one; null: that was all."""

    items: list[T]
    next: str | None = None


class LabelOut(Shape):
    id: int
    name: str
    colour: str


class ConversationOut(Shape):
    """A conversation, as lists show it."""

    id: int
    channel_id: int
    platform: str
    channel: str
    kind: ConversationKind
    status: Status
    priority: Priority
    language: str | None = Field(description='By its code, such as "de"; null: not known.')
    subject: str
    post: str
    contact_id: int | None
    author: str
    last_author: str
    snippet: str
    message_count: int
    last_message_at: datetime
    last_inbound_id: int | None
    waiting_since: datetime | None = Field(description="Since when the longest waiting customer waits; null: nobody does.")
    next_due_at: datetime | None = Field(description="When the first of them is due by the workspace's policies; null: none is.")
    waiting_count: int
    snoozed_until: datetime | None
    answers: bool = Field(description="Whether the channel can be answered at all.")
    answer_until: datetime | None = Field(description="The platform takes answers until then; null: always.")
    assignee_id: int | None
    team_id: int | None
    labels: list[str]
    trouble: str | None = Field(description='"failed" or "ambiguous": a reply that a person has to look at.')

    @classmethod
    def of(cls, row: Row) -> "ConversationOut":
        values = {name: getattr(row, name) for name in cls.model_fields if name not in ("labels", "language")}
        return cls.model_construct(**values, language=row.language or None, labels=[name for name, _ in row.labels])


class AttachmentOut(Shape):
    id: int
    name: str
    media_type: str
    size: int | None


class MessageOut(Shape):
    """One thing said. What was deleted on the platform has no text any more."""

    id: int
    conversation_id: int
    direction: Direction
    private: bool
    author: str
    member_id: int | None
    identity_id: int | None
    body: str
    html: str | None
    at: datetime = Field(description="The platform's time.")
    told_at: datetime | None = Field(description="What the platform's clock said, where that cannot be true.")
    received_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    hidden_at: datetime | None
    parent_id: int | None
    permalink: str | None
    automatic: bool
    native: bool = Field(description="Ours, written in the platform's own app.")
    delivery: Delivery
    send_at: datetime | None
    error: str | None
    delivered_at: datetime | None
    seen_at: datetime | None
    attachments: list[AttachmentOut] = []
    reactions: Mapping[str, int] = {}

    @classmethod
    def of(cls, entry: Entry) -> "MessageOut":
        message = entry.message
        if message is None:
            raise ValueError("not a message")
        told: dict[str, Any] = {name: getattr(message, name) for name in cls.model_fields if hasattr(message, name)}
        gone = message.deleted_at is not None
        return cls.model_validate(
            told
            | {
                "author": entry.author,
                "body": "" if gone else message.body,
                "html": None if gone else message.html,
                "attachments": [] if gone else [AttachmentOut.model_validate(file) for file in entry.attachments],
                "reactions": dict(entry.reactions),
            }
        )


class ApprovedIn(Given):
    """A text that the platform has approved, with a value for each of its variables."""

    name: Annotated[str, StringConstraints(max_length=600)]
    language: Annotated[str, StringConstraints(max_length=40)]
    values: Annotated[list[Text], Field(max_length=50)] = []


class ApprovedOut(Shape):
    """A text that the platform has approved; `{{1}}`, `{{2}}` … are its variables."""

    name: str
    language: str
    text: str


class ReplyIn(Given):
    """An answer to the customer. `seen_message_id`: refuse when something newer came in or was answered, unless `anyway`."""

    body: Text = ""
    parent_id: RowId | None = Field(default=None, description="The message answered; default: the newest from outside.")
    private: bool = False
    send_at: datetime | None = Field(default=None, description="Not before this time; default: when the undo window ends.")
    answers_all: bool = Field(default=False, description="Ends the wait of every author, not just of the one answered.")
    then_resolve: bool = False
    template_id: RowId | None = None
    approved: ApprovedIn | None = Field(
        default=None, description="Sent instead of `body`; the platform takes it outside of its window too."
    )
    seen_message_id: RowId | None = None
    anyway: bool = False
    subject: Annotated[str, StringConstraints(max_length=500)] | None = None
    to: Recipients | None = None
    cc: Recipients | None = None
    bcc: Recipients | None = None


class ActionIn(Given):
    """What shall be done to a message on its platform; `text` is that of an edit. What it can do is told by the channel's platform."""

    action: Action
    text: Text = ""


class ActionOut(Shape):
    """An action on a message. `error` says why it failed, or is tried again."""

    id: int
    message_id: int
    action: Action
    member_id: int | None
    state: ModerationState
    act_at: datetime
    done_at: datetime | None
    error: str | None


class NoteIn(Given):
    body: Text


class NoteOut(Shape):
    id: int
    conversation_id: int
    member_id: int | None
    author_name: str
    body: str
    at: datetime
    edited_at: datetime | None


class AssignmentIn(Given):
    """Who has the conversation; null takes it from whoever has it."""

    assignee_id: RowId | None = None
    team_id: RowId | None = None


class StatusIn(Given):
    status: Status
    until: datetime | None = Field(default=None, description="When a snoozed conversation comes back.")


class PriorityIn(Given):
    priority: Priority


class LanguageIn(Given):
    language: Annotated[str, StringConstraints(min_length=2, max_length=3)] | None = Field(description="Its code; null: as its words tell.")


class MergeIn(Given):
    into: RowId = Field(description="The conversation that goes on.")


class SplitIn(Given):
    messages: list[RowId] = Field(max_length=splitting.MOST, description="The messages that become a conversation of their own.")


class LabelsIn(Given):
    """All labels of the conversation, whatever it had before."""

    label_ids: list[RowId]
