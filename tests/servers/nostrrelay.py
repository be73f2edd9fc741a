"""A real relay of Nostr for tests: nostr-relay with SQLite, on this machine only.

relay.hand_in(event)         as an author's program would
relay.stop(), .start()       as when the machine of the relay restarts
"""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests.servers.programs import interpreter

Json = dict[str, Any]


@dataclass
class NostrRelay:
    """The relay's process."""

    python: Path
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def hand_in(self, *events: Json) -> Json:
        with connect(self.address, proxy=None) as socket:
            for event in events:
                socket.send(json.dumps(["EVENT", event]))
                told = json.loads(socket.recv())
                assert told[:3] == ["OK", event["id"], True], told
        return events[-1]

    def configure(self) -> None:
        settings = {
            "storage": {
                "sqlalchemy.url": f"sqlite+aiosqlite:///{self.home}/relay.sqlite3",
                "validators": ["nostr_relay.validators.is_signed"],
            },
            "verification": {"nip05_verification": "disabled"},
            "gunicorn": {"bind": f"127.0.0.1:{self.port}", "workers": 1},
            "authentication": {"enabled": False},
        }
        (self.home / "relay.yaml").write_text(json.dumps(settings))  # JSON is YAML

    def start(self) -> None:
        command = [str(self.python.parent / "nostr-relay"), "-c", "relay.yaml", "serve", "--use-uvicorn"]
        with (self.home / "output").open("ab") as output:
            self.process = subprocess.Popen(command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The relay did not start:\n{(self.home / 'output').read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _answers(self) -> bool:
        try:
            with connect(self.address, proxy=None, open_timeout=5):
                return True
        except (OSError, WebSocketException):
            return False


@pytest.fixture(scope="session")
def nostr_relay() -> Iterator[NostrRelay]:
    with running(interpreter("nostr")) as relay:
        yield relay


@contextmanager
def running(python: Path) -> Iterator[NostrRelay]:
    home = Path(tempfile.mkdtemp(prefix="parley-nostr-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    relay = NostrRelay(python, home, port)
    try:
        relay.configure()
        relay.start()
        yield relay
    finally:
        relay.stop()
        shutil.rmtree(home, ignore_errors=True)
