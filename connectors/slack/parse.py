"""Messages and reactions as events of ours. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from connectors.slack import emoji, markup, shapes
from connectors.slack.people import Directory
from connectors.slack.shapes import Edited, File, Message, Metadata
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post

SCHEME = "slack:"  # a file's address: its id, behind which the connector gets the bytes with its token
OURS = "parley_reply"  # the kind of metadata by which we know replies of ours again
DIRECT = {"im", "mpim"}
GONE = {"tombstone", "hidden_by_limit"}
Json = dict[str, Any]


def message(told: Message, channel: str, channel_type: str, known: Directory, raw: Mapping[str, Any]) -> Event:
    """Something said."""
    return _said(told, channel, channel_type, known, raw, EventKind.MESSAGE, None)


def edit(told: Message, channel: str, channel_type: str, known: Directory, raw: Mapping[str, Any], edited: Edited) -> Event:
    """The message with its new words."""
    return _said(told, channel, channel_type, known, raw, EventKind.EDIT, edited)


def deletion(channel: str, stamp: str, at: datetime, raw: Mapping[str, Any] | None = None) -> Event:
    shapes.time(stamp)
    name = message_id(channel, stamp)
    return Event(f"delete:{name}", EventKind.DELETE, name, "", at, raw=raw)


def reaction(channel: str, stamp: str, name: str, user: str, known: Directory, at: datetime, event_id: str, raw: Json | None) -> Event:
    """An emoji under a message; `name` "" takes it back."""
    about = message_id(channel, stamp)
    author = known.author(user, is_self=user == known.user_id)
    text = emoji.read(name) if name else ""
    return Event(f"reaction:{about}:{event_id}", EventKind.REACTION, about, "", at, author, text, raw=raw)


def standing_reactions(told: Message, channel: str, known: Directory, now: datetime) -> list[Event]:
    """Those that a history shows under a message. When they came nobody tells."""
    return [
        reaction(channel, told.ts, found.name, user, known, now, f"{user}:{found.name}", None)
        for found in told.reactions
        for user in found.users
    ]


def message_id(channel: str, stamp: str) -> str:
    """Stamps are unique within a channel only."""
    return f"{channel}:{stamp}"


def is_direct(channel: str, channel_type: str, known: Directory) -> bool:
    """Whether only a few people are in it who were asked in one by one. Old events do not tell the type."""
    listed = known.channels.get(channel)
    if channel_type or listed is None:
        return channel_type in DIRECT or (not channel_type and channel.startswith("D"))
    return bool(listed.is_im or listed.is_mpim)


def people(told: Json) -> list[str]:
    """Ids of those whose names are needed to show a message."""
    given: Any = told.get("reactions")
    reactions = cast("list[Any]", given) if isinstance(given, list) else []
    some = [cast("Json", one).get("users") for one in reactions if isinstance(one, dict)]
    reacted = [str(user) for users in some if isinstance(users, list) for user in cast("list[Any]", users)]
    users = [str(told.get("user") or ""), *markup.mentions(str(told.get("text") or "")), *reacted]
    return [user for user in users if user]


def client_key(metadata: Metadata | None) -> str | None:
    """The key of our reply (https://docs.slack.dev/messaging/message-metadata)."""
    if metadata is None or metadata.event_type != OURS:
        return None
    key = metadata.event_payload.get("key")
    return key if isinstance(key, str) else None


def permalink(known: Directory, channel: str, told: Message) -> str | None:
    """As https://docs.slack.dev/reference/methods/chat.getPermalink tells it."""
    if not known.address:
        return None
    thread = f"?thread_ts={told.thread_ts}&cid={channel}" if told.is_reply else ""
    return f"{known.address}archives/{channel}/p{told.ts.replace('.', '')}{thread}"


def _said(
    told: Message, channel: str, channel_type: str, known: Directory, raw: Mapping[str, Any], kind: EventKind, edited: Edited | None
) -> Event:
    name, direct = message_id(channel, told.ts), is_direct(channel, channel_type, known)
    root = message_id(channel, told.thread_ts) if told.thread_ts and told.is_reply else None
    return Event(
        id=f"{kind.value}:{name}" + (f":{edited.ts}" if edited else ""),
        kind=kind,
        message_id=name,
        thread_id=root or (channel if direct else ""),
        at=shapes.time(edited.ts) if edited else told.at,
        author=_author(told, known),
        text=_text(told, known),
        html=markup.html(told.blocks, known.name),
        parent_id=root,
        post=None if direct else _room(channel, known),
        conversation_kind=ConversationKind.DIRECT if direct else ConversationKind.COMMENTS,
        mentions=markup.mentions(told.text),
        attachments=tuple(_file(file) for file in told.files if file.mode not in GONE),
        permalink=permalink(known, channel, told),
        client_key=client_key(told.metadata),
        raw=raw,
    )


def _author(told: Message, known: Directory) -> Author:
    """A person, or an app that speaks under a name of its own."""
    is_self = bool((told.user and told.user == known.user_id) or (told.bot_id and told.bot_id == known.bot_id))
    if is_self:
        return known.author(known.user_id, is_self=True)
    if told.user and not (told.username and told.bot_id):
        return known.author(told.user, is_self=False)
    name = told.username or (told.bot_profile.name if told.bot_profile else "") or told.bot_id or "Slack"
    return Author(told.user or told.bot_id or "slack", name, roles=("bot",))


def _text(told: Message, known: Directory) -> str:
    """The words; of an app that has none, those in its boxes. What was passed on stands below."""
    own = markup.own_emoji(told.blocks)
    words = markup.plain(told.text, known.name, own)
    shared = [box for box in told.attachments if box.get("is_share")]
    boxes = shared if words else list(told.attachments)
    parts = [words] if words else [_block(block) for block in told.blocks if block.get("type") != "rich_text"]
    parts += [markup.plain(_box(box), known.name, own) for box in boxes]
    return "\n\n".join(part for part in parts if part)


def _block(block: Json) -> str:
    """https://docs.slack.dev/reference/block-kit/blocks: sections, headers, contexts"""
    inner = [block.get("text"), *(cast("list[Any]", block.get("elements")) if isinstance(block.get("elements"), list) else [])]
    return "\n".join(
        str(cast("Json", part).get("text")) for part in inner if isinstance(part, dict) and isinstance(cast("Json", part).get("text"), str)
    )


def _box(box: Json) -> str:
    """https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments"""
    parts = [box.get(name) for name in ("author_name", "pretext", "title", "text")]
    words = [part for part in parts if isinstance(part, str) and part]
    return "\n".join(words) or str(box.get("fallback") or "")


def _file(file: File) -> Attachment:
    """A file that Slack keeps, or the address of one that it does not."""
    url = file.url_private if file.is_external else f"{SCHEME}{file.id}"
    return Attachment(file.name or file.title or file.id, file.mimetype or "application/octet-stream", url=url, size=file.size)


def _room(channel: str, known: Directory) -> Post:
    listed = known.channels.get(channel)
    title = f"#{listed.name}" if listed and listed.name else ""
    return Post(channel, title=title, url=f"{known.address}archives/{channel}" if known.address else None, is_room=True)
