"""Starting: how long until the first page, the second time, and how much memory the server then holds."""

import asyncio
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from bench.figures import Context, Row, value_at_most

PAGE_SECONDS = 5
MEGABYTES = 120
PATIENCE = 60  # seconds until a start has failed
SETTLED = 3  # seconds after the first page


async def rows(context: Context) -> list[Row]:
    """Two starts of `parley serve` in a home of its own: the first makes the database, the second is measured."""
    del context
    with tempfile.TemporaryDirectory(prefix="parley-start-") as folder:
        await _start(Path(folder))
        seconds, resident, proportional = await _start(Path(folder))
    return [
        value_at_most("second start, until the first page", seconds, "s", PAGE_SECONDS),
        value_at_most("server after start, RSS without PostgreSQL", resident, "MB", MEGABYTES),
        Row("the same, pages shared with other processes by their share (PSS)", round(proportional, 2), "MB", None, None, "", ok=True),
    ]


async def _start(home: Path) -> tuple[float, float, float]:
    """Seconds until the first page; megabytes some seconds later, with shared pages counted whole (RSS) and by their share (PSS)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environment = {**os.environ, "PARLEY_HOME": str(home), "PARLEY_PORT": str(port)}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("parley")),
        "serve",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _first_page(f"http://127.0.0.1:{port}/", began)
        seconds = time.perf_counter() - began
        await asyncio.sleep(SETTLED)
        resident, proportional = _megabytes(process.pid)
        return seconds, resident, proportional
    finally:
        process.terminate()
        await process.wait()


def _megabytes(pid: int) -> tuple[float, float]:
    """Memory of every process of the server: the one that was started, and those that it started, but for PostgreSQL's."""
    started = psutil.Process(pid)
    ours = [started, *(child for child in started.children(recursive=True) if "postgres" not in child.name())]
    memory = [process.memory_full_info() for process in ours]
    return sum(each.rss for each in memory) / 1e6, sum(each.pss for each in memory) / 1e6


async def _first_page(address: str, began: float) -> None:
    async with httpx.AsyncClient() as client:
        while time.perf_counter() - began < PATIENCE:
            try:
                await client.get(address)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    raise TimeoutError("the server did not start")
