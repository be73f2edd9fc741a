"""Posts and notifications as events. Pure."""

from datetime import datetime

from connectors.bluesky import embeds, ids, richtext
from connectors.bluesky.shapes import Account, Notification, Post
from connectors.bluesky.threads import Thread
from inbox.contract import Author, ConversationKind, Event, EventKind

EMOJI = {"like": "❤️", "repost": "🔁"}


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def message(post: Post, thread: Thread, me: str) -> Event:
    """A post as a message."""
    words = richtext.read(post.record.text, post.record.facets)
    shown = embeds.text(post)
    return Event(
        id=f"post:{post.uri}",
        kind=EventKind.MESSAGE,
        message_id=post.uri,
        thread_id=thread.id,
        at=post.indexed_at,
        author=author(post.author, me),
        text=shown,
        html=words.html if shown == words.text else None,  # where it says all that the text says
        parent_id=post.parent,
        post=thread.post,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=words.mentions,
        attachments=embeds.files(post),
        permalink=ids.link(post.uri),
        raw=post.model_dump(mode="json", by_alias=True),
        language=post.record.language,
    )


def deletion(uri: str, now: datetime) -> Event:
    """A post that is gone. Nobody tells when; the first to notice names the time."""
    return Event(f"delete:{uri}", EventKind.DELETE, uri, "", now)


def reaction(told: Notification, me: str) -> Event:
    """A like or a repost of an answer of ours. That one is taken back nobody tells."""
    subject = told.reason_subject or ""
    return Event(
        id=f"{told.reason}:{told.uri}",
        kind=EventKind.REACTION,
        message_id=subject,
        thread_id=subject,
        at=told.indexed_at,
        author=author(told.author, me),
        text=EMOJI[told.reason],
    )


def author(account: Account, me: str) -> Author:
    roles = {"verifiedStatus": "verified", "trustedVerifierStatus": "trusted verifier"}
    return Author(
        id=account.did,
        name=account.display_name or account.handle or account.did,
        handle=account.handle or None,
        avatar=account.avatar,
        is_self=account.did == me,
        roles=tuple(role for status, role in roles.items() if account.verification.get(status) == "valid"),
    )
