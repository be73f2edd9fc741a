"""An XMPP server for one client, as its documents say: https://www.rfc-editor.org/rfc/rfc6120 (streams, signing in, binding),
https://xmpp.org/extensions/xep-0030.html, xep-0045.html (rooms), xep-0059.html and xep-0313.html (archives).
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from xml.etree.ElementTree import Element

from connectors.xmpp import Xmpp
from connectors.xmpp.stanzas import IQ, MESSAGE, Reader, written
from tests.connectors.conformance import MORNING

PASSWORD = "hunter2hunter2"
US, ANNA = "shop@example.org", "anna@example.org"
ROOM = "bread@rooms.example.org"
NS = {
    "sasl": "urn:ietf:params:xml:ns:xmpp-sasl",
    "stanzas": "urn:ietf:params:xml:ns:xmpp-stanzas",
    "disco": "http://jabber.org/protocol/disco#info",
    "items": "http://jabber.org/protocol/disco#items",
    "rsm": "http://jabber.org/protocol/rsm",
    "muc": "http://jabber.org/protocol/muc#user",
}
Answer = Callable[[Element], list[str] | None]


class Entry(NamedTuple):
    id: str
    at: str
    stanza: str


def moment(seconds: float) -> str:
    return (MORNING + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def error(stanza: Element, condition: str, kind: str = "cancel") -> list[str]:
    """The stanza comes back."""
    told = f'<error type="{kind}"><{condition} xmlns="{NS["stanzas"]}"/></error>'
    name = stanza.tag.rpartition("}")[2]
    return [f'<{name} type="error" id="{stanza.get("id")}" from="{stanza.get("to")}" to="{US}/here">{told}</{name}>']


def stream_error(condition: str) -> str:
    return f'<stream:error><{condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error></stream:stream>'


def silence(stanza: Element) -> None:
    del stanza


@dataclass
class Server:
    """`on_message` says something else than a server that takes it; None: nothing ever after."""

    mechanisms: tuple[str, ...] = ("PLAIN",)
    refuses: str = ""  # a failure instead of signing us in
    greets: str = ""  # instead of the first features
    keeps: bool = True  # archives
    anonymous: bool = True  # the room shows nobody's address
    on_message: Answer | None = None
    on_join: Answer | None = None
    archives: dict[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    forgotten: set[str] = field(default_factory=set[str])  # entries that an archive had
    got: list[Element] = field(default_factory=list[Element])
    writers: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])
    forges: str = ""  # what somebody else slips into the archive's answers
    is_deaf: bool = False  # no ping is answered
    is_out: bool = False  # the room does not know us any more
    most: int = 50  # entries in one answer
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            if not await self._sign_in(reader):
                return
            stanzas, silent = Reader(), False
            while raw := await reader.read(65536):
                for stanza in stanzas.feed(raw):
                    self.got.append(stanza)
                    answer = None if silent else self._answer(stanza)
                    silent = answer is None
                    if answer == ["hang up"]:
                        return
                    self.tell(*answer or [])
        except ConnectionError:
            pass
        finally:
            writer.close()

    def tell(self, *stanzas: str) -> None:
        self.writers[-1].write("".join(stanzas).encode())

    def say(
        self, sender: str, stanza: str, *, entry: str = "", seconds: float = 0, name: str = "", kind: str = "chat", to: str = US
    ) -> str:
        """Said, kept where an archive would, and told to whoever is there."""
        whose = sender.partition("/")[0] if kind == "groupchat" else US
        told = {"from": sender, "to": ANNA if sender.startswith(US) else US, "type": kind, "id": name or f"client-id-{entry}"}
        head = "<message" + "".join(f' {key}="{value}"' for key, value in told.items()) + f">{stanza}"
        if entry:
            self.archives.setdefault(whose, []).append(Entry(entry, moment(seconds), f"{head}</message>"))
        return f'{head}<stanza-id xmlns="urn:xmpp:sid:0" by="{whose}" id="{entry}"/></message>' if entry else f"{head}</message>"

    def hang_up(self) -> None:
        self.writers[-1].close()

    async def _sign_in(self, reader: asyncio.StreamReader) -> bool:
        await reader.readuntil(b">")
        await reader.readuntil(b">")
        ways = "".join(f"<mechanism>{name}</mechanism>" for name in self.mechanisms)
        self._open(self.greets or f'<stream:features><mechanisms xmlns="{NS["sasl"]}">{ways}</mechanisms></stream:features>')
        if self.greets:
            return False
        said = await reader.readuntil(b"</auth>")
        given = base64.b64decode(said.rpartition(b"</auth>")[0].rpartition(b">")[2]).decode().split("\0")
        failure = "" if given == ["", "shop", PASSWORD] else "not-authorized"
        if self.refuses or failure:
            self.tell(f'<failure xmlns="{NS["sasl"]}"><{self.refuses or failure}/></failure>')
            return False
        self.tell(f'<success xmlns="{NS["sasl"]}"/>')
        await reader.readuntil(b"?>")
        self._open('<stream:features><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></stream:features>')
        return True

    def _open(self, features: str) -> None:
        head = '<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams" version="1.0" from="example.org">'
        self.tell(f"<?xml version='1.0'?>{head}{features}")

    def _answer(self, stanza: Element) -> list[str] | None:
        if stanza.tag == IQ:
            return self._iq(stanza)
        if stanza.tag == MESSAGE:
            return (self.on_message or self._take)(stanza)
        return self.on_join(stanza) if self.on_join and stanza.get("to") else self._join(stanza)

    def _take(self, stanza: Element) -> list[str]:
        """A room says it to everybody, with its own name for it; a chat's other side says nothing."""
        if stanza.get("type") != "groupchat":
            return []
        self.sent += 1
        inner = "".join(written(child) for child in stanza)
        mark = f'<stanza-id xmlns="urn:xmpp:sid:0" by="{ROOM}" id="sent-{self.sent}"/>'
        return [f'<message type="groupchat" id="{stanza.get("id")}" from="{ROOM}/shop" to="{US}/here">{inner}{mark}</message>']

    def _join(self, stanza: Element) -> list[str]:
        to = stanza.get("to", "")
        if not to or stanza.get("type") == "unavailable":
            return []
        item = '<item affiliation="member" role="participant"/>'
        return [f'<presence from="{to}" to="{US}/here"><x xmlns="{NS["muc"]}">{item}<status code="110"/></x></presence>']

    def _iq(self, stanza: Element) -> list[str]:
        payload = stanza[0]
        space, _, name = payload.tag.removeprefix("{").partition("}")
        inner = ""
        if name == "ping" and (self.is_deaf or (self.is_out and "/" in stanza.get("to", ""))):
            return [] if self.is_deaf else error(stanza, "not-acceptable")
        if name == "bind":
            inner = f'<bind xmlns="{space}"><jid>{US}/here</jid></bind>'
        elif space == NS["disco"]:
            room = "" if self.anonymous else '<feature var="muc_nonanonymous"/>'
            kept = '<feature var="urn:xmpp:mam:2"/>' if self.keeps else ""
            inner = f'<query xmlns="{space}"><identity category="conference" type="text" name="Bread"/>{kept}{room}</query>'
        elif space == NS["items"]:
            inner = f'<query xmlns="{space}"/>'
        elif space == "urn:xmpp:mam:2":
            return self._archive(stanza, payload)
        return [f'<iq type="result" id="{stanza.get("id")}" from="{stanza.get("to") or US}" to="{US}/here">{inner}</iq>']

    def _archive(self, stanza: Element, query: Element) -> list[str]:
        whose, rsm = stanza.get("to", US), f"{{{NS['rsm']}}}"
        entries = self.archives.get(whose, [])
        after, before = query.findtext(f".//{rsm}after"), query.find(f".//{rsm}before")
        if after in self.forgotten:
            return error(stanza, "item-not-found")
        form = {found.get("var"): found[0].text or "" for found in query.iter("{jabber:x:data}field")}
        entries = [one for one in entries if one.at >= form.get("start", "") and (form.get("with") or "") in one.stanza]
        names = [one.id for one in entries]
        most = min(int(query.findtext(f".//{rsm}max") or self.most), self.most)
        if before is not None:
            end = names.index(before.text) if before.text else len(entries)
            shown, is_complete = entries[max(end - most, 0) : end], end <= most
        else:
            begin = names.index(after) + 1 if after else 0
            shown, is_complete = entries[begin : begin + most], begin + most >= len(entries)
        ends = f"<first>{shown[0].id}</first><last>{shown[-1].id}</last>" if shown else ""
        fin = f'<fin xmlns="urn:xmpp:mam:2" complete="{str(is_complete).lower()}"><set xmlns="{NS["rsm"]}">{ends}</set></fin>'
        results = [_result(whose, query.get("queryid", ""), one) for one in shown]
        if self.forges:
            false = _result(whose, query.get("queryid", ""), Entry("forged", moment(0), self.forges))
            results.insert(0, false.replace(f'from="{whose}"', 'from="mallory@example.org"', 1))
        return [*results, f'<iq type="result" id="{stanza.get("id")}" from="{whose}" to="{US}/here">{fin}</iq>']


def _result(whose: str, query: str, entry: Entry) -> str:
    delay = f'<delay xmlns="urn:xmpp:delay" stamp="{entry.at}"/>'
    forwarded = (
        f'<forwarded xmlns="urn:xmpp:forward:0">{delay}{entry.stanza.replace("<message", "<message xmlns=" + repr("jabber:client"), 1)}'
    )
    result = f'<result xmlns="urn:xmpp:mam:2" queryid="{query}" id="{entry.id}">{forwarded}</forwarded></result>'
    return f'<message from="{whose}" to="{US}/here">{result}</message>'


def settings(port: int, **more: object) -> dict[str, object]:
    return {"address": US, "password": PASSWORD, "host": "127.0.0.1", "port": port, "tls": False, "rooms": ROOM, "nick": "shop", **more}


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[int]:
    """The port at which it listens."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        for writer in server.writers:
            writer.close()


@asynccontextmanager
async def connected(server: Server, **more: object) -> AsyncIterator[Xmpp]:
    async with running(server) as port:
        xmpp = Xmpp(Xmpp.Config.model_validate(settings(port, **more)))
        try:
            yield xmpp
        finally:
            await xmpp.aclose()
