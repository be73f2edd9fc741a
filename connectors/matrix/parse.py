"""Matrix events as events of the contract. What means nothing here is passed over, with a reason.

https://spec.matrix.org/v1.15/client-server-api/#instant-messaging and #forming-relationships-between-events
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.matrix import ids
from connectors.matrix.rooms import Room, as_dict, as_list, as_text, link
from inbox.contract import Attachment, Envelope, Event, EventKind

MESSAGES = {"m.room.message", "m.room.encrypted", "m.sticker"}
FILES = {"m.image", "m.video", "m.audio", "m.file"}
UNREADABLE = "This message is encrypted: it cannot be read here."
HTML = "org.matrix.custom.html"
QUOTE = re.compile(r"<mx-reply>.*?</mx-reply>", re.DOTALL | re.IGNORECASE)
PILL = re.compile(r"https://matrix\.to/#/(@[^\"'?/<>\s]+|%40[^\"'?/<>\s]+)", re.IGNORECASE)


class Passed(Exception):
    """Nothing for the inbox; the message says why."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How an event hangs on another one of its room. `target` and `answers` are the events' ids."""

    kind: str = ""
    target: str = ""
    answers: str = ""

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Relation":
        told = as_dict(as_dict(event.get("content")).get("m.relates_to"))
        kind, target = as_text(told.get("rel_type")), as_text(told.get("event_id"))
        answers = as_text(as_dict(told.get("m.in_reply_to")).get("event_id"))
        if kind == "m.thread" and (told.get("is_falling_back") is True or not answers):
            answers = target  # the reply is there for clients that know no threads: what is answered is the thread
        return cls(kind, target, answers)


def message(event: Mapping[str, Any], room: Room, me: str) -> Event:
    """A message, or a sticker, or one that cannot be read."""
    content, relation = as_dict(event.get("content")), Relation.of(event)
    if "redacted_because" in as_dict(event.get("unsigned")) or (not content and event["type"] != "m.room.encrypted"):
        raise Passed("it was redacted before it was read")
    if as_text(content.get("msgtype")).startswith("m.key.verification"):
        raise Passed("devices verifying each other")
    text, html = words(event, content, has_quote=bool(relation.answers))
    client_key = as_text(as_dict(event.get("unsigned")).get("transaction_id")) or None
    if client_key is not None and ids.is_part(client_key):
        raise Passed("a file of our own reply")
    author = room.author(as_text(event.get("sender")), me)
    if content.get("msgtype") == "m.emote":
        text, html = f"* {author.name} {text}", None
    return Event(
        id=_name(event),
        kind=EventKind.MESSAGE,
        message_id=ids.join(room.id, _name(event)),
        thread_id=_thread(room, relation),
        at=moment(event),
        author=author,
        text=text,
        html=html,
        parent_id=ids.join(room.id, relation.answers) if relation.answers else None,
        post=room.post(),
        conversation_kind=room.kind,
        mentions=mentions(content),
        attachments=files(content),
        envelope=Envelope(automatic=True) if content.get("msgtype") == "m.notice" and not author.is_self else None,
        permalink=link(room.id, _name(event)),
        client_key=client_key if author.is_self else None,
        raw=event,
    )


def edit(event: Mapping[str, Any], room: Room, me: str) -> Event:
    """New words of an old message; an encrypted edit says only that there are some."""
    target = Relation.of(event).target
    told = as_dict(event.get("content"))
    content = as_dict(told.get("m.new_content"))
    if not content and event["type"] != "m.room.encrypted":
        raise Passed("an edit without new content")
    text, html = words(event, content, has_quote=False)
    return _change(event, room, me, EventKind.EDIT, target, text=text, html=html, mentions=mentions(content))


