"""Notifications become events: messages, echoes of the business app, and what became of ours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connectors.meta import errors
from connectors.meta.hooks import Passed
from connectors.meta.parts import Part
from connectors.meta.shapes import inner
from connectors.whatsapp import words
from connectors.whatsapp.shapes import Fault, Message, Referral, Status, Value
from inbox.contract import Author, Event, EventKind, Post

OURS = "parley:"  # before our key, so that nobody takes another program's for it
LEFT_OUT = {"system", "request_welcome"}  # types of message that nobody said


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, and who of the two speaks."""

    thread_id: str
    author: Author
    part: Part


def account(part: Part) -> str:
    """The number that a change is about; what is about the whole business is left out."""
    metadata = inner(part.value, "metadata")
    if not metadata:
        raise Passed(f"changes of {part.field}"[:80])
    return Value.model_validate({"metadata": metadata}).metadata.phone_number_id


def read(part: Part, number: str) -> Sequence[Event]:
    """The one message or status of a part."""
    if part.field not in {"messages", "smb_message_echoes"}:
        raise Passed(f"changes of {part.field}"[:80])
    value = Value.model_validate(part.value)
    ours = Author(number, "WhatsApp", is_self=True)
    for message in value.message_echoes:
        thread = _named(message.to or message.to_user_id)
        return [_said(message, Place(thread, ours, part))]
    for status in value.statuses:
        return _became(status, _named(status.recipient_id or status.recipient_user_id), ours, part)
    for message in value.messages:
        thread = _named(message.sender or message.from_user_id)
        return [_said(message, Place(thread, _customer(value, thread), part))]
    raise Passed("errors" if "errors" in part.value else "a change without a message")


def _named(name: str) -> str:
    if not name:
        raise ValueError("nobody is named")
    return name


def _customer(value: Value, name: str) -> Author:
    contact = next((one for one in value.contacts if name in {one.wa_id, one.user_id}), None)
    if contact is None:
        return Author(name, "")
    handle = contact.profile.username or (f"+{name}" if name.isdecimal() else None)
    return Author(name, contact.profile.name, handle)


def _said(message: Message, place: Place) -> Event:
    """A message, or what was done to one."""
    if message.type in LEFT_OUT:
        raise Passed(f"message {message.type}")
    if message.type == "reaction" and message.reaction is not None:
        about = message.reaction
        return _event(f"reaction:{message.id}", EventKind.REACTION, about.message_id, message, place, about.emoji)
    if message.type == "revoke" and message.revoke is not None:
        name = message.revoke.original_message_id
        return _event(f"delete:{name}", EventKind.DELETE, name, message, place)
    if message.type == "edit" and message.edit is not None:
        text, _ = words.read(message.edit.message)
        return _event(f"edit:{message.id}", EventKind.EDIT, message.edit.original_message_id, message, place, text)
    text, files = words.read(message)
    said = _event(f"message:{message.id}", EventKind.MESSAGE, message.id, message, place, text)
    post = None if message.referral is None else _advertised(message.referral)
    return replace(said, attachments=files, parent_id=message.context.id if message.context else None, post=post)


def _event(event_id: str, kind: EventKind, name: str, message: Message, place: Place, text: str = "") -> Event:
    return Event(event_id, kind, name, place.thread_id, message.timestamp, place.author, text, raw=place.part.raw)


def _advertised(referral: Referral) -> Post:
    """The ad that the customer came from."""
    media = referral.image_url or referral.thumbnail_url
    return Post(f"ad:{referral.source_id}", referral.headline, referral.body, referral.source_url, (media,) if media else ())


def _became(status: Status, thread_id: str, ours: Author, part: Part) -> Sequence[Event]:
    """`sent` is an echo without words: it tells by our key that a doubtful reply has arrived at WhatsApp."""
    key = status.biz_opaque_callback_data or ""
    key = key.removeprefix(OURS) if key.startswith(OURS) else ""
    told = Event(f"{status.status}:{status.id}", EventKind.DELIVERY, status.id, thread_id, status.timestamp, raw=part.raw)
    if status.status == "sent" and key:
        return [replace(told, kind=EventKind.MESSAGE, author=ours, client_key=key)]
    if status.status == "delivered":
        return [replace(told, text="delivered")]
    if status.status == "failed":
        return [replace(told, text=_reason(status.errors))]
    if status.status in {"read", "played"}:
        return [replace(told, kind=EventKind.READ, author=Author(thread_id, ""))]
    raise Passed(f"status {status.status}"[:80])


def _reason(faults: Sequence[Fault]) -> str:
    if not faults:
        return "WhatsApp does not say why it could not be delivered."
    fault = faults[0]
    details = fault.error_data.details if fault.error_data else ""
    return errors.CLOSED.get(fault.code) or f"WhatsApp could not deliver it: {details or fault.title or fault.message or fault.code}"
