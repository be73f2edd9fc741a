"""Handing a mail in, with an exact answer to the question whether the server may have it."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import aiosmtplib
from aiosmtplib.protocol import SMTPProtocol

from connectors.email import network
from connectors.email.compose import Outgoing
from connectors.email.config import Security
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, Transient

READY = 354  # the server waits for the mail
ACCEPTED = 250
STEP = 8.0  # seconds for reaching the server, for signing in, and for the envelope
CHUNK = 64 * 1024
LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Route:
    """How to reach the server; `token` fetches an access token, else `password` counts, else nobody signs in."""

    host: str
    port: int
    security: Security
    seconds: float
    tls: ssl.SSLContext | None
    name: str = "localhost"  # how we introduce ourselves: the domain of the sender
    user: str = ""
    password: str = ""
    token: Callable[[], Awaitable[str]] | None = None
    trusted: bool = False  # chosen by who runs this installation: it may be in a private network


async def deliver(route: Route, mail: Outgoing) -> None:
    """Hand in a mail for all its recipients or for none.

    `Ambiguous` only when the last line was handed to the network and no answer came: before it no server takes a mail,
    after it any may have.
    """
    async with _connected(route) as client:
        options = [f"size={len(mail.source)}"] if client.supports_extension("size") else []
        if mail.international:
            if not client.supports_extension("smtputf8"):
                raise Permanent("The outgoing mail server cannot send to an address with such letters.")
            options.append("SMTPUTF8")
        encoding = "utf-8" if mail.international else "ascii"
        async with _soon():
            with _naming(f"does not accept mail from {mail.sender}"):
                await client.mail(mail.sender, options=options, encoding=encoding)
            for recipient in mail.recipients:
                with _naming(f"does not accept mail to {recipient}, so nothing was sent"):
                    await client.rcpt(recipient, encoding=encoding)
        await _hand_over(client, route, mail.source)


async def check(route: Route) -> None:
    """Prove that mail could be handed in."""
    async with _connected(route) as client:
        await client.noop()


@asynccontextmanager
async def _connected(route: Route) -> AsyncGenerator[aiosmtplib.SMTP]:
    async with _soon():
        reached = None if route.trusted else await network.connect(route.host, route.port, route.seconds, name="The outgoing mail server")
    client = aiosmtplib.SMTP(
        hostname=route.host,
        port=route.port if reached is None else None,
        sock=reached,
        use_tls=route.security is Security.TLS,
        start_tls=route.security is Security.STARTTLS,
        tls_context=route.tls,
        timeout=route.seconds,
        local_hostname=route.name,
    )
    try:
        async with _soon():
            with _naming("does not let us in"):
                await client.connect()
                await client.ehlo()
            await _sign_in(client, route)
        yield client
        with suppress(aiosmtplib.SMTPException, OSError):  # all is done: how the farewell goes changes nothing
            await client.quit(timeout=5)
    finally:
        client.close()


@asynccontextmanager
async def _soon() -> AsyncGenerator[None]:
    """An end to the steps before the mail itself: who waits for us would give up, and could not know that nothing was sent yet."""
    try:
        async with asyncio.timeout(STEP):
            yield
    except TimeoutError:
        raise Transient("The outgoing mail server is too slow.") from None


async def _sign_in(client: aiosmtplib.SMTP, route: Route) -> None:
    if route.token is None and not route.password:
        return
    token = await route.token() if route.token is not None else ""
    try:
        if token:
            await client.auth_xoauth2(route.user, token)
        else:
            await client.login(route.user, route.password)
    except aiosmtplib.SMTPResponseException as error:
        # The answer is not repeated: some servers put what was sent into it.
        if 400 <= error.code < 500:
            raise Transient(f"The outgoing mail server lets nobody sign in at the moment ({error.code}).") from None
        raise AuthError("The outgoing mail server does not accept the user or the password.") from None
    except (OSError, TimeoutError):
        raise Transient("The outgoing mail server does not answer any more.") from None
    except (aiosmtplib.SMTPException, ValueError):
        raise Permanent("The outgoing mail server offers no sign-in that fits; without TLS many offer none.") from None


async def _hand_over(client: aiosmtplib.SMTP, route: Route, source: bytes) -> None:
    """The mail itself. All but its last line first, down to the network: until then nothing can have been accepted."""
    body = LINE_END.sub(b"\r\n", source).removesuffix(b"\r\n") + b"\r\n"
    stuffed = re.sub(rb"(?m)^\.", b"..", body)
    with _naming("does not accept this mail"):
        answer = await client.execute_command(b"DATA")
        if answer.code != READY:
            raise aiosmtplib.SMTPDataError(answer.code, answer.message)
        protocol = client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        for start in range(0, len(stuffed), CHUNK):
            protocol.write(stuffed[start : start + CHUNK])
            async with asyncio.timeout(route.seconds):
                await _drained(protocol)
        protocol.write(b".\r\n")
    try:
        answer = await protocol.read_response(timeout=route.seconds)
    except (aiosmtplib.SMTPException, OSError):
        raise Ambiguous("The connection broke before the outgoing mail server said whether it has the mail.") from None
    if answer.code != ACCEPTED:
        raise _refusal("does not accept this mail", answer.code, answer.message)


async def _drained(protocol: SMTPProtocol) -> None:
    """Until everything written is with the operating system."""
    while protocol.is_connected and cast("asyncio.WriteTransport", protocol.transport).get_write_buffer_size():  # noqa: ASYNC110  # the transport has no event for this
        await asyncio.sleep(0.002)
    if not protocol.is_connected:
        raise aiosmtplib.SMTPServerDisconnected("Connection lost")


@contextmanager
def _naming(refusal: str) -> Generator[None]:
    """Failures of the server as ours."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _refusal(refusal, error.code, error.message) from None
    except (OSError, TimeoutError) as error:
        raise Transient(f"The outgoing mail server fails: {_describe(error)}.") from None
    except (aiosmtplib.SMTPException, ValueError) as error:
        raise Permanent(f"The outgoing mail server {refusal}: {type(error).__name__}.") from None


def _refusal(refusal: str, code: int, words: str) -> ConnectorError:
    said = " ".join(words.encode("utf-8", "replace").decode().split())[:300]
    message = f"The outgoing mail server {refusal}: {code} {said}"
    if code in {530, 538}:
        return AuthError(message)
    return Permanent(message) if 500 <= code < 600 else Transient(message)


def _describe(error: BaseException) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({cause.verify_message})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "the connection broke"
