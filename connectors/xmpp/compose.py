"""Replies and acts as messages."""

import hashlib
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from connectors.xmpp import ids
from connectors.xmpp.archive import ORIGIN_ID
from connectors.xmpp.parse import CORRECTION, REACTIONS, REPLY, RETRACTION
from connectors.xmpp.rooms import USER, Room
from connectors.xmpp.stanzas import BODY, CLIENT, MESSAGE, node
from connectors.xmpp.words import FALLBACK, OOB, REPLY_SPACE
from inbox.contract import Permanent, Reply

STORE = "{urn:xmpp:hints}store"
LIKE = "👍"


@dataclass(frozen=True, slots=True)
class Target:
    """Where something goes: a room, or somebody."""

    address: str
    room: Room | None = None
    thread: str = ""

    def message(self, name: str, *inner: Element) -> Element:
        """A message that keeps its id: https://xmpp.org/extensions/xep-0359.html"""
        thread = [node(f"{CLIENT}thread", {}, self.thread)] if self.thread else []
        whisper = [node(f"{USER}x")] if self.room is None and ids.resource(self.address) else []
        told = {"to": self.address, "type": "groupchat" if self.room is not None else "chat", "id": name}
        return node(MESSAGE, told, *inner, node(ORIGIN_ID, {"id": name}), *thread, *whisper)


def target(reply: Reply, rooms: dict[str, Room]) -> Target:
    """The person of a chat, whoever is answered in private, or the room."""
    thread = ids.split(reply.thread_id)
    if thread.kind != ids.THREAD and reply.thread_id:
        return Target(reply.thread_id)
    if reply.private:
        if not reply.recipient or "@" not in reply.recipient:
            raise Permanent("Nobody knows whom to tell this.")
        return Target(reply.recipient)
    return Target(*_room(thread.where or reply.post_id or ids.split(reply.parent_id or "").where, rooms), thread.id)


def of_message(name: ids.Name, rooms: dict[str, Room]) -> Target:
    """Where a message was said."""
    if name.kind == ids.ROOM:
        return Target(*_room(name.where, rooms))
    if not name.kind:
        raise Permanent("This is no message of XMPP.")
    return Target(name.where)


def words(where: Target, reply: Reply, account: str) -> Element:
    """The text, under the message that it answers. In a room whoever is answered is named, for clients that know no answers."""
    nick = where.room.nick_of(reply.recipient) if where.room is not None and reply.recipient else ""
    prefix = f"{nick}: " if nick else ""
    inner = [node(BODY, {}, prefix + reply.text)]
    parent = ids.split(reply.parent_id or "")
    if parent.kind and parent.where == where.address:
        authors = {ids.OUT: account, ids.IN: where.address, ids.ROOM: f"{where.address}/{nick}" if nick else None}
        inner.append(node(REPLY, {"id": parent.id, "to": authors.get(parent.kind)}))
        if prefix:
            part = node(f"{FALLBACK}body", {"start": "0", "end": str(len(prefix))})
            inner.append(node(f"{FALLBACK}fallback", {"for": REPLY_SPACE}, part))
    if where.room is None:
        inner += [node("{urn:xmpp:receipts}request"), node("{urn:xmpp:chat-markers:0}markable")]
    return where.message(reply.key, *inner)


def file(where: Target, name: str, link: str) -> Element:
    """https://xmpp.org/extensions/xep-0066.html: clients show the file where the link is all of the text."""
    return where.message(name, node(BODY, {}, link), node(f"{OOB}x", {}, node(f"{OOB}url", {}, link)))


def reaction(where: Target, about: ids.Name) -> Element:
    found = node(f"{REACTIONS}reactions", {"id": about.id}, node(f"{REACTIONS}reaction", {}, LIKE))
    return where.message(_key("like", about), found, node(STORE))


def correction(where: Target, called: str, about: ids.Name, text: str) -> Element:
    """`called`: how our client called the message."""
    return where.message(_key(f"edit {text}", about), node(BODY, {}, text), node(CORRECTION, {"id": called}))


def retraction(where: Target, about: ids.Name) -> Element:
    hint = node(f"{FALLBACK}fallback", {"for": RETRACTION[1:-1]})
    told = "This person took a message back, which your client cannot do."
    return where.message(_key("delete", about), node(f"{RETRACTION}retract", {"id": about.id}), node(BODY, {}, told), hint, node(STORE))


def _key(what: str, about: ids.Name) -> str:
    return hashlib.sha256(f"{what}\n{about}".encode()).hexdigest()[:32]


def _room(address: str, rooms: dict[str, Room]) -> tuple[str, Room]:
    room = rooms.get(address)
    if room is None:
        raise Permanent("The settings of this channel do not name the room.")
    return address, room
