"""Notifications of a Page's feed and of mentions.

https://developers.facebook.com/docs/graph-api/webhooks/reference/page/#feed and …/#mention: comments on ads and on posts that nobody else
sees come the same way.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.facebook import comments
from connectors.meta import words
from connectors.meta.hooks import Passed
from connectors.meta.parts import Part
from connectors.meta.shapes import Moment, Person, Shape, Words
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

POSTS = {"post", "status", "photo", "video", "share", "link", "album", "event", "note", "story"}
CHANGES = {"hide": EventKind.MODERATION, "unhide": EventKind.MODERATION, "remove": EventKind.DELETE, "delete": EventKind.DELETE}


class AboutPost(Shape):
    """What a comment's notification tells of its post."""

    status_type: Words = ""
    permalink_url: str | None = None
    is_published: bool = True


class Value(Shape):
    item: Words = ""
    verb: Words = ""
    comment_id: str | None = None
    post_id: str | None = None
    parent_id: str | None = None
    sender: Person | None = None
    message: Words = ""
    created_time: Moment | None = None
    photo: str | None = None
    photos: tuple[str, ...] | None = None
    video: str | None = None
    link: str | None = None
    reaction_type: Words = ""
    permalink_url: str | None = None
    post: AboutPost | None = None


def read(part: Part, page_id: str) -> Sequence[Event]:
    """The events of one change."""
    given: dict[str, Any] = part.value
    sender = given.get("from") or {"id": given.get("sender_id") or "", "name": given.get("sender_name") or ""}
    value = Value.model_validate({**given, "sender": sender})
    if part.field == "mention":
        return [_mention(value, part, page_id)]
    if value.item == "comment":
        return [_comment(value, part, page_id)]
    if value.item in {"reaction", "like"}:
        return [_reaction(value, part, page_id)]
    if value.item in POSTS:
        return [_post(value, part, page_id)]
    raise Passed(f"feed {value.item or 'of nothing'}"[:80])


def _comment(value: Value, part: Part, page_id: str) -> Event:
    name, post_id = value.comment_id, value.post_id
    if not name or not post_id:
        raise ValueError("a comment without its id or its post's")
    about = value.post or AboutPost()
    where = comments.place(name, value.parent_id, post_id, is_visitors=about.status_type == comments.VISITOR)
    author = comments.author(value.sender, page_id, name)
    if value.verb in CHANGES:
        return _changed(name, where.thread_id, value, part)
    if value.verb not in {"add", "edited", "edit"}:
        raise Passed(f"comment {value.verb or 'without a verb'}"[:80])
    kind = EventKind.MESSAGE if value.verb == "add" else EventKind.EDIT
    return Event(
        id=f"message:{name}" if kind is EventKind.MESSAGE else f"edit:{name}:{part.at.timestamp()}",
        kind=kind,
        message_id=name,
        thread_id=where.thread_id,
        at=(value.created_time or part.at) if kind is EventKind.MESSAGE else part.at,
        author=author,
        text=value.message,
        parent_id=where.parent_id,
        post=None if where.is_visitors else Post(post_id, url=about.permalink_url),
        conversation_kind=ConversationKind.COMMENTS,
        attachments=_attachments(value),
        permalink=value.permalink_url or f"https://www.facebook.com/{name}",
        raw=part.raw,
    )


def _changed(name: str, thread_id: str, value: Value, part: Part) -> Event:
    kind = CHANGES[value.verb]
    text = value.verb if kind is EventKind.MODERATION else ""
    event_id = f"{value.verb}:{name}" + (f":{part.at.timestamp()}" if text else "")  # it is hidden and shown again and again
    return Event(event_id, kind, name, thread_id, part.at, text=text, raw=part.raw)


def _reaction(value: Value, part: Part, page_id: str) -> Event:
    """A reaction to a comment; those to posts are no conversation."""
    if not value.comment_id or value.sender is None or not value.sender.id:
        raise Passed("a reaction to a post")
    text = "" if value.verb == "remove" else words.EMOJI.get(value.reaction_type, "👍")
    author = Author(value.sender.id, value.sender.name, is_self=value.sender.id == page_id)
    event_id = f"reaction:{value.comment_id}:{author.id}:{part.at.timestamp()}"
    return Event(
        event_id, EventKind.REACTION, value.comment_id, value.comment_id, value.created_time or part.at, author, text, raw=part.raw
    )


def _post(value: Value, part: Part, page_id: str) -> Event:
    """What a visitor writes on the Page; what the Page itself writes is shown with its first comment."""
    if not value.post_id:
        raise Passed(f"{value.item} without a post"[:80])
    if value.sender is None or value.sender.id in {"", page_id}:
        raise Passed("a post of the Page")
    name = value.post_id
    if value.verb in CHANGES:
        return _changed(name, name, value, part)
    if value.verb not in {"add", "edited", "edit"}:
        raise Passed(f"post {value.verb or 'without a verb'}"[:80])
    kind = EventKind.MESSAGE if value.verb == "add" else EventKind.EDIT
    return Event(
        id=f"message:{name}" if kind is EventKind.MESSAGE else f"edit:{name}:{part.at.timestamp()}",
        kind=kind,
        message_id=name,
        thread_id=name,
        at=(value.created_time or part.at) if kind is EventKind.MESSAGE else part.at,
        author=comments.author(value.sender, page_id, name),
        text="\n".join(filter(None, [value.message, value.link if value.item in {"share", "link"} else None])),
        conversation_kind=ConversationKind.COMMENTS,
        attachments=_attachments(value),
        permalink=value.permalink_url or f"https://www.facebook.com/{name}",
        raw=part.raw,
    )


def _mention(value: Value, part: Part, page_id: str) -> Event:
    """Somebody names the Page in a post or comment of their own."""
    if value.verb not in {"add", ""}:
        raise Passed(f"mention {value.verb}"[:80])
    named = value.model_copy(update={"item": "status", "verb": "add", "post_id": value.comment_id or value.post_id})
    return replace(_post(named, part, page_id), mentions=(page_id,))


def _attachments(value: Value) -> tuple[Attachment, ...]:
    pictures = value.photos or ((value.photo,) if value.photo else (value.link,) if value.item == "photo" and value.link else ())
    files = [words.file(url, "picture", "image/jpeg") for url in pictures]
    video = value.video or (value.link if value.item == "video" else None)
    return (*files, words.file(video, "video", "video/mp4")) if video else tuple(files)
