"""Messages, their files, notes and activity as the timeline shows them: tuples, since making entities takes longer than asking for them."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox import questions
from inbox.files import PICTURES
from inbox.models import (
    Attachment,
    Delivery,
    Direction,
    Identity,
    LogEvent,
    Member,
    Message,
    Moderation,
    ModerationState,
    Note,
    Rating,
    Reaction,
)
from inbox.models.conversations import DELIVERIES, DIRECTIONS, FETCH_TRIES


class Said(NamedTuple):
    """A message."""

    id: int
    workspace_id: int
    conversation_id: int
    channel_id: int
    external_id: str | None
    private: bool
    identity_id: int | None
    member_id: int | None
    author_name: str
    body: str
    html: str | None
    quoted: str
    envelope: dict[str, Any] | None
    permalink: str | None
    parent_id: int | None
    mentions_us: bool
    is_history: bool
    automatic: bool
    native: bool
    client_key: str | None
    error: str | None
    uncertain: bool
    answers_all: bool
    direction: Direction
    delivery: Delivery
    at: datetime
    received_at: datetime
    expects_since: datetime | None
    edited_at: datetime | None
    deleted_at: datetime | None
    hidden_at: datetime | None
    send_at: datetime | None
    delivered_at: datetime | None
    seen_at: datetime | None
    told_at: datetime | None


class File(NamedTuple):
    """A file of a message."""

    id: int
    name: str
    media_type: str
    size: int | None
    sha256: str | None
    url: str | None
    content_id: str | None
    fetch_tries: int

    @property
    def is_picture(self) -> bool:
        """Whether the page shows what is in it."""
        return self.sha256 is not None and self.media_type in PICTURES

    @property
    def is_loading(self) -> bool:
        """Whether it is still to be fetched from the platform."""
        return self.sha256 is None and self.url is not None and self.fetch_tries < FETCH_TRIES


class Deed(NamedTuple):
    """The newest action of its sort on a message; `by` is the member who asked for it."""

    id: int
    action: str
    state: str
    act_at: str  # ISO 8601
    error: str | None
    by: str | None


class Noted(NamedTuple):
    """A note."""

    id: int
    conversation_id: int
    member_id: int | None
    author_name: str
    body: str
    client_key: str | None
    at: datetime


class Rated(NamedTuple):
    """What a customer answered when asked how it was."""

    id: int
    conversation_id: int
    score: int
    comment: str
    given_at: datetime


class Happened(NamedTuple):
    """An event of the log."""

    id: int
    at: datetime
    kind: str
    conversation_id: int | None
    actor: str
    data: dict[str, Any]


class Line(NamedTuple):
    """A message with what hangs on it."""

    message: Said
    member: str | None
    identity: str | None
    avatar: str | None
    parent_author: str | None
    parent_body: str | None
    parent_deleted_at: datetime | None
    files: tuple[File, ...]
    reactions: tuple[tuple[str, int], ...]  # emoji, how many
    deeds: tuple[Deed, ...]


FACTS = Said._fields.index("direction")  # from here on values become something else


def query() -> Any:
    """The lines of messages, for a `where`, an order and a limit."""
    parent = aliased(Message)
    columns: list[Any] = [*questions.columns(Message, Said), Member.name, Identity.name, Identity.avatar]
    columns += [parent.author_name, func.left(parent.body, 141), parent.deleted_at, _files(), _reactions(), _deeds()]
    return (
        select(*columns)
        .select_from(Message)
        .outerjoin(Member, col(Member.id) == Message.member_id)
        .outerjoin(Identity, col(Identity.id) == Message.identity_id)
        .outerjoin(parent, col(parent.id) == Message.parent_id)
    )


def line(values: tuple[Any, ...]) -> Line:
    """A row of `query()`."""
    *facts, direction, delivery = values[: FACTS + 2]
    *around, files, reactions, deeds = values[len(Said._fields) :]
    times = [at and at.astimezone(UTC) for at in values[FACTS + 2 : len(Said._fields)]]
    message = Said._make((*facts, DIRECTIONS[direction], DELIVERIES[delivery], *times))
    attached = tuple([File._make(file) for file in files]) if files else ()
    done = tuple([Deed._make(deed) for deed in deeds]) if deeds else ()
    return Line._make((message, *around, attached, tuple([(emoji, count) for emoji, count in reactions]) if reactions else (), done))


def notes() -> Any:
    """Notes, for a `where`, an order and a limit."""
    return select(*questions.columns(Note, Noted))


def noted(values: tuple[Any, ...]) -> Noted:
    """A row of `notes()`."""
    return Noted._make((*values[:-1], values[-1].astimezone(UTC)))


def ratings() -> Any:
    """What customers answered, for a `where`, an order and a limit."""
    return select(*questions.columns(Rating, Rated)).where(col(Rating.given_at).is_not(None))


def rated(values: tuple[Any, ...]) -> Rated:
    """A row of `ratings()`."""
    return Rated._make((*values[:-1], values[-1].astimezone(UTC)))


def events() -> Any:
    """Events, for a `where`, an order and a limit."""
    return select(*questions.columns(LogEvent, Happened))


def happened(values: tuple[Any, ...]) -> Happened:
    """A row of `events()`."""
    return Happened._make((values[0], values[1].astimezone(UTC), *values[2:]))


def _files() -> ColumnElement[Any]:
    each = func.json_build_array(*questions.columns(Attachment, File))
    listed = func.json_agg(aggregate_order_by(each, col(Attachment.id)))
    return select(listed).where(col(Attachment.message_id) == Message.id).correlate(Message).scalar_subquery()


def _reactions() -> ColumnElement[Any]:
    """The most frequent first."""
    emoji, count = col(Reaction.emoji), func.count().label("count")
    counted = select(emoji, count).where(col(Reaction.message_id) == Message.id).correlate(Message).group_by(emoji).subquery()
    each = func.json_build_array(counted.c.emoji, counted.c.count)
    return select(func.json_agg(aggregate_order_by(each, counted.c.count.desc(), counted.c.emoji))).scalar_subquery()


def _deeds() -> ColumnElement[Any]:
    """The newest of each sort that was not taken back."""
    shown: list[Any] = [Moderation.id, Moderation.action, Moderation.state, Moderation.act_at, Moderation.error, Member.name]
    newest = (
        select(*shown)
        .select_from(Moderation)
        .outerjoin(Member, col(Member.id) == Moderation.member_id)
        .where(col(Moderation.message_id) == Message.id, col(Moderation.state) != ModerationState.UNDONE)
        .correlate(Message)
        .ext(distinct_on(col(Moderation.action)))
        .order_by(col(Moderation.action), col(Moderation.id).desc())
        .subquery()
    )
    return select(func.json_agg(aggregate_order_by(func.json_build_array(*newest.c), newest.c.id))).scalar_subquery()
