"""Comments, posts and messages as events. Pure."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from connectors.polling import digest
from connectors.reddit.shapes import NOBODY, Comment, Link, Message, Shape
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

SITE = "https://www.reddit.com"


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are, by name: names are what people are known by here, and never change."""

    name: str

    def is_(self, author: str) -> bool:
        return author.lower() == self.name.lower()


def comment(told: Comment, link: Link | None, me: Account, kind: EventKind = EventKind.MESSAGE, now: datetime | None = None) -> Event:
    """A comment. Under a post of ours each top-level comment begins a conversation; under one of somebody else all are one."""
    is_top, is_ours = told.parent_id.startswith("t3_"), link is not None and me.is_(link.author)
    thread = told.name if is_top else told.parent_id
    return Event(
        id=_id(told, kind),
        kind=kind,
        message_id=told.name,
        thread_id=thread if is_ours or not told.post else told.post,
        at=_at(told, kind, now),
        author=author(told, me, ("submitter",) if told.is_submitter else ()),
        text=told.body,
        html=told.body_html or None,
        parent_id=None if is_top and is_ours else told.parent_id or None,
        post=post(link) if link else Post(told.post, title=told.link_title) if told.post else None,
        conversation_kind=ConversationKind.COMMENTS,
        permalink=address(told.permalink or told.context),
        raw=told.model_dump(mode="json"),
    )


def question(told: Link, me: Account, kind: EventKind = EventKind.MESSAGE, now: datetime | None = None) -> Event:
    """A post of somebody: the first message of its conversation."""
    return Event(
        id=_id(told, kind),
        kind=kind,
        message_id=told.name,
        thread_id=told.name,
        at=_at(told, kind, now),
        author=author(told, me),
        text="\n\n".join(part for part in (told.title, told.selftext or ("" if told.is_self else told.url)) if part),
        post=post(told),
        conversation_kind=ConversationKind.COMMENTS,
        attachments=_pictures(told),
        permalink=address(told.permalink),
        raw=told.model_dump(mode="json"),
    )


def message(told: Message, me: Account) -> Event:
    """A private message; one without an author comes from a subreddit's moderators."""
    return Event(
        id=f"message:{told.name}",
        kind=EventKind.MESSAGE,
        message_id=told.name,
        thread_id=told.first_message_name or told.name,
        at=told.created_utc,
        author=author(told, me) if told.author else Author(f"r/{told.subreddit}", f"r/{told.subreddit}", roles=("moderator",)),
        text="\n\n".join(part for part in ("" if told.first_message_name else told.subject, told.body) if part),
        html=(told.body_html or None) if told.first_message_name else None,
        parent_id=told.parent_id,
        private=True,
        permalink=f"{SITE}/message/messages/{told.name.removeprefix('t4_')}",
        raw=told.model_dump(mode="json"),
    )


def deletion(name: str, thread: str, at: datetime) -> Event:
    return Event(f"delete:{name}", EventKind.DELETE, name, thread, at)


def moderation(name: str, thread: str, at: datetime, *, hides: bool) -> Event:
    action = "hide" if hides else "unhide"
    return Event(f"{action}:{name}:{at.isoformat()}", EventKind.MODERATION, name, thread, at, text=action)


def author(told: Shape, me: Account, more: tuple[str, ...] = ()) -> Author:
    name = told.author or NOBODY
    roles = ((told.distinguished,) if told.distinguished else ()) + more
    return Author(id=name, name=name, handle=None if name == NOBODY else f"u/{name}", is_self=me.is_(name), roles=roles)


def post(link: Link) -> Post:
    pictures = tuple(file.url for file in _pictures(link) if file.url)
    return Post(link.name, link.title, link.selftext, address(link.permalink), pictures, link.created_utc)


def address(path: str) -> str | None:
    """Where a thing is read."""
    return f"{SITE}{path.partition('?')[0]}" if path.startswith("/") else None


def _id(told: Comment | Link, kind: EventKind) -> str:
    """An edit is told by its time; where Reddit does not say when, by its words."""
    if kind is EventKind.MESSAGE:
        return f"comment:{told.name}" if isinstance(told, Comment) else f"post:{told.name}"
    words = told.body if isinstance(told, Comment) else told.selftext
    return f"edit:{told.name}:{told.edited_at.isoformat() if told.edited_at else digest(words)}"


def _at(told: Shape, kind: EventKind, now: datetime | None) -> datetime:
    """Slips of the pen in the first minutes are no edits to Reddit, so that it does not say when."""
    return told.created_utc if kind is EventKind.MESSAGE else told.edited_at or now or told.created_utc


def _pictures(link: Link) -> tuple[Attachment, ...]:
    if link.media_metadata:
        found = [(media.s.u, media.m or "image/jpeg") for media in link.media_metadata.values() if media.s.u]
    else:
        found = [(link.url, "image/jpeg")] if link.post_hint == "image" and link.url else []
    return tuple(Attachment(PurePosixPath(urlsplit(url).path).name or "picture", kind, url=url) for url, kind in found)
