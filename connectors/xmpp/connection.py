"""One connection of an account: signing in, staying there, asking, and hearing who answers.

Two things tell what became of a message: in a room the room says it back, with its own id for it; else a ping follows, whose answer says
that the server has dealt with everything before. A refusal would have come first.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Generator
from xml.etree.ElementTree import Element

from connectors import http
from connectors.xmpp import entering, ids, refusals, signing
from connectors.xmpp.config import XmppConfig
from connectors.xmpp.entering import ARCHIVE, PING
from connectors.xmpp.rooms import Room
from connectors.xmpp.stanzas import IQ, MESSAGE, PRESENCE, Malformed, node
from connectors.xmpp.wire import Wire
from inbox.contract import Ambiguous, ConnectorError, Permanent, Transient

SILENCE = 90.0  # seconds after which the server is asked whether it is there
WAITING = 5_000  # stanzas that nobody has read yet; more end the connection
CARBONS = "{urn:xmpp:carbons:2}enable"


class Connection:
    def __init__(self, config: XmppConfig) -> None:
        self._config = config
        self._wire = Wire(config.domain)
        self.account, self.address = config.address, config.address  # without and with the resource
        self.has_archive = False
        self.rooms = {address: Room(address, config.nickname) for address in config.room_addresses}
        self.refused: dict[str, ConnectorError] = {}  # rooms that did not let us in
        self.heard: asyncio.Queue[Element | None] | None = None  # where somebody listens
        self.entries: dict[str, tuple[str, list[Element]]] = {}  # of archives that are being asked: by query, whose, and what came
        self._asked: dict[str, asyncio.Future[Element]] = {}
        self.joining: dict[str, asyncio.Future[Element]] = {}
        self._watched: dict[tuple[str, str], asyncio.Future[Element]] = {}  # our messages, by whom they went to and their id
        self._listening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._listening is not None and not self._listening.done()

    async def open(self) -> None:
        """Connect, sign in, and be in the rooms."""
        with _translated():
            async with asyncio.timeout(_patience()):
                self.address = await signing.sign_in(self._wire, self._config)
                self.account = ids.bare(self.address)
        self._listening = asyncio.create_task(self._listen())
        await self.ask("set", None, node(CARBONS), may_fail=True)
        self.has_archive = await entering.offers(self, self.account, ARCHIVE[1:-1])
        await self.say(node(PRESENCE))
        for room in self.rooms.values():
            try:
                await entering.enter(self, room)
            except Permanent as error:
                self.refused[room.address] = Permanent(f"The room {room.address} cannot be entered. {error}")

    def listen(self) -> "asyncio.Queue[Element | None]":
        """From now on everything that comes; None at the connection's end."""
        self.heard = asyncio.Queue(WAITING)
        return self.heard

    def stop_listening(self, heard: "asyncio.Queue[Element | None]") -> None:
        if self.heard is heard:
            self.heard = None

    async def say(self, *elements: Element) -> None:
        await self._wire.say(*elements)

    async def ask(self, kind: str, to: str | None, payload: Element, *, may_fail: bool = False) -> Element:
        """A question and its answer. `may_fail`: a refusal is an answer too."""
        name = uuid.uuid4().hex  # that nobody guesses: only who was asked can answer
        answered = self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            answer = await self.awaited(answered, node(IQ, {"type": kind, "to": to, "id": name}, payload))
        finally:
            self._asked.pop(name, None)
        if answer.get("type") == "error" and not may_fail:
            raise refusals.of_stanza(answer)
        return answer

    async def awaited(self, answer: "asyncio.Future[Element]", *said: Element) -> Element:
        """What somebody answers to this."""
        with _translated():
            await self.say(*said)
            async with asyncio.timeout(_patience()):
                return await answer

    async def deliver(self, to: str, name: str, *messages: Element) -> Element | None:
        """Say messages, all at once; what the room made of that with this id. Raises Ambiguous when nobody can tell what was taken."""
        if not self.is_open:
            raise Transient("The connection to the server broke.")
        room = self.rooms.get(to)
        watched = self._watched[to, name] = asyncio.get_running_loop().create_future()
        try:
            await self.say(*messages)
            if room is None:
                await self.ask("get", self._config.domain, node(PING), may_fail=True)
                answer = watched.result() if watched.done() else None
            else:
                async with asyncio.timeout(_patience()):
                    answer = await watched
        except (OSError, TimeoutError, Transient):
            raise Ambiguous("The server did not say whether it took the message.") from None
        finally:
            self._watched.pop((to, name), None)
        if answer is not None and answer.get("type") == "error":
            raise refusals.of_stanza(answer)
        return answer

    async def aclose(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        await self._wire.aclose()

    async def _listen(self) -> None:
        try:
            while True:
                await self._take(await self._next())
        except (OSError, asyncio.QueueFull, Malformed, ConnectorError):
            pass  # whoever waits is told below, and connects anew
        finally:
            for waiting in (*self._asked.values(), *self.joining.values(), *self._watched.values()):
                if not waiting.done():
                    waiting.set_exception(OSError())
                    waiting.exception()  # nobody may be waiting any more
            if self.heard is not None:
                while self.heard.full():
                    self.heard.get_nowait()
                self.heard.put_nowait(None)

    async def _next(self) -> Element:
        """The next stanza; a silent server is asked whether it is there."""
        try:
            async with asyncio.timeout(SILENCE):
                return await self._wire.hear()
        except TimeoutError:
            await self.say(node(IQ, {"type": "get", "id": "there", "to": self._config.domain}, node(PING)))
        async with asyncio.timeout(SILENCE):
            return await self._wire.hear()

    async def _take(self, stanza: Element) -> None:
        if stanza.tag == IQ:
            await self._take_iq(stanza)
        elif stanza.tag == PRESENCE:
            self._take_presence(stanza)
        elif stanza.tag == MESSAGE:
            self._take_message(stanza)

    async def _take_iq(self, stanza: Element) -> None:
        name, kind = stanza.get("id", ""), stanza.get("type")
        if kind in {"result", "error"}:
            answered = self._asked.get(name)
            if answered is not None and not answered.done():
                answered.set_result(stanza)
            return
        back = {"to": stanza.get("from"), "id": name}
        if stanza.find(PING) is not None:
            await self.say(node(IQ, {**back, "type": "result"}))
        else:
            refused = node("{jabber:client}error", {"type": "cancel"}, node(f"{refusals.STANZAS}service-unavailable"))
            await self.say(node(IQ, {**back, "type": "error"}, refused))

    def _take_presence(self, stanza: Element) -> None:
        room = self.rooms.get(ids.bare(stanza.get("from", "")))
        if room is None:
            return
        joined = self.joining.get(room.address)
        if stanza.get("type") == "error":
            if joined is not None and not joined.done():
                joined.set_result(stanza)
        elif not room.see(stanza) and room.is_entered:
            raise Transient("Somebody has put us out of a room.")
        elif joined is not None and not joined.done() and room.is_ours(stanza):
            joined.set_result(stanza)

    def _take_message(self, stanza: Element) -> None:
        sender = stanza.get("from", self.account)
        result = stanza.find(f"{ARCHIVE}result")
        if result is not None:
            query = self.entries.get(result.get("queryid", ""))
            if query is not None and query[0] == ids.bare(sender):
                query[1].append(result)
            return
        room = self.rooms.get(ids.bare(sender))
        if room is not None:
            room.hear(stanza)
        is_ours = stanza.get("type") == "error" or (room is not None and ids.resource(sender) == room.nick)
        for to in (sender, ids.bare(sender)):
            watched = self._watched.get((to, stanza.get("id", "")))
            if is_ours and watched is not None and not watched.done():
                watched.set_result(stanza)
        if self.heard is not None:
            self.heard.put_nowait(stanza)


@contextlib.contextmanager
def _translated() -> Generator[None]:
    """What goes wrong before anything was said, as the contract's errors."""
    try:
        yield
    except TimeoutError:
        raise Transient("The server did not answer in time.") from None
    except (OSError, ValueError):
        raise Transient("The connection to the server broke.") from None


def _patience() -> float:
    return http.TIMEOUT.read or 20.0
