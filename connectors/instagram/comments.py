"""Comments and mentions, as notifications tell them and as lists do.

https://developers.facebook.com/docs/graph-api/webhooks/reference/instagram,
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-comment,
https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-media
"""

from datetime import datetime
from typing import Any

from connectors.meta.parts import Part
from connectors.meta.shapes import Json, Moment, Person, Shape, Words
from inbox import contract
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind

COMMENT = "id,text,timestamp,username,from,hidden,parent_id"
MEDIA = "id,caption,media_type,media_url,thumbnail_url,permalink,timestamp,username"
SCHEME = "instagram:"  # an address that only the connector can fetch: the words of a mention
MENTION = "mention:"  # begins the thread of a mention: it is answered by other means than a comment
LISTED = "listed:"  # begins the id of an event that was looked up: it tells what the post says
TITLE = 80  # characters of a post that has no title


class About(Shape):
    """The post or live broadcast; of an ad its title too."""

    id: str
    ad_id: str | None = None
    ad_title: Words = ""


class Told(Shape):
    """A comment as a notification tells it."""

    id: str
    sender: Person = Person()
    text: Words = ""
    media: About
    parent_id: str | None = None


class Mention(Shape):
    media_id: str
    comment_id: str | None = None


class Comment(Shape):
    id: str
    text: Words = ""
    timestamp: Moment
    username: Words = ""
    sender: Person = Person()
    parent_id: str | None = None
    hidden: bool = False


class Media(Shape):
    id: str
    caption: Words = ""
    media_url: str | None = None
    thumbnail_url: str | None = None
    permalink: str | None = None
    timestamp: Moment | None = None
    username: Words = ""
    media_type: Words = ""


def told(part: Part, account: str) -> Event:
    """A new comment. Instagram tells neither of edits nor of deletions."""
    given: dict[str, Any] = part.value
    found = Told.model_validate({**given, "sender": given.get("from") or {}})
    return Event(
        id=f"message:{found.id}",
        kind=EventKind.MESSAGE,
        message_id=found.id,
        thread_id=found.parent_id or found.id,
        at=part.at,
        author=_author(found.sender, found.sender.username, account, found.id),
        text=found.text,
        parent_id=found.parent_id,
        post=contract.Post(found.media.id, title=found.media.ad_title),
        conversation_kind=ConversationKind.COMMENTS,
        raw=part.raw,
    )


def mentioned(part: Part, account: str) -> Event:
    """A mention is told without its words and its author: they are fetched afterwards, as a file."""
    found = Mention.model_validate(part.value)
    name = found.comment_id or found.media_id
    where = f"comment/{found.comment_id}" if found.comment_id else f"media/{found.media_id}"
    return Event(
        id=f"message:{name}",
        kind=EventKind.MESSAGE,
        message_id=name,
        thread_id=MENTION + (f"{found.media_id}:{found.comment_id}" if found.comment_id else found.media_id),
        at=part.at,
        author=Author(f"unnamed:{name}", "Instagram"),
        text=f"[Mentioned you in a {'comment' if found.comment_id else 'post'}]",
        conversation_kind=ConversationKind.COMMENTS,
        mentions=(account,),
        attachments=(Attachment("mention.txt", "text/plain", url=f"{SCHEME}{where}"),),
        raw=part.raw,
    )


def media(given: Json) -> Media:
    return Media.model_validate(given)


def listed(given: Json, on: Media, account: str, parent: str | None = None) -> list[Event]:
    """A comment of a list, and that it is hidden. `parent`: the comment under which it was listed."""
    found = Comment.model_validate({**given, "sender": given.get("from") or {}})
    parent = parent or found.parent_id
    username = found.sender.username or found.username
    author = _author(found.sender, username, account, found.id, is_owner=bool(username) and username == on.username)
    said = Event(
        id=f"{LISTED}{found.id}",
        kind=EventKind.MESSAGE,
        message_id=found.id,
        thread_id=parent or found.id,
        at=found.timestamp,
        author=author,
        text=found.text,
        parent_id=parent,
        post=shown(on),
        conversation_kind=ConversationKind.COMMENTS,
        permalink=on.permalink,
        raw=given,
    )
    if not found.hidden:
        return [said]
    return [said, Event(f"{LISTED}hide:{found.id}", EventKind.MODERATION, found.id, said.thread_id, found.timestamp, text="hide")]


def tagged(given: Json, account: str) -> Event:
    """A post of somebody else that tags or names us."""
    found = Media.model_validate(given)
    return Event(
        id=f"{LISTED}{found.id}",
        kind=EventKind.MESSAGE,
        message_id=found.id,
        thread_id=MENTION + found.id,
        at=_when(found),
        author=Author(f"@{found.username}", found.username, found.username)
        if found.username
        else Author(f"unnamed:{found.id}", "Instagram"),
        text=found.caption or "[Tagged you in a post]",
        conversation_kind=ConversationKind.COMMENTS,
        mentions=(account,),
        permalink=found.permalink,
        raw=given,
    )


def shown(found: Media) -> contract.Post:
    """The post as it stands on top of a conversation."""
    picture = found.thumbnail_url or found.media_url
    line = found.caption.strip().partition("\n")[0]
    title = line if len(line) <= TITLE else line[: TITLE - 1] + "…"
    return contract.Post(found.id, title, found.caption, found.permalink, (picture,) if picture else (), found.timestamp)


def _when(found: Media) -> datetime:
    if found.timestamp is None:
        raise ValueError("a post without its time")
    return found.timestamp


def _author(person: Person, username: str, account: str, fallback: str, *, is_owner: bool = False) -> Author:
    """Whose id is not told is known by the user name."""
    is_self = person.id == account or person.self_ig_scoped_id is not None or is_owner
    name = person.id or (f"@{username}" if username else f"unnamed:{fallback}")
    return Author(account if is_self else name, username or "Instagram", username or None, is_self=is_self)
