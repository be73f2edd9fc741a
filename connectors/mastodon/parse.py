"""Statuses and notifications as events. Pure."""

import mimetypes
from datetime import datetime
from html import escape
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from connectors.mastodon import markup
from connectors.mastodon.shapes import Account, Media, Notification, Status
from connectors.mastodon.threads import Thread
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind

EMOJI = {"favourite": "⭐", "reblog": "🔁"}
MEDIA = {"image": "image/jpeg", "gifv": "video/mp4", "video": "video/mp4", "audio": "audio/mpeg"}
LONGEST_NAME = 120  # characters of a description that becomes a file's name


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def message(status: Status, thread: Thread, me: Account) -> Event:
    """A status as a message."""
    return _said(status, thread, me, EventKind.MESSAGE, f"status:{status.id}", status.created_at)


def edit(status: Status, thread: Thread, me: Account) -> Event:
    """A status with its new words."""
    if status.edited_at is None:
        raise Passed("an update that changed no words")
    return _said(status, thread, me, EventKind.EDIT, f"edit:{status.id}:{status.edited_at.isoformat()}", status.edited_at)


def deletion(status: str, now: datetime) -> Event:
    """A status that is gone. Nobody tells when; the first to notice names the time."""
    return Event(f"delete:{status}", EventKind.DELETE, status, "", now)


def reaction(told: Notification, me: Account) -> Event:
    """A favourite or a boost of something we said to somebody; our posts are no messages. That one is taken back nobody tells."""
    status, emoji = told.status, told.emoji or EMOJI.get(told.type, "")
    if status is None or told.account is None or not emoji:
        raise Passed(f"a notification of the kind {told.type}")
    if not (status.in_reply_to_id or status.is_direct):
        raise Passed("a reaction to a post of ours")
    return Event(
        id=f"notification:{told.id}",
        kind=EventKind.REACTION,
        message_id=status.id,
        thread_id=status.in_reply_to_id or status.id,
        at=told.created_at,
        author=author(told.account, me),
        text=emoji,
    )


def author(account: Account, me: Account) -> Author:
    roles = tuple(role.name for role in account.roles if role.name) + (("bot",) if account.bot else ())
    return Author(
        id=account.id,
        name=account.display_name or account.username or account.acct or account.id,
        handle=account.acct or None,
        avatar=account.avatar_static or account.avatar,
        is_self=account.id == me.id,
        roles=roles,
    )


def text(status: Status, me: Account) -> str:
    """The words without the names that a reply begins with; a warning before them, the choices of a poll after them."""
    words = markup.words(status.content)
    if status.account.id != me.id:
        words = markup.without(words, me.username)
    elif status.in_reply_to_id or status.is_direct:
        words = markup.unaddressed(words)
    choices = "\n".join(f"○ {option.title}" for option in status.poll.options) if status.poll else ""
    warning = f"⚠ {status.spoiler_text}" if status.spoiler_text else ""
    return "\n\n".join(part for part in (warning, words, choices) if part)


def _said(status: Status, thread: Thread, me: Account, kind: EventKind, event_id: str, at: datetime) -> Event:
    return Event(
        id=event_id,
        kind=kind,
        message_id=status.id,
        thread_id=thread.id,
        at=at,
        author=author(status.account, me),
        text=text(status, me),
        html=_html(status),
        parent_id=status.in_reply_to_id if thread.joins_parent else None,
        post=thread.post,
        conversation_kind=ConversationKind.DIRECT if status.is_direct else ConversationKind.COMMENTS,
        private=status.visibility not in {"public", "unlisted"},
        mentions=tuple(mention.id for mention in status.mentions),
        attachments=tuple(_file(media) for media in status.media_attachments if media.url or media.remote_url),
        permalink=status.url,
        raw=status.model_dump(mode="json"),
        language=status.language,
    )


def _html(status: Status) -> str | None:
    """The server's markup, where it says all that the text says."""
    if status.poll:
        return None
    warning = f"<p>⚠ {escape(status.spoiler_text)}</p>" if status.spoiler_text else ""
    return f"{warning}{status.content}" if status.content else None


def _file(media: Media) -> Attachment:
    """A file under its description, if it has one: that is what those read who do not see it."""
    url = media.url or media.remote_url or ""
    path = PurePosixPath(unquote(urlsplit(url).path))
    kind = mimetypes.guess_type(path.name)[0] or MEDIA.get(media.type, "application/octet-stream")
    described = " ".join(media.description.replace("/", " ").split())[:LONGEST_NAME]
    return Attachment(name=f"{described}{path.suffix}" if described else path.name or media.id, media_type=kind, url=url)
