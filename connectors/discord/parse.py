"""Discord's messages, changes and reactions as events. Pure.

https://docs.discord.com/developers/events/gateway-events#messages. A message's id is "CHANNEL/MESSAGE": every request about it needs both.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.discord import markup, nonces
from connectors.discord.rooms import Room
from connectors.discord.shapes import Channel, Message
from inbox.contract import Author, Event, EventKind

SAID = {0, 19, 20, 23}  # what people and programs say: plain, an answer, and what a command brings
ANSWER = 0  # a reference to what is answered; 1 passes something on


class Passed(Exception):
    """It means nothing here; the reason is counted."""


def message(told: Message, room: Room, author: Author, channels: Mapping[str, Channel]) -> Event:
    """A message as it stands now."""
    if told.type not in SAID:
        raise Passed(f"a notice of the type {told.type}")
    return _said(told, room, author, channels, EventKind.MESSAGE, f"message:{name(told)}", told.timestamp)


def edit(told: Message, room: Room, author: Author, channels: Mapping[str, Channel]) -> Event:
    """A message with its new words."""
    if told.edited_timestamp is None or told.type not in SAID:
        raise Passed("an update that changed no words")
    at = told.edited_timestamp
    return _said(told, room, author, channels, EventKind.EDIT, f"edit:{name(told)}:{at.isoformat()}", at)


def deletion(channel: str, number: str, now: datetime) -> Event:
    """A message that is gone. Nobody tells when."""
    return Event(f"delete:{channel}/{number}", EventKind.DELETE, f"{channel}/{number}", "", now)


def reaction(event_id: str, target: str, room: Room, author: Author, emoji: str, now: datetime) -> Event:
    """Somebody's reaction as it stands now; "" where none is left. Nobody tells when."""
    return Event(event_id, EventKind.REACTION, target, room.thread_id, now, author, emoji, conversation_kind=room.kind)


def name(told: Message) -> str:
    return f"{told.channel_id}/{told.id}"


def _said(
    told: Message, room: Room, author: Author, channels: Mapping[str, Channel], kind: EventKind, event_id: str, at: datetime
) -> Event:
    people = {user.id: (user.member and user.member.nick) or user.global_name or user.username for user in told.mentions}
    return Event(
        id=event_id,
        kind=kind,
        message_id=name(told),
        thread_id=room.thread_id,
        at=at,
        author=author,
        text=markup.words(told, room.naming(channels, people)),
        parent_id=_parent(told, room),
        post=room.post(),
        conversation_kind=room.kind,
        mentions=_mentions(told, room),
        attachments=markup.files(told),
        permalink=room.link(told.id),
        client_key=nonces.key(told.nonce) if author.is_self else None,
        raw=_raw(told),
    )


def _parent(told: Message, room: Room) -> str | None:
    """The message answered; in a thread else the one that it began with."""
    answered = told.message_reference
    if answered is not None and answered.type == ANSWER and answered.message_id is not None:
        return f"{answered.channel_id or told.channel_id}/{answered.message_id}"
    return room.starter(told.id)


def _mentions(told: Message, room: Room) -> tuple[str, ...]:
    """Who is named; a role of ours means us."""
    people = [user.id for user in told.mentions]
    return tuple(dict.fromkeys([*people, *([room.me] if room.own_roles & set(told.mention_roles) else [])]))


def _raw(told: Message) -> dict[str, Any]:
    return told.model_dump(mode="json", exclude_defaults=True)
