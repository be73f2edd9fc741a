"""Where a message was said, and by whom. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.xmpp import ids
from connectors.xmpp.archive import Told
from connectors.xmpp.rooms import USER, Room
from connectors.xmpp.stanzas import CLIENT, text, written
from inbox.contract import Author, ConversationKind, Event, EventKind

NICK = "{http://jabber.org/protocol/nick}nick"


@dataclass(frozen=True, slots=True)
class Ours:
    """Who we are, and which rooms we are in."""

    account: str
    rooms: Mapping[str, Room]


@dataclass(frozen=True, slots=True)
class Said:
    """`writer`: as nobody else in this place is called. `where`: the room, or whom the chat is with. `side`: IN, OUT or ROOM."""

    told: Told
    author: Author
    writer: str
    where: str
    side: str
    account: str
    room: Room | None = None

    @property
    def other_side(self) -> str:
        return ids.OUT if self.side == ids.IN else ids.IN

    @property
    def event_id(self) -> str:
        return ids.event(self.told.archive or self.account, self.told.entry)

    def name(self, client_id: str, side: str = "") -> str:
        return ids.join(side or self.side, client_id, self.where)

    def own_name(self) -> str:
        """A room's archive gives the name. A client's that is short comes again: then the archive's is taken in a chat too."""
        entry, client_id = self.told.entry, self.told.client_id
        is_unique = self.room is None and (self.author.is_self or len(client_id) >= ids.SHORTEST)
        return self.name((client_id if is_unique else entry or client_id) or entry or self.event_id)

    def event(self, kind: EventKind, message_id: str, **more: Any) -> Event:
        thread = text(self.told.stanza, f"{CLIENT}thread")
        in_room = ids.join(ids.THREAD, thread, self.where) if thread else ""
        return Event(
            id=self.event_id,
            kind=kind,
            message_id=message_id,
            thread_id=in_room if self.room is not None else self.where,
            at=self.told.moment(),
            author=self.author,
            conversation_kind=ConversationKind.COMMENTS if self.room is not None else ConversationKind.DIRECT,
            private=self.room is None,
            raw={"archive": self.told.archive, "entry": self.told.entry, "at": self.told.at, "stanza": written(self.told.stanza)},
            **more,
        )


def of(told: Told, ours: Ours) -> Said:
    """Raises ValueError when the message does not say from whom it is."""
    stanza = told.stanza
    sender = stanza.get("from", "")
    if not sender:
        raise ValueError("the message does not say from whom it is")
    if told.archive:
        room = ours.rooms[told.archive]
        author, writer = room.author(stanza, ours.account)
        return Said(told, author, writer, room.address, ids.ROOM, ours.account, room)
    is_ours = ids.bare(sender) == ours.account
    other = stanza.get("to", ours.account) if is_ours else sender
    is_of_room = ids.bare(other) in ours.rooms or stanza.find(f"{USER}x") is not None
    where = ids.bare(other) + (f"/{ids.resource(other)}" if is_of_room and ids.resource(other) else "")
    if is_ours:
        return Said(told, Author(ours.account, ours.account, handle=ours.account, is_self=True), ids.OUT, where, ids.OUT, ours.account)
    name = ids.resource(where) or text(stanza, NICK).strip() or where.partition("@")[0]
    return Said(told, Author(where, name, handle=where), ids.IN, where, ids.IN, ours.account)
