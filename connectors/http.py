"""The one HTTP client of the connectors: platform failures become the contract's errors, and no request reaches a private address.

Every address that a user or a platform gives is fetched here. The name is resolved once, the address found is checked, and the connection
is made to that very address, on every redirect too: a name that changes its mind between check and connect gains nothing. Neither addresses
nor headers are ever logged or put into an error, since many platforms want their tokens there.
"""

import asyncio
import ipaddress
import json
import logging
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, cast

import httpcore
import httpx

from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # they log whole addresses

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LIMIT = 10 * 1024 * 1024  # bytes of an answer
TIMEOUT = httpx.Timeout(20.0, connect=10.0)
PAUSE = 30.0  # seconds, when a platform asks us to wait and does not say how long
LONGEST_PAUSE = 3600.0
REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # nothing has left us
DECODED = {"content-encoding", "content-length"}  # true of the bytes as they came, not of those read
EMBEDDED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind a translator

_allowed: tuple[Network, ...] = ()


class Forbidden(Permanent):
    """The address lies in a private network."""


def allow(networks: Iterable[str]) -> None:
    """Let connectors reach these private networks: the setting `allow_private_networks` of this installation."""
    global _allowed  # one installation, one setting
    _allowed = tuple(ipaddress.ip_network(network, strict=False) for network in networks)


def may_reach(address: str) -> bool:
    """Whether a connector may connect to this IP address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if any(found in network for network in _allowed if network.version == found.version):
        return True
    inner = _inner(found)
    if inner is not None:
        return may_reach(str(inner))
    is_odd = found.is_multicast or found.is_reserved or (isinstance(found, ipaddress.IPv6Address) and found.is_site_local)
    return found.is_global and not is_odd


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside of an IPv6 one that leads there."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in EMBEDDED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


class Client:
    """Requests to one platform. `name` is how errors call it."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        limit: int = LIMIT,
    ) -> None:
        self.name = name
        self._limit = limit
        # A send never takes a used connection: one that the platform has just closed would leave us in doubt for nothing.
        self._reading = _client(base_url, headers, timeout, httpx.Limits(max_connections=20, keepalive_expiry=15))
        self._sending = _client(base_url, headers, timeout, httpx.Limits(max_connections=20, max_keepalive_connections=0))

    async def fetch(self, method: str, url: str, *, sending: bool = False, expected: Iterable[int] = (), **options: Any) -> httpx.Response:
        """One request and its whole answer. With `sending`, what cannot be known afterwards is Ambiguous.

        Statuses in `expected` are the caller's to judge; all others but 2xx raise.
        """
        async with self._translated(sending=sending):
            client = self._sending if sending else self._reading
            async with client.stream(method, url, **options) as response:
                content = await self._read(response, sending=sending)
        if response.status_code not in set(expected):
            self._judge(response, sending=sending)
        # The request is left out on purpose: whatever is raised or logged about the answer cannot name the address.
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in DECODED]
        return httpx.Response(response.status_code, headers=headers, content=content)

    async def follow(self, url: str) -> httpx.Response:
        """The answer at the end of the redirects; every step is checked by the client's network."""
        for _ in range(REDIRECTS + 1):
            response = await self.fetch("GET", url, expected=MOVED)
            if response.status_code not in MOVED:
                return response
            url = str(httpx.URL(url).join(response.headers.get("location", "")))
        raise Permanent(f"{self.name} redirects without end.")

    async def fetch_json(self, method: str, url: str, *, sending: bool = False, **options: Any) -> Any:
        """One request whose answer is JSON."""
        response = await self.fetch(method, url, sending=sending, **options)
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            raise self._doubt(sending, f"{self.name} answered with something that is not JSON.") from None

    @asynccontextmanager
    async def stream(self, method: str, url: str, **options: Any) -> AsyncGenerator[httpx.Response]:
        """A request whose answer goes on and on; the caller reads it, inside of the block."""
        async with self._translated(sending=False), self._reading.stream(method, url, **options) as response:
            if response.status_code >= 300:
                await self._read(response, sending=False)
                self._judge(response, sending=False)
            yield response

    async def aclose(self) -> None:
        await self._reading.aclose()
        await self._sending.aclose()

    @asynccontextmanager
    async def _translated(self, *, sending: bool) -> AsyncGenerator[None]:
        """Turn what the transport raises into the contract's errors, without any address in them."""
        try:
            yield
        except NEVER_SENT:
            raise Transient(f"{self.name} cannot be reached.") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.LocalProtocolError):
            raise Permanent(f"The address of {self.name} cannot be used.") from None
        except httpx.TimeoutException:
            raise self._doubt(sending, f"{self.name} did not answer in time.") from None
        except (httpx.HTTPError, ssl.SSLError):
            raise self._doubt(sending, f"The connection to {self.name} broke.") from None

    async def _read(self, response: httpx.Response, *, sending: bool) -> bytes:
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > self._limit:
                raise self._doubt(sending, f"{self.name} answered with more than {self._limit} bytes.")
        return bytes(content)

    def _judge(self, response: httpx.Response, *, sending: bool) -> None:
        status = response.status_code
        if status < 300:
            return
        words = f"{self.name} answered {status}"
        if status in {401, 403}:
            raise AuthError(f"{words}: the credentials are not accepted.")
        if status == 429:
            raise RateLimited(f"{words}: too many requests.", retry_after(response.headers.get("retry-after")))
        if status == 503 and "retry-after" in response.headers:
            raise RateLimited(f"{words}: not now.", retry_after(response.headers["retry-after"]))
        if status in {408, 425, 503}:
            raise Transient(f"{words}.")
        if status >= 500:  # a gateway may have passed the reply on before it failed
            raise self._doubt(sending, f"{words}.")
        raise Permanent(f"{words}.")

    def _doubt(self, sending: bool, words: str) -> ConnectorError:
        return Ambiguous(words) if sending else Transient(words)


