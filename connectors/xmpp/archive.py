"""The archives of the account and of its rooms, page by page (https://xmpp.org/extensions/xep-0313.html, xep-0059.html)."""

import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from connectors.xmpp import ids
from connectors.xmpp.connection import Connection
from connectors.xmpp.entering import ARCHIVE
from connectors.xmpp.stanzas import MESSAGE, node

RSM = "{http://jabber.org/protocol/rsm}"
FORM = "{jabber:x:data}"
FORWARDED, DELAY = "{urn:xmpp:forward:0}forwarded", "{urn:xmpp:delay}delay"
STANZA_ID, ORIGIN_ID = "{urn:xmpp:sid:0}stanza-id", "{urn:xmpp:sid:0}origin-id"
CARBONS = "{urn:xmpp:carbons:2}"
PAGE = 100


@dataclass(frozen=True, slots=True)
class Told:
    """A message as an archive has it, or as it was heard: then `entry` is "" unless the archive's name for it came along.

    `archive`: "" for the account's own, else the room's address. `at`: as the archive writes it.
    """

    stanza: Element
    archive: str = ""
    entry: str = ""
    at: str = ""

    @property
    def client_id(self) -> str:
        """How the sender's client calls it: https://xmpp.org/extensions/xep-0359.html"""
        origin = self.stanza.find(ORIGIN_ID)
        return (origin.get("id", "") if origin is not None else "") or self.stanza.get("id", "")

    def moment(self) -> datetime:
        found = datetime.fromisoformat(self.at)
        return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(slots=True)
class Page:
    entries: list[Told] = field(default_factory=list[Told])  # oldest first
    first: str = ""
    last: str = ""
    is_complete: bool = True
    at: str = ""  # of the last


async def page(
    connection: Connection, archive: str, *, after: str = "", before: str | None = None, start: str = "", person: str = "", most: int = PAGE
) -> Page:
    """Entries after one (oldest first from there), or the newest before one; `before=""`: the newest of all."""
    query, whose = uuid.uuid4().hex, archive or connection.account
    told = {"FORM_TYPE": ARCHIVE[1:-1], "start": start, "with": person}
    fields = [node(f"{FORM}field", {"var": key}, node(f"{FORM}value", {}, value)) for key, value in told.items() if value]
    limits = [node(f"{RSM}max", {}, str(most))]
    if after:
        limits.append(node(f"{RSM}after", {}, after))
    if before is not None:
        limits.append(node(f"{RSM}before", {}, before))
    form = node(f"{FORM}x", {"type": "submit"}, *fields)
    connection.entries[query] = (whose, found := [])
    try:
        wish = node(f"{ARCHIVE}query", {"queryid": query}, form, node(f"{RSM}set", {}, *limits))
        fin = (await connection.ask("set", whose, wish)).find(f"{ARCHIVE}fin")
    finally:
        del connection.entries[query]
    entries = [_entry(result, archive) for result in found]
    if fin is None:
        return Page(entries)
    ends = (fin.findtext(f"{RSM}set/{RSM}first") or "", fin.findtext(f"{RSM}set/{RSM}last") or "")
    at = entries[-1].at if entries else ""
    return Page(entries, *ends, fin.get("complete") in {"true", "1"} or not ends[1], at)


async def back(connection: Connection, archive: str, before: str, person: str, pages: int) -> AsyncGenerator[Told]:
    """From the newest before an entry (all: "") towards the oldest, so many pages."""
    for _ in range(pages):
        found = await page(connection, archive, before=before, person=person)
        for entry in reversed(found.entries):
            yield entry
        before = found.first
        if found.is_complete or not before:
            return


def heard(stanza: Element, connection: Connection) -> Told:
    """A message as it came, with what the archive that it is in calls it. A copy counts only from our own server."""
    for kind in ("sent", "received"):
        copy = stanza.find(f"{CARBONS}{kind}/{FORWARDED}/{MESSAGE}")
        if copy is not None and stanza.get("from", connection.account) == connection.account:
            stanza = copy
    sender = ids.bare(stanza.get("from", ""))
    is_of_room = sender in connection.rooms and stanza.get("type") == "groupchat"
    whose = sender if is_of_room else connection.account
    has_archive = connection.rooms[sender].has_archive if is_of_room else connection.has_archive
    named = (found.get("id", "") for found in stanza.iterfind(STANZA_ID) if ids.bare(found.get("by", "")) == whose)
    known = {whose, whose.partition("@")[2]}  # anybody may say when they said it
    stamps = (found.get("stamp", "") for found in stanza.iterfind(DELAY) if found.get("from") in known)
    at = next(stamps, "") or datetime.now(UTC).isoformat()
    return Told(stanza, sender if is_of_room else "", next(named, "") if has_archive else "", at)


def _entry(result: Element, archive: str) -> Told:
    forwarded = result.find(FORWARDED)
    stanza = forwarded.find(MESSAGE) if forwarded is not None else None
    delay = forwarded.find(DELAY) if forwarded is not None else None
    return Told(
        stanza if stanza is not None else node(MESSAGE),
        archive,
        result.get("id", ""),
        delay.get("stamp", "") if delay is not None else "",
    )
