"""The encrypted front of the outgoing server.

Debian 12's opensmtpd answers every TLS handshake with an internal error (it was not made for OpenSSL 3), so encryption and
sign-in are done here, in front of it; everything else is the real server.
"""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.servers.mailservers import MailServers


@dataclass
class Submission:
    """A running front: where to connect, and who signed in."""

    port: int = 0
    signed_in: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def submission(servers: MailServers, *, implicit: bool) -> AsyncIterator[Submission]:
    """TLS from the start (`implicit`) or by STARTTLS; takes the servers' password and their tokens."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(servers.home / "certificate.pem", servers.home / "key.pem")
    front = Submission()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection("127.0.0.1", servers.smtp_port)
        try:
            await _Session(servers, front, reader, writer, *behind).run(None if implicit else context)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            behind[1].transport.abort()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context if implicit else None)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class _Session:
    servers: MailServers
    front: Submission
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    behind_reader: asyncio.StreamReader
    behind_writer: asyncio.StreamWriter
    trusted: bool = False

    async def run(self, upgrade: ssl.SSLContext | None) -> None:
        await self._pass_answer()
        while line := await self.reader.readline():
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"EHLO":
                offers = [b"STARTTLS"] if upgrade else [b"AUTH PLAIN XOAUTH2"]
                self.writer.write(b"".join(b"250-%s\r\n" % offer for offer in [b"front", *offers]) + b"250 SIZE\r\n")
                await self._ask_behind(line)
            elif verb == b"STARTTLS" and upgrade:
                self.writer.write(b"220 2.0.0 Go ahead\r\n")
                await self.writer.drain()
                await self.writer.start_tls(upgrade)
                upgrade = None
            elif verb == b"AUTH":
                await self._sign_in(line.split())
            elif verb == b"MAIL" and not self.trusted:
                self.writer.write(b"530 5.7.0 Sign in first\r\n")
            elif verb == b"DATA":
                await self._pass(line)
                await self._pass_mail()
            else:
                await self._pass(line)
            await self.writer.drain()

    async def _sign_in(self, words: list[bytes]) -> None:
        method, given = words[1].upper(), base64.b64decode(words[2])
        if method == b"PLAIN":
            _, user, password = given.decode().split("\0")
            self.trusted = password == self.servers.password
        else:
            user = given.decode().split("\1")[0].removeprefix("user=")
            token = given.decode().split("\1")[1].removeprefix("auth=Bearer ")
            self.trusted = self.servers.tokens.get(token) == user
            if not self.trusted:
                self.writer.write(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
                await self.reader.readline()
        if self.trusted:
            self.front.signed_in.append(user)
        self.writer.write(b"235 2.7.0 Welcome\r\n" if self.trusted else b"535 5.7.8 Not you, hunter2-is-my-secret\r\n")

    async def _pass(self, line: bytes) -> None:
        self.behind_writer.write(line)
        await self._pass_answer()

    async def _pass_mail(self) -> None:
        while (line := await self.reader.readline()) != b".\r\n":
            self.behind_writer.write(line)
        await self._pass(line)

    async def _pass_answer(self) -> None:
        self.writer.write(await self._answer_behind())

    async def _ask_behind(self, line: bytes) -> None:
        self.behind_writer.write(line)
        await self._answer_behind()

    async def _answer_behind(self) -> bytes:
        answer = b""
        while True:
            line = await self.behind_reader.readline()
            answer += line
            if line[3:4] != b"-":
                return answer
