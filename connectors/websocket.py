"""The one way from connectors to a websocket: guarded as `connectors.http` is, with its errors, and no address or token in any of them."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket

from connectors import http
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited, Transient

logging.getLogger("websockets.client").setLevel(logging.WARNING)  # it logs whole addresses and all that is said

OPENING = 10.0  # seconds for the connection and its handshake
CLOSING = 2.0  # seconds until a peer that does not say goodbye is left
LIMIT = 16 * 1024 * 1024  # bytes of one message


async def connect(name: str, address: str, *, headers: Mapping[str, str] | None = None, ping: float | None = None) -> ClientConnection:
    """An open connection to the very address that was checked. `ping`: seconds between signs of life, where the platform has none."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError:
        raise Permanent(f"The address of {name} cannot be used.") from None
    if parts.scheme not in {"ws", "wss"} or not host:
        raise Permanent(f"The address of {name} cannot be used.")
    try:
        found = await http.resolve(host, port)
    except httpcore.ConnectError:
        raise Transient(f"{name} cannot be found: there is no such host.") from None
    secure: dict[str, Any] = {"ssl": httpx.create_ssl_context(trust_env=False), "server_hostname": host} if parts.scheme == "wss" else {}
    failure: ConnectorError = Transient(f"{name} cannot be reached.")
    for checked in found:
        try:
            return await open_websocket(
                address,
                host=checked,
                port=port,
                proxy=None,
                compression=None,
                additional_headers=dict(headers or {}),
                open_timeout=OPENING,
                close_timeout=CLOSING,
                ping_interval=ping,
                ping_timeout=ping,
                max_size=LIMIT,
                **secure,
            )
        except websockets.InvalidStatus as error:
            raise _refused(name, error) from None
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            continue
        except (websockets.WebSocketException, ValueError):
            failure = Transient(f"{name} does not speak the websocket protocol.")
    raise failure


def _refused(name: str, error: websockets.InvalidStatus) -> ConnectorError:
    status = error.response.status_code
    if status in {401, 403}:
        return AuthError(f"{name} answered {status}: the credentials are not accepted.")
    if status == 429:
        return RateLimited(f"{name} answered 429: too many connections.", http.retry_after(error.response.headers.get("retry-after")))
    return Transient(f"{name} answered {status}.")
