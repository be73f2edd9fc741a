"""Posts and direct messages as events. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime

from connectors.x.shapes import Direct, Includes, Media
from connectors.x.shapes import Post as Told
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

SITE = "https://x.com"
DIRECT = "dm:"  # before ids of direct messages and conversations: they look like those of posts
ADDRESSED = re.compile(r"(?:@\w{1,15}\s+)+")
TYPES = {"photo": "image/jpeg", "video": "video/mp4", "animated_gif": "video/mp4"}


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def message(told: Told, beside: Includes, me: str) -> Iterable[Event]:
    """A post as a message; one that was edited is both, since its first version may never have come.

    Under a post of ours each answer begins a conversation. Elsewhere X's own conversation is one.
    """
    if told.refers("retweeted"):
        raise Passed("a repost")
    answered, is_top = told.refers("replied_to"), is_under_ours(told, me)
    if told.author_id == me and (answered is None or is_top):
        raise Passed("a post of ours")
    parent = None if is_top else answered
    thread = told.first if is_top else told.conversation_id or told.first
    yield _said(told, beside, me, thread, parent, EventKind.MESSAGE)
    if told.first != told.id:
        yield _said(told, beside, me, thread, parent, EventKind.EDIT)


def is_under_ours(told: Told, me: str) -> bool:
    """Whether it stands right under a post with which we began a conversation."""
    return told.in_reply_to_user_id == me and told.refers("replied_to") == told.conversation_id


def direct(told: Direct, beside: Includes, me: str) -> Event:
    """A direct message; joining and leaving mean nothing here."""
    if told.event_type != "MessageCreate":
        raise Passed(f"a direct event of the kind {told.event_type}")
    return Event(
        id=f"direct:{told.id}",
        kind=EventKind.MESSAGE,
        message_id=f"{DIRECT}{told.id}",
        thread_id=f"{DIRECT}{told.dm_conversation_id or told.sender_id}",
        at=told.created_at,
        author=author(told.sender_id, beside, me),
        text=Told(id=told.id, text=told.text, created_at=told.created_at, entities=told.entities).words,
        private=True,
        attachments=_files(told.attachments.media_keys, beside),
        raw=told.model_dump(mode="json"),
    )


def deletion(name: str, at: datetime) -> Event:
    return Event(f"delete:{name}", EventKind.DELETE, name, "", at)


def author(name: str, beside: Includes, me: str) -> Author:
    user = beside.users.get(name)
    if user is None:
        return Author(name, name, is_self=name == me)
    roles = (user.verified_type,) if user.verified_type not in {"", "none"} else ()
    return Author(name, user.name or user.username or name, f"@{user.username}", user.profile_image_url, name == me, roles=roles)


def permalink(name: str) -> str:
    return f"{SITE}/i/web/status/{name}"


def _said(told: Told, beside: Includes, me: str, thread: str, parent: str | None, kind: EventKind) -> Event:
    is_answer = told.refers("replied_to") is not None
    return Event(
        id=f"post:{told.first}" if kind is EventKind.MESSAGE else f"edit:{told.id}",
        kind=kind,
        message_id=told.first,
        thread_id=thread,
        at=told.created_at,
        author=author(told.author_id, beside, me),
        text=ADDRESSED.sub("", told.words, count=1) if is_answer and ADDRESSED.match(told.words) else told.words,
        parent_id=parent,
        post=_context(told, beside, me),
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(one.id for one in told.entities.mentions if one.id),
        attachments=_files(told.attachments.media_keys, beside),
        permalink=permalink(told.id),
        raw=told.model_dump(mode="json"),
        language=told.lang,
    )


def _context(told: Told, beside: Includes, me: str) -> Post | None:
    """What it hangs on: our post that is answered, or somebody's that the talk is about, or a post that is quoted."""
    answered = told.refers("replied_to")
    above = beside.posts.get(answered or told.refers("quoted") or "")
    if above is None:
        return Post(told.conversation_id, url=permalink(told.conversation_id)) if is_under_ours(told, me) else None
    if answered and above.first != told.conversation_id:  # what is answered is a message itself
        return None
    user = beside.users.get(above.author_id)
    title = f"@{user.username}" if user and above.author_id != me else ""
    media = tuple(file.url for file in _files(above.attachments.media_keys, beside) if file.url)
    return Post(above.first, title, above.words, permalink(above.id), media, above.created_at)


def _files(keys: Iterable[str], beside: Includes) -> tuple[Attachment, ...]:
    found = [(media, url) for key in keys if (media := beside.media.get(key)) is not None and (url := _address(media))]
    return tuple(
        Attachment(
            " ".join(media.alt_text.replace("/", " ").split())[:120] or media.media_key, TYPES.get(media.type, "image/jpeg"), url=url
        )
        for media, url in found
    )


def _address(media: Media) -> str:
    films = [variant for variant in media.variants if variant.content_type == "video/mp4" and variant.url]
    return max(films, key=lambda film: film.bit_rate).url if films else media.url or media.preview_image_url
