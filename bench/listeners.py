"""Open pages, as cheap as they can be: raw sockets that note when which message arrived, so that the server is what is measured."""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

MARK = re.compile(rb"mark-(\d+)-")


class Listener(asyncio.Protocol):
    """One page: shakes hands, says what it shows, and notes the time of each marked message."""

    def __init__(self, request: bytes, shown: bytes) -> None:
        self.request, self.shown = request, shown
        self.at: dict[int, float] = {}
        self.frames = self.size = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = b""
        self._is_open = False
        self._wanted = -1
        self._arrived = asyncio.Event()

    async def has(self, mark: int) -> None:
        """Return once this message has arrived."""
        self._wanted = mark
        if mark in self.at:
            return
        self._arrived.clear()
        await self._arrived.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._left += data
        if not self._is_open:
            head, end, self._left = self._left.partition(b"\r\n\r\n")
            if not end:
                self._left = head
                return
            if b" 101 " not in head[:20]:
                self.ready.set_exception(ConnectionError(head[:200].decode()))
                return
            self._is_open = True
            self.transport.write(self.shown)
        while (frame := self._frame()) is not None:
            self._note(frame, now)

    def _frame(self) -> bytes | None:
        """The next whole frame; a server's frames are not masked."""
        data = self._left
        if len(data) < 4:
            return None
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + length:
            return None
        self._left = data[start + length :]
        return data[start : start + length]

    def _note(self, frame: bytes, now: float) -> None:
        if not self.ready.done() and b"unread" in frame:
            self.ready.set_result(None)  # counted: it takes part
        marks = [int(mark) for mark in MARK.findall(frame)]
        for mark in marks:
            self.at.setdefault(mark, now)
        self.frames += 1
        if self._wanted in self.at and not self._arrived.is_set():
            self._arrived.set()
        if marks:
            self.size = len(frame)


@asynccontextmanager
async def listening(
    port: int, path: str, cookies: Sequence[str], *, kind: type[Listener] = Listener, **shown: Any
) -> AsyncIterator[list[Listener]]:
    """So many pages, one for each cookie, all taking part."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        opened: list[Listener] = []
        for begin in range(0, len(cookies), 25):
            part: list[Listener] = []
            for cookie in cookies[begin : begin + 25]:
                listener = kind(_request(port, path, cookie), _masked(json.dumps(shown).encode()))
                transport, _ = await loop.create_connection(lambda made=listener: made, "127.0.0.1", port)
                stack.callback(transport.close)
                part.append(listener)
            async with asyncio.timeout(20):
                await asyncio.gather(*(listener.ready for listener in part))
            opened += part
        yield opened


def _request(port: int, path: str, cookie: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Origin: http://127.0.0.1:{port}", f"Cookie: {cookie}",
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode()


def _masked(text: bytes) -> bytes:
    mask = os.urandom(4)
    length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(text))
