"""Handing files in at the server's store, for a link to them (https://xmpp.org/extensions/xep-0363.html)."""

from typing import Any
from xml.etree.ElementTree import Element

from connectors import http
from connectors.xmpp.connection import Connection
from connectors.xmpp.entering import DISCO, ITEMS
from connectors.xmpp.stanzas import node
from inbox.contract import Attachment, Permanent

UPLOAD = "{urn:xmpp:http:upload:0}"
FORM = "{jabber:x:data}"
HEADERS = {"authorization", "cookie", "expires"}  # that a store may ask for


class Store:
    """`find` it once for each connection."""

    def __init__(self, address: str, largest: int | None) -> None:
        self.address, self._largest = address, largest

    async def put(self, connection: Connection, client: http.Client, file: Attachment) -> str:
        """The link; nobody knows it before a message has it."""
        content = file.content or b""
        if self._largest is not None and len(content) > self._largest:
            raise Permanent(f"The server takes files of at most {self._largest} bytes.")
        told = {"filename": file.name or "file", "size": str(len(content)), "content-type": file.media_type}
        slot = (await connection.ask("get", self.address, node(f"{UPLOAD}request", told))).find(f"{UPLOAD}slot")
        put, get = (slot.find(f"{UPLOAD}put"), slot.find(f"{UPLOAD}get")) if slot is not None else (None, None)
        if put is None or get is None or not get.get("url"):
            raise Permanent("The server does not say where to put files.")
        asked: dict[str, Any] = {found.get("name", ""): found.text or "" for found in put.iterfind(f"{UPLOAD}header")}
        headers = {key: value.replace("\n", "") for key, value in asked.items() if key.lower() in HEADERS}
        await client.fetch("PUT", put.get("url", ""), content=content, headers={**headers, "content-type": file.media_type})
        return get.get("url", "")


async def find(connection: Connection, domain: str) -> Store:
    """The store of our server."""
    listed = await connection.ask("get", domain, node(f"{ITEMS}query"))
    for address in [domain, *(item.get("jid", "") for item in listed.iter(f"{ITEMS}item"))]:
        told = await connection.ask("get", address, node(f"{DISCO}query"), may_fail=True)
        if any(feature.get("var") == UPLOAD[1:-1] for feature in told.iter(f"{DISCO}feature")):
            return Store(address, _largest(told))
    raise Permanent("The server takes no files.")


def _largest(told: Element) -> int | None:
    for field in told.iter(f"{FORM}field"):
        value = field.findtext(f"{FORM}value") or ""
        if field.get("var") == "max-file-size" and value.isdecimal():
            return int(value)
    return None
