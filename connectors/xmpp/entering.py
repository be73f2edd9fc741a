"""Coming into a room, and what a server or a room says that it can do.

https://xmpp.org/extensions/xep-0045.html#enter, https://xmpp.org/extensions/xep-0030.html
"""

import asyncio
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from connectors.xmpp import refusals
from connectors.xmpp.rooms import MUC, Room
from connectors.xmpp.stanzas import PRESENCE, node
from inbox.contract import Permanent

if TYPE_CHECKING:
    from connectors.xmpp.connection import Connection

ARCHIVE = "{urn:xmpp:mam:2}"
DISCO, ITEMS = "{http://jabber.org/protocol/disco#info}", "{http://jabber.org/protocol/disco#items}"
PING = "{urn:xmpp:ping}ping"
NICKS = 4  # that are tried


async def enter(connection: "Connection", room: Room) -> None:
    """Without history: the archive has it. A taken nick gets a sign more."""
    for _ in range(NICKS):
        answer = await _knock(connection, room)
        if room.was_made_by(answer):
            await connection.say(node(PRESENCE, {"to": f"{room.address}/{room.nick}", "type": "unavailable"}))
            raise Permanent("There is no such room.")
        if answer.get("type") != "error":
            room.is_entered = True
            await _learn(connection, room)
            return
        error = refusals.of_stanza(answer)
        if not (isinstance(error, refusals.Refusal) and error.condition == "conflict"):
            raise error
        room.nick += "_"
    raise Permanent("Somebody else has the nick.")


async def is_in(connection: "Connection", room: Room) -> bool:
    """https://xmpp.org/extensions/xep-0410.html: whoever is not in a room cannot ping from there."""
    answer = await connection.ask("get", f"{room.address}/{room.nick}", node(PING), may_fail=True)
    error = refusals.of_stanza(answer) if answer.get("type") == "error" else None
    return not (isinstance(error, refusals.Refusal) and error.condition in {"not-acceptable", "item-not-found"})


async def offers(connection: "Connection", address: str, feature: str) -> bool:
    answer = await connection.ask("get", address, node(f"{DISCO}query"), may_fail=True)
    return any(found.get("var") == feature for found in answer.iter(f"{DISCO}feature"))


async def _knock(connection: "Connection", room: Room) -> Element:
    """What the room says to us: our own presence in it, or an error."""
    joined = connection.joining[room.address] = asyncio.get_running_loop().create_future()
    wish = node(f"{MUC}x", {}, node(f"{MUC}history", {"maxstanzas": "0"}))
    try:
        return await connection.awaited(joined, node(PRESENCE, {"to": f"{room.address}/{room.nick}"}, wish))
    finally:
        connection.joining.pop(room.address, None)


async def _learn(connection: "Connection", room: Room) -> None:
    told = await connection.ask("get", room.address, node(f"{DISCO}query"))
    features = {feature.get("var") for feature in told.iter(f"{DISCO}feature")}
    room.has_archive = ARCHIVE[1:-1] in features
    room.shows_addresses = "muc_nonanonymous" in features
    room.title = next((found.get("name", "") for found in told.iter(f"{DISCO}identity")), "")
