"""Posts and comments as the Graph API lists them.

https://developers.facebook.com/docs/graph-api/reference/comment/, https://developers.facebook.com/docs/graph-api/reference/post/
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from connectors.meta import words
from connectors.meta.shapes import Json, Moment, Person, Several, Shape, Words, inner
from inbox import contract
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind

COMMENT = "id,message,created_time,from{id,name},parent{id},attachment,permalink_url,is_hidden,message_tags"
POST = "id,message,story,created_time,permalink_url,full_picture,status_type,from{id,name}"
VISITOR = "wall_post"  # a status_type: somebody else wrote it on the Page
TITLE = 80  # characters of a post that has no title
LISTED = "listed:"  # begins the id of an event that was looked up: it tells the post's words, which no notification does


class Tag(Shape):
    id: Words = ""


class Reference(Shape):
    id: str


class Comment(Shape):
    """Not all fields come to every token: somebody without a name has hidden it from apps."""

    id: str
    message: Words = ""
    created_time: Moment
    sender: Person | None = None
    parent: Reference | None = None
    attachment: dict[str, Any] | None = None
    permalink_url: str | None = None
    message_tags: Annotated[tuple[Tag, ...], Several] = ()
    is_hidden: bool = False


class Post(Shape):
    id: str
    message: Words = ""
    story: Words = ""
    created_time: Moment | None = None
    permalink_url: str | None = None
    full_picture: str | None = None
    status_type: Words = ""
    sender: Person | None = None

    def is_by_visitor(self, page_id: str) -> bool:
        return self.status_type == VISITOR or (self.sender is not None and self.sender.id not in {"", page_id})


def post(given: Json) -> Post:
    return Post.model_validate({**given, "sender": given.get("from")})


def shown(found: Post) -> contract.Post:
    """The post as it stands on top of a conversation."""
    text = found.message or found.story
    media = (found.full_picture,) if found.full_picture else ()
    return contract.Post(found.id, title(text), text, found.permalink_url, media, found.created_time)


def title(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= TITLE else line[: TITLE - 1] + "…"


def author(person: Person | None, page_id: str, fallback: str) -> Author:
    """Whom Meta names nobody, each one is somebody else."""
    if person is None or not person.id:
        return Author(f"unnamed:{fallback}", "Facebook")
    return Author(person.id, person.name, is_self=person.id == page_id)


def comment(given: Json, on: Post, page_id: str) -> list[Event]:
    """A listed comment, and that it is hidden."""
    found = Comment.model_validate({**given, "id": given.get("id") or _id_of(given, on), "sender": given.get("from")})
    where = place(found.id, found.parent.id if found.parent else None, on.id, is_visitors=on.is_by_visitor(page_id))
    said = Event(
        id=f"{LISTED}{found.id}",
        kind=EventKind.MESSAGE,
        message_id=found.id,
        thread_id=where.thread_id,
        at=found.created_time,
        author=author(found.sender, page_id, found.id),
        text=found.message,
        parent_id=where.parent_id,
        post=None if where.is_visitors else shown(on),
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(tag.id for tag in found.message_tags if tag.id),
        attachments=_attachments(found.attachment),
        permalink=found.permalink_url,
        raw=given,
    )
    return [said, _hidden(found, where.thread_id)] if found.is_hidden else [said]


def visitor_post(found: Post, page_id: str, given: Json, *, mentions: tuple[str, ...] = ()) -> Event:
    """What somebody wrote on the Page, or about it: a conversation of its own."""
    return Event(
        id=f"{LISTED}{found.id}",
        kind=EventKind.MESSAGE,
        message_id=found.id,
        thread_id=found.id,
        at=found.created_time or datetime.now(UTC),
        author=author(found.sender, page_id, found.id),
        text=found.message or found.story,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=mentions,
        attachments=(words.file(found.full_picture, "picture"),) if found.full_picture else (),
        permalink=found.permalink_url,
        raw=given,
    )


class Place(Shape):
    thread_id: str
    parent_id: str | None
    is_visitors: bool


def place(comment_id: str, parent: str | None, post_id: str, *, is_visitors: bool) -> Place:
    """A comment on a post of the Page begins a conversation, an answer joins its comment's; under a visitor's post all is one."""
    is_root = parent is None or parent == post_id
    if is_visitors:
        return Place(thread_id=post_id, parent_id=post_id if is_root else parent, is_visitors=True)
    return Place(thread_id=comment_id if is_root else parent or "", parent_id=None if is_root else parent, is_visitors=False)


def _hidden(found: Comment, thread_id: str) -> Event:
    return Event(f"{LISTED}hide:{found.id}", EventKind.MODERATION, found.id, thread_id, found.created_time, text="hide")


def _attachments(given: Json | None) -> tuple[Attachment, ...]:
    """A picture, sticker or video; a link to something else is in the text already."""
    url = inner(given, "media", "source") or inner(given, "media", "image", "src")
    return (words.file(str(url), str(inner(given, "type") or "file")),) if url else ()


def _id_of(given: Json, on: Post) -> str:
    """Some lists leave the id out: the permalink has it."""
    _, _, tail = str(given.get("permalink_url", "")).rpartition("comment_id=")
    return f"{on.id.rpartition('_')[2]}_{tail}" if tail else ""
