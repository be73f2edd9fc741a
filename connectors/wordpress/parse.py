"""Comments as events. Pure."""

from datetime import datetime
from html import unescape

from connectors import markup
from connectors.wordpress.place import Known
from connectors.wordpress.shapes import Comment, User
from inbox.contract import Author, ConversationKind, Event, EventKind, Post

AVATAR = "96"  # pixels; WordPress offers 24, 48 and 96
UNSEEN = {"spam": "spam", "trash": "hide", "post-trashed": "hide", "hold": "hide"}  # states in which nobody sees the comment


def message(comment: Comment, thread: str, post: Post | None, me: User, roles: tuple[str, ...] = ()) -> Event:
    """A comment as a message."""
    return _said(comment, EventKind.MESSAGE, f"comment:{comment.id}", comment.date_gmt, thread, post, me, roles)


def edit(comment: Comment, now: Known, at: datetime, thread: str, post: Post | None, me: User, roles: tuple[str, ...] = ()) -> Event:
    """A comment with its new words. WordPress does not tell when: `at` is when it was noticed."""
    return _said(comment, EventKind.EDIT, f"edit:{comment.id}:{now.revision}", at, thread, post, me, roles)


def moderation(comment: Comment, now: Known, before: Known | None, at: datetime) -> Event | None:
    """What a moderator, or a filter, did to it; None where that changes nothing for who reads it."""
    was, action = UNSEEN.get(before.status) if before else None, UNSEEN.get(now.status)
    if action == was:
        return None
    return Event(f"status:{comment.id}:{now.revision}", EventKind.MODERATION, comment.id, "", at, text=action or "unhide")


def deletion(number: str, now: datetime) -> Event:
    """A comment that is gone for good. Nobody tells when; the first to notice names the time."""
    return Event(f"delete:{number}", EventKind.DELETE, number, "", now)


def author(comment: Comment, me: User, roles: tuple[str, ...] = ()) -> Author:
    """Who has an account is known by it; a guest by the mail address given, which nobody has checked."""
    is_guest = comment.author in {"", "0"}
    name = unescape(comment.author_name).strip()
    guest = f"guest:{(comment.author_email or name).strip().lower() or comment.id}"
    return Author(
        id=guest if is_guest else comment.author,
        name=name or "?",
        avatar=comment.author_avatar_urls.get(AVATAR),
        is_self=not is_guest and comment.author == me.id,
        email=comment.author_email or None,
        roles=roles,
    )


def _said(
    comment: Comment, kind: EventKind, event_id: str, at: datetime, thread: str, post: Post | None, me: User, roles: tuple[str, ...]
) -> Event:
    raw = comment.content.raw
    return Event(
        id=event_id,
        kind=kind,
        message_id=comment.id,
        thread_id=thread,
        at=at,
        author=author(comment, me, roles),
        text=markup.words(raw, keeps_lines=True),
        html=comment.content.rendered or None if "<" in raw else None,
        parent_id=comment.parent_id,
        post=post,
        conversation_kind=ConversationKind.COMMENTS,
        permalink=comment.link,
        raw=comment.model_dump(mode="json"),
    )
