"""What is known about a room: who is in it, how they stand there, and what it is called.

https://xmpp.org/extensions/xep-0045.html, https://xmpp.org/extensions/xep-0421.html (occupants' ids)
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from connectors.xmpp import ids
from connectors.xmpp.stanzas import CLIENT, text
from inbox.contract import Author, Post

MUC = "{http://jabber.org/protocol/muc}"
USER = "{http://jabber.org/protocol/muc#user}"
OCCUPANT = "{urn:xmpp:occupant-id:0}occupant-id"
ITSELF, MADE, RENAMED = "110", "201", "303"


@dataclass(frozen=True, slots=True)
class Occupant:
    """Somebody in a room. `address`: their own, where the room shows it; `id`: the room's for them, whatever their nick."""

    address: str = ""
    id: str = ""
    roles: tuple[str, ...] = ()

    @classmethod
    def of(cls, stanza: Element) -> "Occupant":
        item, occupant = stanza.find(f"{USER}x/{USER}item"), stanza.find(OCCUPANT)
        told = (item.get("affiliation", ""), item.get("role", "")) if item is not None else ()
        address = ids.bare(item.get("jid", "")) if item is not None else ""
        roles = tuple(role for role in told if role not in {"", "none", "participant"})
        return cls(address, occupant.get("id", "") if occupant is not None else "", roles)


@dataclass(slots=True)
class Room:
    address: str
    nick: str
    title: str = ""
    subject: str = ""
    is_entered: bool = False
    has_archive: bool = False
    shows_addresses: bool = False
    occupants: dict[str, Occupant] = field(default_factory=dict[str, Occupant])

    @property
    def us(self) -> Occupant:
        return self.occupants.get(self.nick, Occupant())

    def post(self) -> Post:
        return Post(self.address, title=self.title or self.address, text=self.subject, url=f"xmpp:{self.address}?join", is_room=True)

    def author(self, stanza: Element, account: str) -> tuple[Author, str]:
        """Who wrote it, and what tells them from another with the same nick. Their own address is their id where everybody sees it."""
        nick = ids.resource(stanza.get("from", ""))
        told, present = Occupant.of(stanza), self.occupants.get(nick, Occupant())
        is_present = not told.id or told.id == present.id
        address = (told.address or (present.address if is_present else "")) if self.shows_addresses else ""
        is_self = nick == self.nick
        if told.id and self.us.id:
            is_self = told.id == self.us.id
        elif told.address:
            is_self = told.address == account
        name = account if is_self else address or f"{self.address}/{nick}"
        roles = told.roles or (present.roles if is_present else ())
        return Author(name, nick or self.address, handle=nick or None, is_self=is_self, roles=roles), told.id or name

    def nick_of(self, author: str) -> str:
        """How somebody is called here; "" when nobody knows."""
        if ids.bare(author) == self.address:
            return ids.resource(author)
        return next((nick for nick, occupant in self.occupants.items() if occupant.address and occupant.address == author), "")

    def see(self, presence: Element) -> bool:
        """Somebody comes, goes or changes; False when it is we who are out."""
        nick, codes = ids.resource(presence.get("from", "")), _codes(presence)
        if presence.get("type") != "unavailable":
            if ITSELF in codes:
                self.nick = nick  # the room may have given us another
            self.occupants[nick] = Occupant.of(presence)
            return True
        self.occupants.pop(nick, None)
        if nick != self.nick and ITSELF not in codes:
            return True
        item = presence.find(f"{USER}x/{USER}item")
        if RENAMED in codes and item is not None:
            self.nick = item.get("nick", nick)
            return True
        return False

    def is_ours(self, presence: Element) -> bool:
        return ITSELF in _codes(presence)

    def was_made_by(self, presence: Element) -> bool:
        """Whether the room is there only since we came in."""
        return MADE in _codes(presence)

    def hear(self, message: Element) -> None:
        """A message with a subject and no words changes the room's subject."""
        if message.find(f"{CLIENT}subject") is not None and message.find(f"{CLIENT}body") is None:
            self.subject = text(message, f"{CLIENT}subject")


def _codes(presence: Element) -> set[str]:
    return {status.get("code", "") for status in presence.findall(f"{USER}x/{USER}status")}
