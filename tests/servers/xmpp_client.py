"""Somebody on XMPP with slixmpp: a client that knows nothing of ours, and so says whether we speak as others do."""

import asyncio
import ssl
import uuid
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import slixmpp

PLUGINS = ("xep_0030", "xep_0045", "xep_0066", "xep_0085", "xep_0184", "xep_0199", "xep_0280", "xep_0313", "xep_0333", "xep_0363")


class Person(slixmpp.ClientXMPP):
    def __init__(self, address: str, password: str, trust: ssl.SSLContext, port: int) -> None:
        super().__init__(f"{address}/{uuid.uuid4().hex[:6]}", password)
        self.address, self.port, self.trust = address, port, trust
        self.nick = address.partition("@")[0]
        self.got: list[Element] = []
        self.came = asyncio.Condition()
        self.is_here = asyncio.Event()
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.plugin["xep_0184"].auto_ack = False
        self.add_event_handler("session_start", self._started)
        self.register_handler(
            slixmpp.xmlstream.handler.CoroutineCallback("all", slixmpp.xmlstream.matcher.MatchXPath("{jabber:client}message"), self._hear)
        )

    def get_ssl_context(self) -> ssl.SSLContext:
        return self.trust

    async def begin(self, *rooms: str) -> None:
        self.connect("127.0.0.1", self.port)
        await self.is_here.wait()
        for room in rooms:
            await self.plugin["xep_0045"].join_muc_wait(slixmpp.JID(room), self.nick, maxstanzas=0, timeout=20)

    async def end(self) -> None:
        await self.disconnect(wait=1)
        if self._run_out_filters is not None:  # goes on for ever otherwise, and is complained about
            self._run_out_filters.cancel()
            await asyncio.wait([self._run_out_filters])

    async def _started(self, _: Any) -> None:
        self.send_presence()
        await self.plugin["xep_0280"].enable()
        self.is_here.set()

    async def _hear(self, stanza: Any) -> None:
        async with self.came:
            self.got.append(stanza.xml)
            self.came.notify_all()

    def say(self, to: str, text: str = "", *more: str, room: bool = False, name: str = "") -> str:
        """A message with a body, and whatever else is given as XML. Returns the id."""
        name = name or str(uuid.uuid4())
        message = self.make_message(slixmpp.JID(to), mtype="groupchat" if room else "chat")
        message["id"] = name
        if text:
            message["body"] = text
        message.xml.append(fromstring(f'<origin-id xmlns="urn:xmpp:sid:0" id="{name}"/>'))
        for one in more:
            message.xml.append(fromstring(one))
        message.send()
        return name

    async def hears(self, words: str) -> Element:
        """The next message with these words, wherever in it they are."""
        async with asyncio.timeout(20), self.came:
            while True:
                found = next((one for one in self.got if words in tostring(one, encoding="unicode")), None)
                if found is not None:
                    self.got.remove(found)
                    return found
                await self.came.wait()

    async def settled(self) -> None:
        """The server has dealt with everything that we said before."""
        await self.plugin["xep_0199"].send_ping(slixmpp.JID(self.address.partition("@")[2]), timeout=20)
