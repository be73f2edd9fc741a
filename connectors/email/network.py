"""Reaching a mail server: never one in a private network that this installation does not allow."""

import asyncio
import socket

import httpcore

from connectors import http
from inbox.contract import Transient


async def connect(host: str, port: int, seconds: float, *, name: str) -> socket.socket:
    """A connection to the very address that was checked. `name` is how errors call the server; `seconds` is for each address."""
    try:
        async with asyncio.timeout(seconds):
            addresses = await http.resolve(host, port)
    except TimeoutError:
        raise Transient(f"{name} cannot be found: the name server does not answer.") from None
    except httpcore.ConnectError:
        raise Transient(f"{name} cannot be found: there is no such host.") from None
    reason = "it has no address"
    for address in addresses:
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(connection, (address, port))
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise
            reason = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or "the connection failed"
        else:
            return connection
    raise Transient(f"{name} cannot be reached: {reason}.")
