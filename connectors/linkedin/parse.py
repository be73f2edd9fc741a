"""Comments as events. Pure."""

import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote

from connectors.linkedin.shapes import Comment, Notification
from connectors.linkedin.shapes import Post as Told
from connectors.polling import digest
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

FEED = "https://www.linkedin.com/feed/update/"


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def comment(told: Comment, post: Post | None, me: str, kind: EventKind = EventKind.MESSAGE) -> Event:
    """A comment as a message, or with its new words. LinkedIn's threads have one level."""
    at = told.created.time if kind is EventKind.MESSAGE or told.lastModified is None else told.lastModified.time
    return Event(
        id=f"comment:{told.commentUrn}" if kind is EventKind.MESSAGE else f"edit:{told.commentUrn}:{digest(told.message.text)}",
        kind=kind,
        message_id=told.commentUrn,
        thread_id=told.parentComment or told.commentUrn,
        at=at,
        author=author(told.actor, me),
        text=told.message.text,
        parent_id=told.parentComment,
        post=post or Post(told.object, url=f"{FEED}{told.object}"),
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(_named(told)),
        attachments=tuple(Attachment("picture", "image/jpeg", url=one.url) for one in told.content if one.type == "IMAGE" and one.url),
        permalink=permalink(told.commentUrn, told.object),
        raw=told.model_dump(mode="json"),
    )


def notification(told: Notification, me: str) -> Event:
    """What was pushed, with the same ids as the lists give. Raises Passed for what is none of a comment."""
    if told.action not in {"COMMENT", "ADMIN_COMMENT", "COMMENT_EDIT", "COMMENT_DELETE"}:
        raise Passed(f"a notification of the kind {told.action}")
    if told.action == "COMMENT_DELETE":
        return deletion(Comment.model_validate(_shape(told)).commentUrn, told.lastModifiedAt)
    if told.decoratedGeneratedActivity.comment is None:
        raise Passed("a notification without the comment: the list brings it")
    found = Comment.model_validate(_shape(told))
    source = told.decoratedSourcePost
    post = Post(found.object, source.title if source else "", source.text if source else "", f"{FEED}{found.object}")
    return comment(found, post, me, EventKind.EDIT if told.action == "COMMENT_EDIT" else EventKind.MESSAGE)


def deletion(name: str, at: datetime) -> Event:
    return Event(f"delete:{name}", EventKind.DELETE, name, name, at)


def author(urn: str, me: str) -> Author:
    """LinkedIn does not tell pages the names of members (https://learn.microsoft.com/en-us/linkedin/marketing/restricted-use-cases)."""
    is_page = urn.startswith("urn:li:organization:")
    return Author(urn, "LinkedIn page" if is_page else "LinkedIn member", is_self=urn == me, roles=("organization",) if is_page else ())


def post_of(told: Told, activity: str) -> Post:
    content = told.content
    title = (content.article.title if content and content.article else "") or (content.media.title if content and content.media else "")
    return Post(activity, title, told.commentary, f"{FEED}{told.id}", published_at=told.publishedAt or told.createdAt)


def permalink(name: str, activity: str) -> str:
    return f"{FEED}{activity}?commentUrn={quote(name, safe='')}"


def _shape(told: Notification) -> dict[str, object]:
    given = told.decoratedGeneratedActivity.comment
    stamp = {"time": int(told.lastModifiedAt.timestamp() * 1000)}
    return {
        "commentUrn": given.entity if given else told.generatedActivity,
        "actor": given.owner if given else "",
        "object": (given.object if given else "") or told.sourcePost,
        "message": {"text": given.text if given else ""},
        "created": stamp,
        "lastModified": stamp,
        "parentComment": given.parentComment if given else None,
    }


def _named(told: Comment) -> Iterable[str]:
    """The people and pages that are named in the words, however deep an attribute holds them."""
    written = json.dumps([dict(one) for one in told.message.attributes])
    for part in written.split('"'):
        if part.startswith(("urn:li:organization:", "urn:li:person:")):
            yield part
