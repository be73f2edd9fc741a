"""LINE's events as events of the contract. Pure."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.line.shapes import Happening, Message, Source
from inbox.contract import Attachment, Author, Batch, ConversationKind, Event, EventKind, Post, Rejected

SCHEME = "line:"  # a file's address: the connector alone can fetch it, with its token
FILES = {  # kind of message: a name and a type, since LINE tells none
    "image": ("picture.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.m4a", "audio/mp4"),
    "file": ("file", "application/octet-stream"),
}
MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError)


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def deliveries(body: bytes) -> Batch:
    """All events of one delivery, which names whose it is: one that cannot be read never loses the others."""
    try:
        whole = json.loads(body)
        told, me = list(cast("list[Any]", whole["events"])), str(whole.get("destination", ""))
    except UNREADABLE:
        return Batch(rejected=[Rejected(body, "The body has no list of events.")])
    events: list[Event] = []
    rejected: list[Rejected] = []
    passed: Counter[str] = Counter()
    for one in told:
        try:
            events.append(_read(Happening.model_validate(one), me))
        except Passed as reason:
            passed[str(reason)] += 1
        except UNREADABLE as error:
            rejected.append(Rejected(json.dumps({"destination": me, "events": [one]}).encode(), _reason(error)))
    return Batch(events, rejected=rejected, passed_over=passed)


def _read(told: Happening, me: str) -> Event:
    if told.mode != "active":
        raise Passed("another module answers")
    if told.type == "unsend" and told.unsend is not None:
        gone = told.unsend.message
        return Event(f"unsend:{gone}", EventKind.DELETE, gone, "", _moment(told))
    if told.type != "message" or told.message is None:
        raise Passed(f"event {told.type:.60}")
    if told.source is None:
        raise ValueError("the message has no source")
    return _said(told.message, told.source, _moment(told), me)


def _said(message: Message, source: Source, at: datetime, me: str) -> Event:
    room = source.group or source.room
    user = source.user or ""
    if not room and not user:
        raise ValueError("the message has no source")
    return Event(
        id=f"message:{message.id}",
        kind=EventKind.MESSAGE,
        message_id=message.id,
        thread_id="" if room else user,
        at=at,
        author=Author(user or room or "", _name(user), is_self=user == me),
        text=_words(message),
        parent_id=message.quoted,
        post=Post(room, title="LINE group" if source.group else "LINE chat", is_room=True) if room else None,
        conversation_kind=ConversationKind.COMMENTS if room else ConversationKind.DIRECT,
        mentions=tuple(one.user for one in message.mention.mentionees if one.user),
        attachments=_files(message),
        raw={"message": message.model_dump(mode="json", exclude_defaults=True), "source": source.model_dump(mode="json")},
    )


def _name(user: str) -> str:
    """LINE's events name nobody, and there is no time to ask before they are answered."""
    return f"LINE user {user[-6:]}" if user else "somebody"


def _words(message: Message) -> str:
    if message.type == "sticker":
        return f"[Sticker {', '.join(message.keywords[:3])}]" if message.keywords else "[Sticker]"
    if message.type == "location":
        where = MAP.format(latitude=message.latitude, longitude=message.longitude)
        return "\n".join(part for part in (f"[Place] {message.title or ''}".strip(), message.address, where) if part)
    if message.type == "text" or message.type in FILES:
        return message.text
    return "[This kind of message cannot be shown here: look at it in LINE.]"


def _files(message: Message) -> tuple[Attachment, ...]:
    """https://developers.line.biz/en/reference/messaging-api/#get-content"""
    if message.type not in FILES:
        return ()
    name, kind = FILES[message.type]
    url = message.provider.url if message.provider.type == "external" else f"{SCHEME}{message.id}"
    return (Attachment(message.file_name or name, kind, url=url, size=message.file_size),)


def _moment(told: Happening) -> datetime:
    return datetime.fromtimestamp(told.timestamp / 1000, UTC)


def _reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return f"{type(error).__name__}: it cannot be read."
