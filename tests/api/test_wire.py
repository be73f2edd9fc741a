"""The writing end of a socket, beside an operating system that does as it is told."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState
from websockets import frames

from api.wire import Sockets

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: parley.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Transport(asyncio.Transport):
    """Keeps what is written; its other side has not yet taken the last of it, so that closing takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def _app(scope: Any, receive: Any, send: Any) -> None:
    del scope
    await receive()
    await send({"type": "websocket.accept"})
    await asyncio.sleep(60)


async def _open() -> tuple[Sockets, Transport, ServerState]:
    state, transport = ServerState(), Transport()
    config = uvicorn.Config(_app, lifespan="off", log_config=None, ws_per_message_deflate=False)
    config.load()
    socket = Sockets(config, state, {})
    socket.connection_made(transport)
    socket.data_received(HANDSHAKE)
    while not socket.handshake_complete:  # noqa: ASYNC110  # uvicorn tells by this flag only
        await asyncio.sleep(0)
    return socket, transport, state


async def _end(socket: Sockets, state: ServerState) -> None:
    socket.connection_lost(None)
    for task in state.tasks:
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def test_a_page_is_told_that_the_server_ends():
    socket, transport, state = await _open()
    socket.shutdown()
    assert frames.Close(1012, "").serialize() in transport.written
    assert transport.closed
    await _end(socket, state)


async def test_a_page_that_is_leaving_when_the_server_ends_is_in_nobodys_way():
    socket, transport, state = await _open()
    leaving = frames.Frame(frames.Opcode.CLOSE, frames.Close(1001, "").serialize())
    socket.data_received(leaving.serialize(mask=True))
    socket.shutdown()
    assert transport.closed
    await _end(socket, state)
