"""A server in a process of its own, to be measured: Parley as `parley serve` runs it, or uvicorn with nothing but a loop that sends.

It reads one line of JSON, says its port, and ends with SIGTERM.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from api import process
from inbox.settings import Settings


@dataclass(frozen=True)
class Served:
    """A running server."""

    pid: int
    port: int

    def seconds(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kilobytes(self) -> int:
        """Memory in use."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@contextmanager
def running(**given: Any) -> Iterator[Served]:
    """`settings`: Parley with these; `size`: the bare loop, whose frames have so many bytes."""
    child = subprocess.Popen([sys.executable, "-m", "bench.served"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(given) + "\n")
        child.stdin.flush()
        yield Served(child.pid, int(child.stdout.readline()))
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdin.close()
        child.stdout.close()


class Bare:
    """What is told by POST is sent to every socket, between the same marks as Parley's rows have it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.open: set[Send] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._listen(receive, send)
            return
        body = (await receive())["body"]
        frame = json.loads(body)["text"].ljust(self.size, ".") if body else ""
        for push in tuple(self.open) if frame else ():
            await push({"type": "websocket.send", "text": frame})
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _listen(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "unread"})
        self.open.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.open.discard(send)


def main() -> None:
    given = json.loads(sys.stdin.readline())
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)  # the parent reads it
    if given.get("settings"):
        process.run(Settings.model_validate(given["settings"]), listener, work=False)
        return
    config = uvicorn.Config(
        Bare(given["size"]), ws="websockets-sansio", ws_per_message_deflate=False, log_config=None, access_log=False, lifespan="off"
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(process.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
