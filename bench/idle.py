"""Channels on which nobody writes: what each costs one process that reads a hundred of them, in processor time and memory.

The channels are Telegram bots that ask by long poll, as in life, at a server of ours that holds each request as long as Telegram does.
The baseline is the same process without any channel. `python -m bench.idle` is that process: it reads one line of JSON.
"""

import asyncio
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import delete, func, select
from sqlmodel import col

from bench.figures import Context, Row, value_at_most
from connectors import runner
from connectors.telegram.polling import LONG
from inbox.db import Database
from inbox.files import Files
from inbox.models import Channel, ChannelState, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings

CHANNELS = 100
SECONDS = 30.0  # that are measured; each bot asks at least once in them
CPU_GOAL = 0.3  # milliseconds of processor time a second, for each channel: a tenth of a core for three hundred
MEMORY_GOAL = 200.0  # kB for each channel


@dataclass(frozen=True)
class Cost:
    cpu: float  # seconds of processor time in one second
    kilobytes: float  # its own alone: pages of files come and go with what others do on the machine


async def rows(context: Context) -> list[Row]:
    """A process without channels, then one with a hundred."""
    async with _platform() as url:
        bare = await _measure(context, url, 0)
        full = await _measure(context, url, CHANNELS)
    cpu, memory = (full.cpu - bare.cpu) / CHANNELS * 1000, (full.kilobytes - bare.kilobytes) / CHANNELS
    return [
        value_at_most(f"idle channel, one of {CHANNELS} in a process, processor time", cpu, "ms/s", CPU_GOAL),
        value_at_most(f"idle channel, one of {CHANNELS} in a process, memory", memory, "kB", MEMORY_GOAL),
        Row(
            "processor time of the whole process with them", round(full.cpu * 1000, 2), "ms/s", round(bare.cpu * 1000, 2), None, "", ok=True
        ),
    ]


async def _measure(context: Context, url: str, channels: int) -> Cost:
    settings = {"home": str(context.home), "secret_key": "bench", "allow_private_networks": "127.0.0.1"}
    await _connect(context, Settings.model_validate(settings), url, channels)
    child = subprocess.Popen([sys.executable, "-m", "bench.idle"], stdin=subprocess.PIPE, text=True)  # noqa: ASYNC220  # started once
    try:
        assert child.stdin is not None
        child.stdin.write(json.dumps({"database": context.database.url, "settings": settings}) + "\n")
        child.stdin.close()
        process = psutil.Process(child.pid)
        await _until_all_work(context.database, channels)
        await asyncio.sleep(10.0)  # what starts has started
        before, began = process.cpu_times(), time.perf_counter()
        await asyncio.sleep(SECONDS)
        after = process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        return Cost(spent / (time.perf_counter() - began), process.memory_full_info().uss / 1000)
    finally:
        child.terminate()
        child.wait()
        async with context.database.transaction() as session:
            await session.execute(delete(Workspace).where(col(Workspace.name) == "Bench idle"))


async def _connect(context: Context, settings: Settings, url: str, channels: int) -> None:
    now = datetime.now(UTC)
    async with context.database.transaction() as session:
        workspace = Workspace(name="Bench idle", created_at=now)
        session.add(workspace)
        await session.flush()
        vault = open_vault(settings)
        for number in range(channels):
            config = vault.encrypt(json.dumps({"token": f"{number + 1}:{'A' * 35}", "api_url": url}))
            key, times = secrets.token_hex(8), {"connected_at": now, "created_at": now}
            session.add(Channel(workspace_id=workspace.id, platform="telegram", name=f"Bot {number}", key=key, config=config, **times))


async def _until_all_work(database: Database, channels: int) -> None:
    working = select(func.count()).select_from(Channel).join(Workspace, col(Workspace.id) == Channel.workspace_id)
    working = working.where(col(Workspace.name) == "Bench idle", col(Channel.state) == ChannelState.HEALTHY)
    async with asyncio.timeout(120):
        while True:
            async with database.transaction() as session:
                if await session.scalar(working) == channels:
                    return
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _platform() -> AsyncGenerator[str]:
    """A Bot API whose bots nobody writes to."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1000)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            token, _, method = line.split()[1].decode().removeprefix("/bot").partition("/")
            if method == "getUpdates":
                await asyncio.sleep(LONG)
            result = {"getMe": {"id": int(token.partition(":")[0]), "is_bot": True, "first_name": "Bot", "username": "bench_bot"}}
            body = json.dumps({"ok": True, "result": result.get(method, [] if method == "getUpdates" else True)}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main() -> None:
    given = json.loads(sys.stdin.readline())
    settings = Settings.model_validate(given["settings"])
    database = Database(given["database"])
    try:
        await runner.run(database, open_vault(settings), Files(Path(settings.home)), settings, asyncio.Event())
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main())
