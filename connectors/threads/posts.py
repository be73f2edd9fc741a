"""Posts, replies and mentions, as notifications tell them and as lists do: the same shape.

https://developers.facebook.com/docs/threads/webhooks, https://developers.facebook.com/docs/threads/threads-media,
https://developers.facebook.com/docs/threads/retrieve-and-manage-replies/replies-and-conversations
"""

from connectors.meta import words
from connectors.meta.hooks import Passed
from connectors.meta.parts import Part
from connectors.meta.shapes import Json, Moment, Shape, Words, moment
from inbox import contract
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind

FIELDS = "id,text,username,permalink,timestamp,media_type,media_url,thumbnail_url,gif_url,alt_text,profile_picture_url"
POST = f"{FIELDS},has_replies"
REPLY = f"{FIELDS},replied_to,root_post,is_reply_owned_by_me,hide_status"
HIDDEN = {"HIDDEN", "COVERED", "BLOCKED", "RESTRICTED"}  # https://developers.facebook.com/docs/threads/reply-management
TITLE = 80  # characters of a post that has no title
LISTED = "listed:"  # begins the id of an event that was looked up: it tells what the post says
UNKNOWN = "[This kind of post cannot be shown here: look at it in Threads.]"


class Reference(Shape):
    id: str
    owner_id: Words = ""
    username: Words = ""


class Post(Shape):
    id: str
    text: Words = ""
    username: Words = ""
    permalink: str | None = None
    timestamp: Moment
    media_type: Words = ""
    media_url: str | None = None
    thumbnail_url: str | None = None
    gif_url: str | None = None
    alt_text: Words = ""
    profile_picture_url: str | None = None
    replied_to: Reference | None = None
    root_post: Reference | None = None
    is_reply_owned_by_me: bool = False
    hide_status: Words = ""
    has_replies: bool = False


def account(part: Part) -> str:
    """Whose post was answered or deleted, or who was mentioned."""
    value: Json = part.value
    if part.field == "replies":
        return str(value["root_post"]["owner_id"])
    if part.field == "delete":
        return str(value["owner"]["owner_id"])
    if part.field == "mentions":
        return part.entry_id
    raise Passed(f"changes of {part.field}"[:80])  # what we publish ourselves comes with the next look, with its words


def told(part: Part, user: str) -> Event:
    """The event of a notification."""
    if part.field == "delete":
        name = str(part.value["id"])
        at = moment(part.value["deleted_at"]) if part.value.get("deleted_at") else part.at
        return Event(f"delete:{name}", EventKind.DELETE, name, name, at, raw=part.raw)
    post = Post.model_validate(part.value)
    if part.field == "mentions":
        return mention(post, user, "message:", part.raw)
    is_ours = post.root_post is not None and bool(post.username) and post.username == post.root_post.username
    return _reply(post, user, "message:", part.raw, is_ours=is_ours)


def listed(given: Json, on: Post, user: str) -> list[Event]:
    """A reply of a list, and that it is hidden."""
    post = Post.model_validate(given)
    said = _reply(post, user, LISTED, given, is_ours=post.is_reply_owned_by_me or post.username == on.username, on=on)
    if post.hide_status not in HIDDEN:
        return [said]
    return [said, Event(f"{LISTED}hide:{post.id}", EventKind.MODERATION, post.id, said.thread_id, post.timestamp, text="hide")]


def mention(post: Post, user: str, prefix: str, raw: Json) -> Event:
    """Somebody names the profile: a conversation of its own, unless it answers something that is here."""
    parent = post.replied_to.id if post.replied_to else None
    return _event(post, prefix, raw, _author(post, user, is_ours=False), post.id, parent, None, mentions=(user,))


def shown(post: Post) -> contract.Post:
    """The post as it stands on top of a conversation."""
    line = post.text.strip().partition("\n")[0]
    title = line if len(line) <= TITLE else line[: TITLE - 1] + "…"
    picture = post.thumbnail_url or post.media_url
    return contract.Post(post.id, title, post.text, post.permalink, (picture,) if picture else (), post.timestamp)


def _reply(post: Post, user: str, prefix: str, raw: Json, *, is_ours: bool, on: Post | None = None) -> Event:
    """A reply to the post itself begins a conversation, an answer to a reply joins its."""
    root = on.id if on is not None else post.root_post.id if post.root_post is not None else ""
    parent = post.replied_to.id if post.replied_to is not None and post.replied_to.id != root else None
    under = shown(on) if on is not None else contract.Post(root) if root else None
    return _event(post, prefix, raw, _author(post, user, is_ours=is_ours), parent or post.id, parent, under)


def _event(
    post: Post,
    prefix: str,
    raw: Json,
    author: Author,
    thread_id: str,
    parent_id: str | None,
    under: contract.Post | None,
    mentions: tuple[str, ...] = (),
) -> Event:
    files = _files(post)
    return Event(
        id=f"{prefix}{post.id}",
        kind=EventKind.MESSAGE,
        message_id=post.id,
        thread_id=thread_id,
        at=post.timestamp,
        author=author,
        text=post.text if post.text or files else UNKNOWN,
        parent_id=parent_id,
        post=under,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=mentions,
        attachments=files,
        permalink=post.permalink,
        raw=raw,
    )


def _author(post: Post, user: str, *, is_ours: bool) -> Author:
    """Threads tells user names only; our own profile is known by its id."""
    name = user if is_ours else post.username or f"unnamed:{post.id}"
    return Author(name, post.username or "Threads", post.username or None, post.profile_picture_url, is_self=is_ours)


def _files(post: Post) -> tuple[Attachment, ...]:
    kinds = {"IMAGE": "image/jpeg", "VIDEO": "video/mp4", "AUDIO": "audio/mpeg"}
    found = [(post.media_url, kinds.get(post.media_type, words.UNSURE)), (post.gif_url, "image/gif")]
    return tuple(words.file(url, "picture", kind) for url, kind in found if url)
