"""One IMAP connection: aioimaplib reads the wire; here are encryption on demand, an end to every wait, and silence in the log."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from aioimaplib import aioimaplib

from connectors.email import network
from inbox.contract import Permanent, Transient

Result = TypeVar("Result")
Line = bytes | bytearray  # a bytearray is a literal: the source of a mail

# Its debug lines hold whole mails and, for tokens, the credentials.
logging.getLogger("aioimaplib").setLevel(logging.WARNING)

SLICE = 4096  # bytes handed over at once: the library calls itself once for each line of a chunk
LONGEST = 3600.0  # seconds for one FETCH, which is bounded by silence instead


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one command; `closing` is the text beside its OK or NO."""

    ok: bool
    lines: list[Line]
    closing: bytes


class Protocol(aioimaplib.IMAP4ClientProtocol):
    """The library's protocol, which also counts mail and gets out of a refused sign-in."""

    transport: asyncio.Transport | None
    idle_queue: asyncio.Queue[list[bytes]]
    capabilities: set[str]
    tasks: set[asyncio.Future[Any]]
    exists = 0  # mails in the selected folder, as the server last said

    def data_received(self, d: bytes) -> None:
        for start in range(0, len(d), SLICE):
            super().data_received(d[start : start + SLICE])

    def _untagged_response(self, line: bytes) -> aioimaplib.Command:
        words = line.split()
        if len(words) == 3 and words[2].upper() == b"EXISTS" and words[1].isdigit():
            self.exists = int(words[1])
        return super()._untagged_response(line)

    def _continuation(self, line: bytes) -> None:
        """A refused token comes with a challenge: the server says no only after an empty answer."""
        command: aioimaplib.Command | None = self.pending_sync_command
        if command is not None and command.name == "AUTHENTICATE":
            self.send("")
        else:
            super()._continuation(line)


class Connection:
    """Commands and their answers; a lost or silent connection is a `Transient`."""

    def __init__(self, host: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._host = host
        self._seconds = seconds
        self._lost: asyncio.Future[None] = loop.create_future()
        self.protocol = Protocol(loop, self._lose)

    @classmethod
    async def open(cls, host: str, port: int, seconds: float, tls: ssl.SSLContext | None) -> Self:
        """Connect and wait for the greeting. `seconds`: how long the server may be silent."""
        connection = cls(host, seconds)
        loop = asyncio.get_running_loop()
        name = host if tls else None
        try:
            reached = await network.connect(host, port, seconds, name="The incoming mail server")
            await connection.ask(loop.create_connection(lambda: connection.protocol, sock=reached, ssl=tls, server_hostname=name))
            await connection.ask(connection.protocol.wait("AUTH|NONAUTH"))
        except BaseException:
            connection.drop()
            raise
        return connection

    async def ask(self, question: Awaitable[Result], seconds: float | None = None) -> Result:
        """Wait for an answer, but neither on a lost connection nor for longer than is allowed."""
        task = asyncio.ensure_future(question)
        try:
            await asyncio.wait({task, self._lost}, timeout=seconds or self._seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except (aioimaplib.AioImapException, OSError) as error:
            raise Transient(f"The incoming mail server fails: {_describe(error)}.") from None
        finally:
            if not task.done():
                task.cancel()
        lost = self._lost.done()
        raise Transient("The incoming mail server closed the connection." if lost else "The incoming mail server does not answer any more.")

    async def command(self, verb: str, *arguments: str, prefix: str = "", literal: bytes | None = None) -> Answer:
        """Give one command. A FETCH may take as long as its data flows."""
        protocol = self.protocol
        tag, loop = protocol.new_tag(), asyncio.get_running_loop()
        try:
            if verb == "FETCH":
                command = aioimaplib.FetchCommand(tag, *arguments, prefix=prefix, loop=loop, timeout=self._seconds)
            else:
                untagged = "FETCH" if verb == "STORE" else verb
                command = aioimaplib.Command(verb, tag, *arguments, prefix=prefix, untagged_resp_name=untagged, loop=loop)
        except ValueError:
            raise Permanent("A name or password has a line break in it.") from None
        protocol.literal_data = literal
        response: Any = await self.ask(protocol.execute(command), LONGEST if verb == "FETCH" else None)
        lines: list[Line] = response.lines
        return Answer(response.result == "OK", lines[:-1], bytes(lines[-1]) if lines else b"")

    async def capability(self) -> set[str]:
        """What the server can do now: more after the sign-in than before."""
        await self.ask(self.protocol.capability())
        return self.protocol.capabilities

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Ask for encryption and switch to it; what came before it is forgotten (RFC 3501, 6.2.1)."""
        answer = await self.command("STARTTLS")
        transport = self.protocol.transport
        if not answer.ok or transport is None:
            raise Transient("The incoming mail server offers no STARTTLS.")
        self.protocol.incomplete_line = b""
        upgrade = asyncio.get_running_loop().start_tls(transport, self.protocol, context, server_hostname=self._host)
        self.protocol.transport = await self.ask(upgrade)
        await self.capability()

    async def idle(self, seconds: float, known: int) -> None:
        """Until the server announces something, at most so long. `known`: `exists` before the last look.

        What was announced between that look and the start of the idling is not announced again, so it is compared.
        """
        protocol = self.protocol
        queue = protocol.idle_queue
        loop = asyncio.get_running_loop()
        idling = asyncio.ensure_future(protocol.execute(aioimaplib.IdleCommand(protocol.new_tag(), queue, loop=loop)))
        try:
            await self.ask(protocol.wait_for_idle_response())
            if protocol.exists == known:
                await self._first(queue.get(), seconds)
            protocol.idle_done()
            await self.ask(idling)
        finally:
            idling.cancel()
        while not queue.empty():
            queue.get_nowait()

    async def pause(self, seconds: float) -> None:
        """Wait, unless the connection is lost."""
        await asyncio.wait({self._lost}, timeout=seconds)

    def drop(self) -> None:
        """Close without a farewell."""
        for task in self.protocol.tasks:
            task.cancel()
        if self.protocol.transport is not None:
            self.protocol.transport.abort()

    async def _first(self, event: Awaitable[object], seconds: float) -> None:
        task = asyncio.ensure_future(event)
        try:
            await asyncio.wait({task, self._lost}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()

    def _lose(self, error: Exception | None) -> None:
        del error
        if not self._lost.done():
            self._lost.set_result(None)


def _describe(error: BaseException) -> str:
    """What happened, without the command that it happened to: that may hold the password."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as expected"
    if isinstance(error, TimeoutError | aioimaplib.CommandTimeout):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
