"""SIGTERM at random moments, whatever is going on: the process ends in order, the port is free, nothing is left."""

import asyncio
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from api import ending
from connectors.webhook import signatures
from inbox import embedded
from inbox.db import Database
from inbox.migrations import run
from inbox.secrets import open_vault
from inbox.settings import Settings
from tests.api.test_serve import Serving, free, leftovers
from tests.inbox.parties import until
from tests.make import Make

pytestmark = pytest.mark.servers
TIMES = 20
SECRET = "whsec_" + b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="parley-stop-")).resolve()
    folder.chmod(0o711)
    yield folder
    assert until(lambda: killed(folder))
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def killed(folder: Path) -> bool:
    """Whether nothing works there any more that could write while the folder is removed; a guard starts others until it is gone."""
    left = leftovers(folder)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return left == []


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


async def channel_keys(home: Path) -> dict[str, str]:
    """A webhook, a chat and a demonstration, so that something is read, sent and shown all the time."""
    with embedded.running(home) as server:
        run.upgrade(server.url)
        database = Database(server.url)
        vault = open_vault(Settings(home=home, secret_key=SecretStr("test")))
        async with database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace()
            config = vault.encrypt(json.dumps({"secret": SECRET}))
            webhook = await make.channel(workspace, platform="webhook", config=config)
            widget = await make.channel(workspace, platform="widget", config=vault.encrypt("{}"))
            keys = {"webhook": webhook.key, "widget": widget.key}
        await database.close()
    return keys


class Traffic:
    """Customers who write, look and hang on, and do not mind being cut off."""

    def __init__(self, port: int, keys: dict[str, str]) -> None:
        self.host, self.keys = f"127.0.0.1:{port}", keys
        self.accepted = 0

    async def write(self) -> None:
        async with httpx.AsyncClient(timeout=5) as client:
            while True:
                with suppress(httpx.HTTPError):
                    entry = {"type": "message", "id": secrets.token_hex(8), "thread": "t", "author": {"id": "a"}, "text": "Hello"}
                    body = json.dumps(entry | {"at": datetime.now(UTC).isoformat()}).encode()
                    headers = signatures.headers(signatures.key(SECRET), secrets.token_hex(8), datetime.now(UTC), body)
                    address = f"http://{self.host}/hooks/{self.keys['webhook']}"
                    answer = await client.post(address, content=body, headers=headers | {"content-type": "application/json"})
                    self.accepted += answer.status_code == 200
                await asyncio.sleep(0.01)

    async def look(self) -> None:
        async with httpx.AsyncClient(timeout=5) as client:
            while True:
                for path in ("/", "/readyz", "/metrics", f"/widget/{self.keys['widget']}/chat"):
                    with suppress(httpx.HTTPError):
                        await client.get(f"http://{self.host}{path}")
                await asyncio.sleep(0.02)

    async def chat(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                address = f"ws://{self.host}/widget/{self.keys['widget']}/socket"
                async with connect(address, origin=f"http://{self.host}") as socket:
                    await socket.recv()
            await asyncio.sleep(0.05)

    async def hang(self) -> None:
        """A request that never ends."""
        while True:
            with suppress(OSError):
                host, _, port = self.host.partition(":")
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"POST /hooks/x HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\nhal")
                await reader.read()
                writer.close()
            await asyncio.sleep(0.05)


@pytest.mark.timeout(1800)  # ten starts, of up to a minute and a half where many share the processor
@pytest.mark.parametrize("workers", [1, 2])
async def test_told_to_stop_at_any_moment_it_ends_in_time_and_leaves_nothing(home: Path, port: int, workers: int):
    keys = await channel_keys(home)
    traffic = Traffic(port, keys)
    tasks = [asyncio.create_task(work()) for work in (traffic.write, traffic.write, traffic.look, traffic.chat, traffic.hang)]
    try:
        for _ in range(TIMES // 2):
            serving = await asyncio.to_thread(Serving, home, port, "serve", "--workers", str(workers), PARLEY_SECRET_KEY="test")
            try:
                await asyncio.to_thread(serving.answering)
                await asyncio.sleep(random.uniform(0, 1.5))
                code = await asyncio.to_thread(serving.told, signal.SIGTERM)
                said = serving.said()
                assert (code, "by force" in said, "Traceback" in said) == (0, False, False), said
            finally:
                serving.close()
            assert await asyncio.to_thread(free, port)
            assert await asyncio.to_thread(leftovers, home) == []
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert traffic.accepted > 0


def test_told_to_stop_while_it_starts_it_ends_and_the_next_start_just_works(home: Path, port: int):
    for _ in range(TIMES // 4):
        serving = Serving(home, port, "serve")
        time.sleep(random.uniform(0, 4))
        code = serving.told(signal.SIGTERM)
        said = serving.said()
        serving.close()
        assert code in {0, -signal.SIGTERM}, said  # the latter before its first line ran
        assert until(lambda: leftovers(home) == [])
        assert free(port)
    serving = Serving(home, port, "serve").answering()
    assert serving.told(signal.SIGTERM) == 0
    serving.close()


def test_a_database_that_stands_still_keeps_no_process_from_ending(home: Path, port: int):
    """Frozen, it answers no query, and no cancellation of one either. Only force helps, and it comes in time."""
    serving = Serving(home, port, "serve").answering()
    postgres = [process for process in leftovers(home) if process.name() == "postgres"]
    assert postgres
    try:
        for process in postgres:
            process.suspend()
        with suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=1)
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(ending.LAST + 5) == 1  # its own grace; the rest is for a busy machine
        assert "by force" in serving.said()
        assert free(port)
    finally:
        for process in postgres:
            with suppress(psutil.Error):
                process.resume()
        serving.close()
    assert until(lambda: leftovers(home) == [])  # the guard stops the database as soon as it can be stopped
    again = Serving(home, port, "serve").answering()
    assert again.told(signal.SIGTERM) == 0
    again.close()


def test_a_thread_that_hangs_keeps_no_process_from_ending(tmp_path: Path):
    """As a name server does that does not answer: Python waits for its threads, for ever."""
    script = """
import sys, threading, time
from api import ending
threading.Thread(target=time.sleep, args=(600,)).start()
ending.process.begin(0.5)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60, capture_output=True, env=os.environ, check=False
    )
    assert done.returncode == 1
    assert b"by force" in done.stderr
