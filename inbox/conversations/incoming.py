"""What a platform sent, made safe to store: pure, one event at a time.

Nothing that a platform sends may make the insert fail or lose its neighbours. Text loses NUL characters and lone surrogates, and ends with
an ellipsis at `TEXT_LIMIT`; markup beyond `HTML_LIMIT` gives way to the text; ids beyond `KEY_LIMIT` end in a hash; times lie between 1990
and now, and what a clock says that cannot be right is kept beside (`told_at`). The payload as it came stays in `inbound.raw`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from inbox import languages
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post
from inbox.conversations import markup, ratings
from inbox.models import Channel
from inbox.models.columns import FIRST, LAST

TEXT_LIMIT = 200_000  # characters: the search index takes no more than a megabyte of words for one message
HTML_LIMIT = 2_000_000  # characters
KEY_LIMIT = 500  # characters: an index entry has to fit into a page
SHORT_LIMIT = 2_000  # characters: titles, addresses
NAME_LIMIT = 200  # characters: of people and files; every row of a list shows one
LARGEST = 2**31  # bytes: what the column holds
IN_ROOM = "\x1f"  # begins, and divides, the names of ours for what somebody says in a room outside of its threads
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
IMPOSSIBLE = datetime(2000, 1, 1, tzinfo=UTC)  # no platform says anything before it that is news: a clock that was never set
FIRST_SYNC = timedelta(days=1)  # so long after a channel was connected its stream may still bring what is older
WRONG = timedelta(minutes=5)  # ahead of ours: a clock that is a little off is nobody's concern
UNSTORABLE = re.compile(r"\\u0000|\\ud[89a-f]", re.IGNORECASE)


@dataclass(slots=True)
class Origin:
    """The channel that a batch comes by, as plain values: its row would be asked several times for each event."""

    id: int
    workspace_id: int
    account_id: str
    staff: Mapping[str, Any]
    expects_answer: Mapping[str, Any]
    connected_at: datetime
    since: datetime  # what was written before this is history; in whole seconds, since some platforms, IMAP among them, tell only those
    is_live: bool = True  # what comes is news, whatever its clock says: neither a first sync nor fetched afterwards

    @classmethod
    def of(cls, channel: Channel, *, is_live: bool = True) -> "Origin":
        since = channel.connected_at.replace(microsecond=0)
        staff, expecting = channel.staff, channel.expects_answer
        return cls(channel.id, channel.workspace_id, channel.account_id, staff, expecting, channel.connected_at, since, is_live)


@dataclass(slots=True)
class Person:
    """An author as the platform describes them in this batch."""

    external_id: str
    name: str
    handle: str | None
    avatar: str | None
    email: str | None
    is_self: bool
    is_staff: bool


@dataclass(slots=True)
class StoredFile:
    """An attachment whose content, if it came along, is already on disk."""

    name: str
    media_type: str
    size: int | None
    sha256: str | None
    url: str | None
    content_id: str | None


@dataclass(slots=True)
class Incoming:
    """An event, cleaned."""

    id: str
    kind: EventKind
    message_id: str
    thread_id: str
    at: datetime
    told_at: datetime | None  # what the platform's clock said, where that cannot be true
    person: Person | None
    text: str
    html: str | None
    quoted: str
    parent_id: str | None
    post: Post | None
    conversation_kind: ConversationKind
    private: bool
    mentions: Sequence[str]
    files: Sequence[StoredFile]
    envelope: dict[str, Any] | None
    permalink: str | None
    client_key: str | None
    raw: str | None  # JSON
    language: str  # of the text, by the platform's word; "": it says none that is known
    told_thread: str  # the thread as the platform names it, to answer into; "" in a room outside of its threads

    @property
    def is_loose(self) -> bool:
        """Said in a room outside of any thread: what its author says there is held together only by a name of ours."""
        return self.thread_id.startswith(IN_ROOM)


def read(event: Event, origin: Origin, digests: Mapping[int, str], *, now: datetime) -> Incoming:
    """Clean one event; raises when it is not what the contract says. `digests`: SHA-256 of attachments by their id() in this process."""
    if event.at.tzinfo is None:
        raise ValueError("the event's time has no time zone")
    if not event.id:
        raise ValueError("the event has no id")
    kind = event.kind if type(event.kind) is EventKind else EventKind(event.kind)
    if kind is EventKind.MESSAGE and not event.message_id:
        raise ValueError("the message has no id")
    post = None if event.post is None else _post(event.post, now)
    parent = None if event.parent_id is None else key(event.parent_id)
    thread = key(event.thread_id)
    at = event.at if IMPOSSIBLE <= event.at <= now else _believed(event.at, origin, now)
    return Incoming(  # by position: names cost as much as the rest
        key(event.id),
        kind,
        key(event.message_id),
        _loose(event, post) if not thread and post is not None and post.is_room and kind is EventKind.MESSAGE else thread,
        at,
        None if at == event.at or IMPOSSIBLE <= event.at <= now + WRONG else told(event.at),
        None if event.author is None else _person(event.author, origin),
        ratings.covered(text(event.text, TEXT_LIMIT)),
        None if event.html is None else _html(ratings.covered(event.html)),
        ratings.covered(text(event.quoted, TEXT_LIMIT)) if event.quoted else "",
        None if post is not None and parent == post.id else parent or None,  # an answer to the post itself is a root comment
        post,
        event.conversation_kind if type(event.conversation_kind) is ConversationKind else ConversationKind(event.conversation_kind),
        bool(event.private),
        [key(mention) for mention in event.mentions] if event.mentions else (),
        [_file(attachment, digests) for attachment in event.attachments] if event.attachments else (),
        None if event.envelope is None else _plain(asdict(event.envelope)),
        None if event.permalink is None else text(event.permalink, SHORT_LIMIT),
        None if event.client_key is None else key(event.client_key),
        None if event.raw is None else dumps(event.raw),
        "" if event.language is None else languages.primary(event.language),
        thread,
    )


def _believed(told: datetime, origin: Origin, now: datetime) -> datetime:
    """A time that can be: nothing comes from the future, and no news from before there were platforms; of history, the oldest there is."""
    return now if told > now or origin.is_live else max(told, EARLIEST)


def told(at: datetime) -> datetime:
    """What a clock said, as near as the tables can keep it."""
    return FIRST if at < FIRST else min(at, LAST)


def _loose(event: Event, post: Post) -> str:
    """The name of ours for what this author says in this room."""
    return key(f"{IN_ROOM}{post.id}{IN_ROOM}{event.author.id if event.author else ''}")


def text(value: str, limit: int) -> str:
    """Text that PostgreSQL takes: no NUL, no lone surrogate, no more than `limit` characters."""
    if len(value) <= limit and value.isascii() and "\0" not in value:
        return value
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    if "\0" in value:
        value = value.replace("\0", "")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs join, lone halves become U+FFFD
    return value


def key(value: str) -> str:
    """An id from outside; beyond the limit its end becomes a hash, so that the same id stays the same."""
    if len(value) > KEY_LIMIT:
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        value = f"{value[: KEY_LIMIT - 65]}~{digest}"
    return text(value, KEY_LIMIT)


def dumps(value: Any) -> str:
    """JSON that PostgreSQL takes; what JSON cannot say becomes text."""
    dumped = json.dumps(value, default=repr)
    if UNSTORABLE.search(dumped) or "NaN" in dumped or "Infinity" in dumped:
        dumped = json.dumps(_plain(value), default=repr)
    return dumped


def _plain(value: Any) -> Any:
    """The same structure with only what JSON and PostgreSQL both know."""
    if isinstance(value, str):
        return text(value, TEXT_LIMIT)
    if isinstance(value, Mapping):
        return {text(str(name), SHORT_LIMIT): _plain(item) for name, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # anybody's JSON
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    return value


def _person(author: Author, origin: Origin) -> Person:
    external_id = key(author.id)
    email = None if author.email is None else text(author.email, SHORT_LIMIT).strip() or None
    return Person(
        external_id,
        text(author.name, NAME_LIMIT) or (author.handle and text(author.handle, NAME_LIMIT)) or text(external_id, NAME_LIMIT),
        None if author.handle is None else text(author.handle, NAME_LIMIT),
        None if author.avatar is None else text(author.avatar, SHORT_LIMIT),
        email,
        author.is_self or (bool(origin.account_id) and external_id == origin.account_id),
        bool(origin.staff) and _is_staff(author, email, origin.staff),
    )


def _is_staff(author: Author, email: str | None, staff: Mapping[str, Any]) -> bool:
    """Whether the channel's rules name one of the author's roles or the domain of their address."""
    roles = {str(role).casefold() for role in staff.get("roles", ())}
    if roles and any(role.casefold() in roles for role in author.roles):
        return True
    domains = {str(domain).casefold().lstrip("@") for domain in staff.get("domains", ())}
    return bool(domains) and email is not None and email.rpartition("@")[2].casefold() in domains


def _post(post: Post, now: datetime) -> Post:
    return Post(
        id=key(post.id),
        title=text(post.title, SHORT_LIMIT),
        text=text(post.text, TEXT_LIMIT),
        url=None if post.url is None else text(post.url, SHORT_LIMIT),
        media=tuple(text(url, SHORT_LIMIT) for url in post.media),
        published_at=_published(post.published_at, now),
        is_room=bool(post.is_room),
    )


def _published(at: datetime | None, now: datetime) -> datetime | None:
    """Between 1990 and now, as all times; without a time zone nobody knows when it was."""
    return None if at is None or at.tzinfo is None else max(min(at, now), EARLIEST)


def _html(html: str) -> str | None:
    cleaned = None if len(html) > HTML_LIMIT else markup.clean(text(html, HTML_LIMIT))
    return None if cleaned is None or len(cleaned) > HTML_LIMIT else cleaned


def _file(attachment: Attachment, digests: Mapping[int, str]) -> StoredFile:
    content = attachment.content
    return StoredFile(
        name=_file_name(attachment.name),
        media_type=text(attachment.media_type, NAME_LIMIT),
        size=len(content) if content is not None else _size(attachment.size),
        sha256=digests.get(id(attachment)),
        url=None if attachment.url is None else text(attachment.url, SHORT_LIMIT),
        content_id=None if attachment.content_id is None else text(attachment.content_id, SHORT_LIMIT),
    )


def _file_name(name: str) -> str:
    """Cut in the middle, so that its ending still says what the file is."""
    return text(name if len(name) <= NAME_LIMIT else f"{name[: NAME_LIMIT - 21]}…{name[-20:]}", NAME_LIMIT)


def _size(size: int | None) -> int | None:
    """What the platform says, unless no file can be as large or as small."""
    return size if size is not None and 0 <= size < LARGEST else None
