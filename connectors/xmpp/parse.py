"""Messages as events. Pure: which message an event is about is found out by whoever reads.

https://xmpp.org/extensions/xep-0308.html (corrections), xep-0424.html (retractions), xep-0425.html (moderation), xep-0444.html (reactions),
xep-0461.html (replies), xep-0184.html and xep-0333.html (received and read)
"""

import re
from dataclasses import dataclass, replace
from typing import Any
from xml.etree.ElementTree import Element

from connectors.xmpp import ids, refusals, said, words
from connectors.xmpp.archive import Told
from connectors.xmpp.rooms import USER
from connectors.xmpp.said import Ours, Said
from connectors.xmpp.stanzas import CLIENT
from inbox.contract import Event, EventKind

CORRECTION = "{urn:xmpp:message-correct:0}replace"
RETRACTION, OLD_RETRACTION = "{urn:xmpp:message-retract:1}", "{urn:xmpp:message-retract:0}"
OLD_TARGET = "{urn:xmpp:fasten:0}apply-to"  # https://xmpp.org/extensions/attic/xep-0424-0.3.0.html
MODERATED, OLD_MODERATED = "{urn:xmpp:message-moderate:1}moderated", "{urn:xmpp:message-moderate:0}moderated"
TOMBSTONES = (f"{RETRACTION}retracted", f"{OLD_RETRACTION}retracted", OLD_MODERATED)
REACTIONS = "{urn:xmpp:reactions:0}"
REPLY = "{urn:xmpp:reply:0}reply"
RECEIVED, DISPLAYED = "{urn:xmpp:receipts}received", "{urn:xmpp:chat-markers:0}displayed"
MENTION = "{urn:xmpp:reference:0}reference"
MEANINGLESS = {
    "{http://jabber.org/protocol/chatstates}": "somebody is typing",
    f"{CLIENT}subject": "a new subject",
    "{http://jabber.org/protocol/pubsub#event}": "news of somebody's devices or pictures",
    "{jabber:x:conference}": "an invitation",
    USER: "an invitation, or news about a room",
    "{urn:xmpp:jingle-message:": "a call",
    words.OMEMO: "keys being exchanged",
    words.OLD_OMEMO: "keys being exchanged",
}


class Passed(Exception):
    """Nothing for the inbox; the message says why."""