def retry_after(value: str | None, *, now: datetime | None = None) -> float:
    """Seconds to wait, from a Retry-After header: seconds or a date (RFC 9110, 10.2.3); within bounds, and a default for nonsense."""
    if not value:
        return PAUSE
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError):
            return PAUSE
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else PAUSE  # not a number is not itself


def _client(base_url: str, headers: Mapping[str, str] | None, timeout: httpx.Timeout, limits: httpx.Limits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=base_url,
        headers=dict(headers or {}),
        timeout=timeout,
        transport=_Transport(limits),
        trust_env=False,
        follow_redirects=False,
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we believe, once for all connectors: reading it takes 24 ms and 0.7 MB, and each channel has two clients."""
    return httpx.create_ssl_context(trust_env=False)


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own transport over a network that refuses private addresses."""

    def __init__(self, limits: httpx.Limits) -> None:
        super().__init__(verify=_trusted(), trust_env=False, limits=limits)
        # httpx has no parameter for the network; its pool is made anew with the one difference.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_trusted(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(),
        )


class _Network(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only. TLS still proves the name: httpcore checks the certificate against the host of the URL."""

    def __init__(self) -> None:
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(  # the signature is httpcore's
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in await resolve(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host. Raises Forbidden when one of them is private: such a name is not to be trusted at all."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("no such host") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(may_reach(address) for address in addresses):
        raise Forbidden(
            "The address lies in a private network, which this installation does not let channels reach (allow_private_networks)."
        )
    return addresses


async def check(host: str, port: int, *, name: str) -> list[str]:
    """The addresses to connect to. Raises when a host cannot be found (Transient) or may not be reached (Forbidden)."""
    try:
        return await resolve(host, port)
    except httpcore.ConnectError:
        raise Transient(f"{name} cannot be found: there is no such host.") from None
