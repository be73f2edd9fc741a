"""Comments and videos as events and posts. Pure."""

from dataclasses import dataclass
from datetime import datetime

from connectors.youtube.shapes import Comment, Video
from inbox.contract import Author, ConversationKind, Event, EventKind, Post

WATCH = "https://www.youtube.com/watch?v="
SIZES = ("maxres", "standard", "high", "medium", "default")


@dataclass(frozen=True, slots=True)
class Said:
    """A comment with the thread and the video that it stands in."""

    comment: Comment
    thread: str
    video: str | None


def message(said: Said, post: Post | None, me: str) -> Event:
    return _said(said, post, me, EventKind.MESSAGE, f"comment:{said.comment.id}", said.comment.snippet.publishedAt)


def edit(said: Said, post: Post | None, me: str) -> Event:
    snippet = said.comment.snippet
    at = snippet.updatedAt or snippet.publishedAt
    return _said(said, post, me, EventKind.EDIT, f"edit:{said.comment.id}:{said.comment.version}", at)


def deletion(name: str, at: datetime) -> Event:
    """A comment that is not there any more: YouTube does not tell since when."""
    return Event(f"delete:{name}", EventKind.DELETE, name, name.partition(".")[0], at)


def moderation(said: Said, at: datetime) -> Event:
    """A comment was held for review, or is public again; an id of its own for each time."""
    action = "hide" if said.comment.is_held else "unhide"
    return Event(f"{action}:{said.comment.id}:{at.isoformat()}", EventKind.MODERATION, said.comment.id, said.thread, at, text=action)


def post_of(video: Video) -> Post:
    snippet = video.snippet
    pictures = [snippet.thumbnails[size].url for size in SIZES if size in snippet.thumbnails and snippet.thumbnails[size].url]
    return Post(
        id=video.id,
        title=snippet.title,
        text=snippet.description,
        url=f"{WATCH}{video.id}",
        media=tuple(pictures[:1]),
        published_at=snippet.publishedAt,
    )


def permalink(comment: str, video: str | None) -> str | None:
    return f"{WATCH}{video}&lc={comment}" if video else None


def _said(said: Said, post: Post | None, me: str, kind: EventKind, event_id: str, at: datetime) -> Event:
    comment, snippet = said.comment, said.comment.snippet
    channel = snippet.authorChannelId.value
    name = snippet.authorDisplayName
    author = Author(
        id=channel or f"name:{name}",
        name=name or "YouTube",
        handle=name if name.startswith("@") else None,
        avatar=snippet.authorProfileImageUrl,
        is_self=bool(channel) and channel == me,
        roles=("owner",) if channel and channel == me else (),
    )
    return Event(
        id=event_id,
        kind=kind,
        message_id=comment.id,
        thread_id=said.thread,
        at=at,
        author=author,
        text=comment.text,
        parent_id=said.thread if comment.id != said.thread else None,
        post=post,
        conversation_kind=ConversationKind.COMMENTS,
        permalink=permalink(comment.id, said.video),
        raw=comment.model_dump(mode="json"),
    )
