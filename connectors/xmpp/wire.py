"""The way to a server: one connection, made safe with STARTTLS, that says and hears elements (https://www.rfc-editor.org/rfc/rfc6120)."""

import asyncio
import contextlib
import ssl
from functools import cache
from xml.etree.ElementTree import Element

import httpx

from connectors import http
from connectors.xmpp import refusals, stanzas
from connectors.xmpp.stanzas import STREAM, node, written
from inbox.contract import AuthError, Permanent

TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
CHUNK = 64 * 1024


class Wire:
    """`domain`: whose server it has to prove to be."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._below: asyncio.StreamWriter | None = None  # TLS: a writer that nobody holds closes its connection
        self._parser = stanzas.Reader()
        self._heard: list[Element] = []

    async def connect(self, host: str, port: int) -> None:
        await http.check(host, port, name="The server")
        address = (await http.resolve(host, port))[0]
        self._reader, self._writer = await asyncio.open_connection(address, port)

    async def begin(self) -> Element:
        """A stream, from its beginning: what the server offers in it."""
        self._parser = stanzas.Reader()
        head = f'<stream:stream xmlns="jabber:client" xmlns:stream="{STREAM[1:-1]}" version="1.0" to="{self._domain}">'
        await self._write(f"<?xml version='1.0'?>{head}".encode())
        features = await self.hear()
        if features.tag != f"{STREAM}features":
            raise OSError
        return features

    async def secure(self) -> None:
        """https://www.rfc-editor.org/rfc/rfc6120#section-5: what was heard before TLS counts for nothing."""
        await self.say(node(f"{TLS}starttls"))
        if (await self.hear()).tag != f"{TLS}proceed" or self._heard or self._writer is None:
            raise AuthError("The server does not begin TLS as it should.")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport = await loop.start_tls(self._writer.transport, protocol, trusted(), server_hostname=self._domain)
        except ssl.SSLCertVerificationError:
            raise Permanent(f"The server's certificate does not prove that it is {self._domain}.") from None
        if transport is None:
            raise OSError
        protocol.connection_made(transport)
        self._below = self._writer
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def hear(self) -> Element:
        """The next element. Raises OSError at the end of the connection."""
        while not self._heard:
            if self._parser.is_over:
                raise OSError
            raw = await self._reader.read(CHUNK)
            if not raw:
                raise OSError
            self._heard = self._parser.feed(raw)
        found = self._heard.pop(0)
        if found.tag == f"{STREAM}error":
            raise refusals.of_stream(found)
        return found

    async def say(self, *elements: Element) -> None:
        await self._write("".join(map(written, elements)).encode(errors="replace"))

    async def _write(self, raw: bytes) -> None:
        if self._writer is None:
            raise OSError
        self._writer.write(raw)
        await self._writer.drain()

    async def aclose(self) -> None:
        if self._writer is None:
            return
        with contextlib.suppress(OSError, RuntimeError):
            async with asyncio.timeout(1):
                await self._write(b"</stream:stream>")
                self._writer.close()
                await self._writer.wait_closed()
        self._writer.transport.abort()


@cache
def trusted() -> ssl.SSLContext:
    """Whom we believe, once for all accounts."""
    return httpx.create_ssl_context(trust_env=False)
