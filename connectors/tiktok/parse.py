"""Comments and direct messages as events. Pure."""

from datetime import datetime

from connectors.tiktok.shapes import Comment, CommentUpdate, Direct, Seen, Video
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

DIRECT = "dm:"  # before ids of direct messages and conversations
SCHEME = "tiktok:"  # of files that need the account's credentials
NOBODY = "TikTok user"  # webhooks do not say what somebody is called
HIDES = {"set_to_hidden": True, "set_to_friends_only": True, "set_to_public": False}


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def comment(told: Comment, post: Post | None, me: str) -> Event:
    """A comment, or an answer in its thread."""
    name = told.display_name or told.username or NOBODY
    author = Author(
        id=me if told.owner else told.unique_identifier or f"name:{name}",
        name=name,
        handle=f"@{told.username}" if told.username else None,
        avatar=told.profile_image,
        is_self=told.owner,
        roles=("owner",) if told.owner else (),
    )
    return Event(
        id=f"comment:{told.name}",
        kind=EventKind.MESSAGE,
        message_id=told.name,
        thread_id=told.thread,
        at=told.create_time,
        author=author,
        text=told.text,
        parent_id=told.thread if told.parent_comment_id else None,
        post=post or Post(told.video_id),
        conversation_kind=ConversationKind.COMMENTS,
        permalink=post.url if post else None,
        raw=told.model_dump(mode="json", exclude={"reply_list"}),
    )


def update(told: CommentUpdate, me: str) -> Event:
    """What a webhook tells of a comment, with the same ids as the lists give."""
    shape = {
        "comment_id": told.comment_id,
        "video_id": told.video_id,
        "parent_comment_id": told.parent_comment_id or None,
        "create_time": told.timestamp.timestamp(),
        "unique_identifier": told.unique_identifier,
        "text": told.text,
    }
    found = Comment.model_validate(shape)
    if told.comment_action == "insert":
        return comment(found, None, me)
    if told.comment_action == "delete":
        return deletion(found.name, told.timestamp)
    if told.comment_action in HIDES:
        return moderation(found.name, told.timestamp, hides=HIDES[told.comment_action])
    raise Passed(f"a comment that was {told.comment_action}")


def direct(told: Direct, me: str) -> Event:
    """A direct message of somebody, or one that was written as the account."""
    text = told.text.body if told.text else ""
    if told.share_post is not None:
        text = told.share_post.embed_url or told.share_post.video_id
    elif told.type not in {"text", "image"} and not text:
        text = f"[{told.type}]"
    answered = told.referenced_message_info.referenced_message_id if told.referenced_message_info else None
    files: tuple[Attachment, ...] = ()
    if told.image is not None:
        files = (Attachment("picture.jpg", "image/jpeg", url=f"{SCHEME}{told.conversation_id}|{told.message_id}|{told.image.media_id}"),)
    return Event(
        id=f"direct:{told.message_id}",
        kind=EventKind.MESSAGE,
        message_id=f"{DIRECT}{told.message_id}",
        thread_id=f"{DIRECT}{told.conversation_id}",
        at=told.timestamp,
        author=Author(
            told.from_user.id, told.sender or NOBODY, f"@{told.sender}" if told.sender else None, is_self=told.from_user.id == me
        ),
        text=text,
        parent_id=f"{DIRECT}{answered}" if answered else None,
        private=True,
        attachments=files,
        raw=told.model_dump(mode="json", by_alias=True),
    )


def seen(told: Seen, me: str) -> Event:
    """Somebody has read up to a time."""
    if told.from_user.id == me:
        raise Passed("what we read ourselves")
    at, thread = told.read.last_read_timestamp, f"{DIRECT}{told.conversation_id}"
    return Event(f"read:{told.conversation_id}:{at.isoformat()}", EventKind.READ, "", thread, at, Author(told.from_user.id, NOBODY))


def deletion(name: str, at: datetime) -> Event:
    return Event(f"delete:{name}", EventKind.DELETE, name, name, at)


def moderation(name: str, at: datetime, *, hides: bool) -> Event:
    action = "hide" if hides else "unhide"
    return Event(f"{action}:{name}:{at.isoformat()}", EventKind.MODERATION, name, name, at, text=action)


def post_of(video: Video) -> Post:
    pictures = (video.thumbnail_url,) if video.thumbnail_url else ()
    return Post(video.item_id, text=video.caption, url=video.share_url, media=pictures, published_at=video.create_time)