def reaction(event: Mapping[str, Any], room: Room, me: str) -> Event:
    relation = Relation.of(event)
    emoji = as_text(as_dict(as_dict(event.get("content")).get("m.relates_to")).get("key"))
    if relation.kind != "m.annotation" or not relation.target or not emoji:
        raise Passed("a reaction to nothing, or taken back already")
    return _change(event, room, me, EventKind.REACTION, relation.target, text=emoji)


def redaction(event: Mapping[str, Any], room: Room, me: str) -> Event:
    """What was taken back is in the content since room version 11, beside it before."""
    target = as_text(as_dict(event.get("content")).get("redacts")) or as_text(event.get("redacts"))
    if not target:
        raise Passed("a redaction of nothing")
    return _change(event, room, me, EventKind.DELETE, target)


def read(room: Room, user: str, target: str, receipt: Mapping[str, Any], me: str) -> Event:
    """Somebody has read up to a message of a direct chat."""
    stamp = receipt.get("ts")
    at = _moment(stamp)
    name = f"read {target} {user} {stamp}"
    return Event(name, EventKind.READ, ids.join(room.id, target), room.id, at, room.author(user, me), conversation_kind=room.kind)


def words(event: Mapping[str, Any], content: Mapping[str, Any], *, has_quote: bool) -> tuple[str, str | None]:
    """The text and its markup, without the quotation that older clients put before an answer."""
    if event.get("type") == "m.room.encrypted":
        return UNREADABLE, None
    text = as_text(content.get("body"))
    if files(content) and as_text(content.get("filename")) in {"", text}:
        return "", None  # the body is the file's name; with both, the body is a caption
    if event.get("type") == "m.sticker":
        return text, None
    html = as_text(content.get("formatted_body")) if content.get("format") == HTML else ""
    if has_quote and text.startswith(("> <@", "> * <@")):
        lines = text.split("\n")
        kept = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
        text = "\n".join(lines[kept:]).removeprefix("\n")
    return text, QUOTE.sub("", html) or None


def files(content: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The file of a message or a sticker, where the homeserver keeps it; files of encrypted rooms cannot be read."""
    address, info = as_text(content.get("url")), as_dict(content.get("info"))
    if not address.startswith("mxc://") or content.get("msgtype") not in {*FILES, None}:
        return ()
    size = info.get("size")
    name = as_text(content.get("filename")) or as_text(content.get("body")) or "file"
    media_type = as_text(info.get("mimetype")) or "application/octet-stream"
    return (Attachment(name, media_type, url=address, size=size if isinstance(size, int) else None),)


def mentions(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Who is named: as the client says, else, for those that do not, by the links in the markup."""
    if "m.mentions" in content:
        named = as_list(as_dict(content["m.mentions"]).get("user_ids"))
        return tuple(user for user in named if isinstance(user, str))
    html = QUOTE.sub("", as_text(content.get("formatted_body")))
    return tuple(dict.fromkeys(found.replace("%40", "@").replace("%3A", ":") for found in PILL.findall(html)))


def moment(event: Mapping[str, Any]) -> datetime:
    return _moment(event.get("origin_server_ts"))


def _moment(milliseconds: Any) -> datetime:
    if not isinstance(milliseconds, int):
        raise ValueError("the event has no time")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _name(event: Mapping[str, Any]) -> str:
    name = as_text(event.get("event_id"))
    if not name:
        raise ValueError("the event has no id")
    return name


def _thread(room: Room, relation: Relation) -> str:
    if relation.kind == "m.thread" and relation.target:
        return ids.join(room.id, relation.target)
    return room.id if room.is_direct else ""


def _change(event: Mapping[str, Any], room: Room, me: str, kind: EventKind, target: str, **more: Any) -> Event:
    author = room.author(as_text(event.get("sender")), me)
    return Event(
        id=_name(event),
        kind=kind,
        message_id=ids.join(room.id, target),
        thread_id=room.id if room.is_direct else "",
        at=moment(event),
        author=author,
        conversation_kind=room.kind,
        raw=event,
        **more,
    )
