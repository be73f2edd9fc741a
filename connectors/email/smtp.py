"""Handing a mail in, with an exact answer to the question whether the server may have it."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib.protocol import normalize_message_line_endings

from connectors.email.compose import Outgoing
from connectors.email.config import Security
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, Transient

READY = 354  # the server waits for the mail
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach the server; `token` fetches an access token, else `password` counts, else nobody signs in."""

    host: str
    port: int
    security: Security
    seconds: float
    tls: ssl.SSLContext
    user: str = ""
    password: str = ""
    token: Callable[[], Awaitable[str]] | None = None


async def deliver(route: Route, mail: Outgoing) -> None:
    """Hand in a mail for all its recipients or for none.

    `Ambiguous` only when the last line was handed to the network and no answer came: before it no server takes a mail,
    after it any may have.
    """
    async with _connected(route) as client:
        with _naming("does not accept this sender"):
            options = [f"size={len(mail.source)}"] if client.supports_extension("size") else []
            await client.mail(mail.sender, options=[*options, *(["SMTPUTF8"] if mail.international else [])], encoding=_encoding(client, mail))
        for recipient in mail.recipients:
            with _naming(f"does not accept {recipient}, so nothing was sent"):
                await client.rcpt(recipient, encoding=_encoding(client, mail))
        await _hand_over(client, route, mail.source)


async def check(route: Route) -> None:
    """Prove that mail could be handed in."""
    async with _connected(route) as client:
        await client.noop()


@asynccontextmanager
async def _connected(route: Route) -> AsyncGenerator[aiosmtplib.SMTP]:
    client = aiosmtplib.SMTP(
        hostname=route.host,
        port=route.port,
        use_tls=route.security is Security.TLS,
        start_tls=route.security is Security.STARTTLS,
        tls_context=route.tls if route.security is not Security.NONE else None,
        timeout=route.seconds,
        local_hostname="localhost",
    )
    try:
        with _naming("does not let us in"):
            await client.connect()
            await client.ehlo()
        await _sign_in(client, route)
        yield client
        await _say_goodbye(client)
    finally:
        client.close()
