"""Direct messages as notifications tell them: Messenger's shapes, which Instagram uses too.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events and
https://developers.facebook.com/documentation/instagram-platform/webhooks/examples
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from connectors.meta import words
from connectors.meta.hooks import Passed
from connectors.meta.parts import Part
from connectors.meta.shapes import Moment, Person, Several, Shape, Words
from inbox.contract import Author, Event, EventKind

THREAD = "dm:"  # begins the thread of a direct chat: the customer's id alone might be a comment's
FURTHER = "#"  # in the metadata of a further message of one reply of ours


class ReplyTo(Shape):
    mid: str | None = None
    story: words.Story | None = None


class Message(Shape):
    mid: str
    text: Words = ""
    is_echo: bool = False
    is_deleted: bool = False
    is_unsupported: bool = False
    metadata: str | None = None
    attachments: Annotated[tuple[words.Piece, ...], Several] = ()
    reply_to: ReplyTo | None = None


class Edit(Shape):
    mid: str
    text: Words = ""
    num_edit: Words = ""


class Reaction(Shape):
    mid: str
    action: str = "react"
    emoji: Words = ""
    reaction: Words = ""


class Read(Shape):
    watermark: Moment | None = None
    mid: str | None = None


class Delivery(Shape):
    mids: Annotated[tuple[str, ...], Several] = ()


class Postback(Shape):
    mid: str | None = None
    title: Words = ""
    payload: Words = ""


class Item(Shape):
    """One entry of `messaging`; at most one of the optional fields is there."""

    sender: Person = Person()
    recipient: Person = Person()
    timestamp: Moment
    message: Message | None = None
    message_edit: Edit | None = None
    reaction: Reaction | None = None
    read: Read | None = None
    delivery: Delivery | None = None
    postback: Postback | None = None


@dataclass(frozen=True, slots=True)
class Chat:
    """Who talks to whom. `ours`: the account as an author."""

    thread_id: str
    customer: Author
    ours: Author

    def by(self, *, ours: bool) -> Author:
        return self.ours if ours else self.customer


def read(part: Part, ours: Author, app: str) -> Sequence[Event]:
    """The events of one item. `app`: where people look at what cannot be shown here."""
    given = part.value
    item = Item.model_validate({"timestamp": part.at, **given})
    is_ours = item.sender.id == ours.id
    customer = item.recipient if is_ours else item.sender
    if not customer.id:
        raise Passed("a message of nobody")
    chat = Chat(THREAD + customer.id, Author(customer.id, customer.name or customer.username, customer.username or None), ours)
    if item.message is not None:
        return [_said(item.message, item.timestamp, chat, is_ours or item.message.is_echo, part, app)]
    if item.message_edit is not None:
        edit = item.message_edit
        return [
            _event(f"edit:{edit.mid}:{edit.num_edit or item.timestamp.isoformat()}", EventKind.EDIT, edit.mid, item, chat, part, edit.text)
        ]
    if item.reaction is not None:
        reaction = item.reaction
        text = "" if reaction.action == "unreact" else reaction.emoji or words.EMOJI.get(reaction.reaction, "❤️")
        event_id = f"reaction:{reaction.mid}:{item.sender.id}:{item.timestamp.timestamp()}"
        return [_event(event_id, EventKind.REACTION, reaction.mid, item, chat, part, text, ours=is_ours)]
    if item.read is not None:
        return [_seen(item.read, item, chat, part)]
    if item.delivery is not None:
        return [_event(f"delivery:{mid}", EventKind.DELIVERY, mid, item, chat, part, "delivered") for mid in item.delivery.mids]
    if item.postback is not None:
        return [_pressed(item.postback, item.timestamp, chat, part)]
    raise Passed(f"messaging {next((name for name in given if name not in Item.model_fields), 'nothing')}"[:80])


def _said(message: Message, at: datetime, chat: Chat, is_ours: bool, part: Part, app: str) -> Event:
    if message.is_deleted:
        return Event(f"delete:{message.mid}", EventKind.DELETE, message.mid, chat.thread_id, at, chat.by(ours=is_ours), raw=part.raw)
    key = message.metadata or None
    if is_ours and key is not None and FURTHER in key:
        raise Passed("a further file of a reply of ours")
    story = message.reply_to.story if message.reply_to else None
    text, files = words.read(message.text, message.attachments, story)
    if not text and not files:
        text = words.UNKNOWN.format(app=app)
    return Event(
        id=f"message:{message.mid}",
        kind=EventKind.MESSAGE,
        message_id=message.mid,
        thread_id=chat.thread_id,
        at=at,
        author=chat.by(ours=is_ours),
        text=text,
        parent_id=message.reply_to.mid if message.reply_to else None,
        attachments=files,
        client_key=key if is_ours else None,
        raw=part.raw,
    )


def _event(event_id: str, kind: EventKind, mid: str, item: Item, chat: Chat, part: Part, text: str = "", *, ours: bool = False) -> Event:
    return Event(event_id, kind, mid, chat.thread_id, item.timestamp, chat.by(ours=ours), text, raw=part.raw)


def _seen(seen: Read, item: Item, chat: Chat, part: Part) -> Event:
    """Messenger tells up to when, Instagram the last message."""
    at = seen.watermark or item.timestamp
    return Event(f"read:{chat.thread_id}:{at.timestamp()}", EventKind.READ, seen.mid or "", chat.thread_id, at, chat.customer, raw=part.raw)


def _pressed(postback: Postback, at: datetime, chat: Chat, part: Part) -> Event:
    """A button: its title is what the customer says with it."""
    mid = postback.mid or f"postback:{chat.customer.id}:{at.timestamp()}"
    text = postback.title or postback.payload
    return Event(f"message:{mid}", EventKind.MESSAGE, mid, chat.thread_id, at, chat.customer, text, raw=part.raw)


def customer(thread_id: str | None) -> str | None:
    """The customer's id of a direct chat; None when the thread is none."""
    return thread_id.removeprefix(THREAD) if thread_id and thread_id.startswith(THREAD) else None