@dataclass(frozen=True, slots=True)
class About:
    """The message that an event is about: by its client's id (`is_called`), or the room's. `writer` "": either side of a chat."""

    name: str
    writer: str = ""
    is_called: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An event as far as it is known from itself, where it was said, and what is still to be found out."""

    event: Event
    said: Said
    about: About | None = None


def read(told: Told, ours: Ours) -> Found:
    """Raises Passed when it is nothing for people, ValueError when it cannot be read."""
    spoken, stanza = said.of(told, ours), told.stanza
    if stanza.get("type") == "error":
        return _failure(spoken)
    if stanza.get("type") == "headline":
        raise Passed("a headline")
    if spoken.where == ours.account:
        raise Passed("a note of the account to itself")
    for look in (_retraction, _reaction, _sign, _correction):
        found = look(spoken, stanza)
        if found is not None:
            return found
    return Found(_message(spoken, stanza), spoken)


def _message(spoken: Said, stanza: Element) -> Event:
    text, files = words.of(stanza)
    if any(stanza.find(name) is not None for name in TOMBSTONES):
        raise Passed("it was taken back before it was read")
    if not text and not files:
        raise Passed(_reason(stanza))
    if spoken.author.is_self and ids.is_part(spoken.told.client_id):
        raise Passed("a file of our own reply")
    event = spoken.event(EventKind.MESSAGE, spoken.own_name(), text=text, mentions=_mentions(spoken, text))
    return replace(
        event,
        attachments=files,
        parent_id=_parent(spoken, stanza),
        post=spoken.room.post() if spoken.room is not None else None,
        client_key=(spoken.told.client_id or None) if spoken.author.is_self else None,
    )


def _failure(spoken: Said) -> Found:
    """A message of ours that came back."""
    if spoken.side != ids.IN:
        raise Passed("an error in a room")
    reason = str(refusals.of_stanza(spoken.told.stanza))
    return Found(spoken.event(EventKind.DELIVERY, spoken.name(_target(spoken.told.stanza), ids.OUT), text=reason), spoken)


def _retraction(spoken: Said, stanza: Element) -> Found | None:
    found, old = stanza.find(f"{RETRACTION}retract"), stanza.find(OLD_TARGET)
    if found is None and old is not None and (old.find(f"{OLD_RETRACTION}retract") is not None or old.find(OLD_MODERATED) is not None):
        found = old
    if found is None:
        return None
    if spoken.room is None:
        return _change(EventKind.DELETE, spoken, About(_target(found), spoken.writer, is_called=True))
    is_moderated = found.find(MODERATED) is not None or found.find(OLD_MODERATED) is not None
    if is_moderated and not ids.resource(stanza.get("from", "")):  # the room itself says so
        return Found(spoken.event(EventKind.DELETE, spoken.name(_target(found))), spoken)
    return _change(EventKind.DELETE, spoken, About(_target(found), spoken.writer))


def _reaction(spoken: Said, stanza: Element) -> Found | None:
    """All that somebody has on the message now. One of them is shown: the newest."""
    found = stanza.find(f"{REACTIONS}reactions")
    if found is None:
        return None
    emoji = next(reversed([(one.text or "").strip() for one in found.iterfind(f"{REACTIONS}reaction")]), "")
    if spoken.room is not None:
        return Found(spoken.event(EventKind.REACTION, spoken.name(_target(found)), text=emoji), spoken)
    return _change(EventKind.REACTION, spoken, About(_target(found), is_called=True), text=emoji)


def _sign(spoken: Said, stanza: Element) -> Found | None:
    """That a message of ours has arrived, or was read."""
    received, displayed = stanza.find(RECEIVED), stanza.find(DISPLAYED)
    found = received if received is not None else displayed
    if found is None:
        return None
    if spoken.side != ids.IN:
        raise Passed("a sign of arrival")
    kind, text = (EventKind.DELIVERY, "delivered") if found is received else (EventKind.READ, "")
    return Found(spoken.event(kind, spoken.name(_target(found), ids.OUT), text=text), spoken)


def _correction(spoken: Said, stanza: Element) -> Found | None:
    found = stanza.find(CORRECTION)
    if found is None:
        return None
    text, _ = words.of(stanza)
    about = About(_target(found), spoken.writer, is_called=True)
    return _change(EventKind.EDIT, spoken, about, text=text, mentions=_mentions(spoken, text))


def _change(kind: EventKind, spoken: Said, about: About, **more: Any) -> Found:
    """In a chat a reaction is to the other side's message, as long as nothing else is known."""
    side = spoken.other_side if kind == EventKind.REACTION and spoken.room is None else spoken.side
    return Found(spoken.event(kind, spoken.name(about.name, side), **more), spoken, about)


def _parent(spoken: Said, stanza: Element) -> str | None:
    reply = stanza.find(REPLY)
    if reply is None or not reply.get("id"):
        return None
    if spoken.room is not None:
        return spoken.name(reply.get("id", ""))
    is_to_us = ids.bare(reply.get("to", "")) == spoken.account
    return spoken.name(reply.get("id", ""), ids.OUT if is_to_us else ids.IN)


def _mentions(spoken: Said, text: str) -> tuple[str, ...]:
    """Our nick in a room, and whoever is named by address: https://xmpp.org/extensions/xep-0372.html"""
    named = (found.get("uri", "") for found in spoken.told.stanza.iterfind(MENTION) if found.get("type") == "mention")
    people = [ids.bare(uri.removeprefix("xmpp:").partition("?")[0]) for uri in named]
    if spoken.room is not None and re.search(rf"(?<![\w-]){re.escape(spoken.room.nick)}(?![\w-])", text, re.IGNORECASE):
        people.append(spoken.account)
    return tuple(dict.fromkeys(people))


def _target(element: Element) -> str:
    name = element.get("id", "")
    if not name:
        raise Passed("about nothing")
    return name


def _reason(stanza: Element) -> str:
    return next((why for child in stanza for space, why in MEANINGLESS.items() if child.tag.startswith(space)), "without words")
