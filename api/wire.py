"""The writing end of an open page's socket: frames whose bytes are made once, however many pages get them."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

from starlette.types import Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.protocol import State

OFFER = "parley.wire"  # in the scope's extensions, where the server is ours


class Frame:
    """What pages are told, with the log's id up to which it tells; its bytes are made once."""

    __slots__ = ("bytes", "last_id", "ops", "text")

    def __init__(self, text: str, ops: Sequence[str] = (), last_id: int = 0) -> None:
        self.text, self.ops, self.last_id = text, ops, last_id
        self.bytes = frames.Frame(frames.Opcode.TEXT, text.encode()).serialize(mask=False)


def telling(ops: Sequence[str], last_id: int = 0) -> Frame:
    """A frame of these operations."""
    return Frame(f'{{"id":{last_id},"ops":[{",".join(ops)}]}}', ops, last_id)


class Press:
    """Makes each frame once for all pages that are told the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, tuple[str, ...]], Frame] = {}

    def frame(self, ops: Sequence[str], last_id: int = 0) -> Frame:
        key = (last_id, tuple(ops))
        if key not in self._made:
            self._made[key] = telling(key[1], last_id)
        return self._made[key]


class Wire(Protocol):
    """What a page is told by. `on_drain` is called when a reader that was behind takes again."""

    on_drain: Callable[[], None]

    def write(self, frame: Frame) -> bool:
        """Send a frame now; False while the reader is behind: then nothing was sent."""
        ...

    def end(self, code: int) -> None:
        """Close, and do not wait for a reader that is behind."""
        ...


class Sockets(WebSocketsSansIOProtocol):
    """Uvicorn's websockets, each of which also is a wire: it writes ready bytes, without a copy or a task of its own."""

    on_drain: Callable[[], None] = staticmethod(lambda: None)

    async def run_asgi(self) -> None:
        if not self.config.ws_per_message_deflate:  # which makes the bytes of each socket others
            cast("dict[str, Any]", self.scope)["extensions"][OFFER] = self
        await super().run_asgi()

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(b"".join(self.frames)):
            self.conn.send_close(1007)  # as uvicorn does, which logs it as a fault of ours
            self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.on_drain()

    def shutdown(self) -> None:
        is_leaving = self.handshake_complete and not self.close_sent and self.conn.state is not State.OPEN
        if is_leaving:  # the page has said so: there is nothing left to say to it
            self.stop_keepalive()
            self.transport.close()
            return
        super().shutdown()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # closing alone would wait until everything was read, by a reader that does not read

    def write(self, frame: Frame) -> bool:
        if not self.writable.is_set():
            return False
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame.bytes)
        return True

    def end(self, code: int) -> None:
        if self.writable.is_set():
            self._ending = self.loop.create_task(_close(self.send, code))
            self.loop.call_later(2 * self.close_timeout, self.transport.abort)  # for a reader that never takes the rest
        else:
            self.transport.abort()


class Sending:
    """A wire over the `send` of any server."""

    def __init__(self, send: Send) -> None:
        self.on_drain: Callable[[], None] = lambda: None
        self._send = send
        self._busy: asyncio.Task[None] | None = None

    def write(self, frame: Frame) -> bool:
        if self._busy is not None:
            return False
        self._busy = asyncio.create_task(self._write(frame))
        return True

    def end(self, code: int) -> None:
        if self._busy is not None:
            self._busy.cancel()
        self._ending = asyncio.create_task(_close(self._send, code))

    async def _write(self, frame: Frame) -> None:
        with suppress(OSError, RuntimeError):  # closed meanwhile: whoever reads from the socket is told so
            await self._send({"type": "websocket.send", "text": frame.text})
        self._busy = None
        self.on_drain()


def of(scope: Scope, send: Send) -> Wire:
    """The wire of an accepted socket: the server's own where it offers one."""
    offered: Wire | None = scope.get("extensions", {}).get(OFFER)
    return offered or Sending(send)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _close(send: Callable[[Any], Any], code: int) -> None:
    with suppress(OSError, RuntimeError):  # closed already, by either side
        await send({"type": "websocket.close", "code": code})
