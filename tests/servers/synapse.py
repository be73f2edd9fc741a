"""A real homeserver for tests: Synapse with SQLite, on this machine only.

synapse.person("anna")      a new account: person.id, person.token, person.say(room, "Hello")
synapse.stop(), .start()    as when the machine of the homeserver restarts
"""

import json
import secrets
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
from urllib.parse import quote

import httpx
import pytest

from tests.servers.programs import interpreter

Json = dict[str, Any]
UNLIMITED = {"per_second": 10000, "burst_count": 100000}


class Person:
    """An account on the homeserver, used as its client would."""

    def __init__(self, address: str, name: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=60)
        self._password = secrets.token_hex(12)
        body = {"username": name, "password": self._password, "auth": {"type": "m.login.dummy"}}
        told = self._client.post("/_matrix/client/v3/register", json=body).raise_for_status().json()
        self.id: str = told["user_id"]
        self.token: str = told["access_token"]
        self._client.headers["authorization"] = f"Bearer {self.token}"

    def another_session(self) -> str:
        """The access token of a new one."""
        who = {"type": "m.id.user", "user": self.id}
        return str(self.ask("POST", "/login", {"type": "m.login.password", "identifier": who, "password": self._password})["access_token"])

    def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        content = None if method == "GET" else body or {}
        return self._client.request(method, f"/_matrix/client/v3{path}", json=content).raise_for_status().json()

    def room(self, name: str = "Help", *invited: "Person", **more: Any) -> str:
        """A group room that everybody named is in, and anybody else may come into."""
        room: str = self.ask("POST", "/createRoom", {"name": name, "preset": "public_chat", **more})["room_id"]
        for person in invited:
            person.join(room)
        return room

    def chat(self, other: "Person") -> str:
        """A direct chat, to which the other one is invited."""
        body = {"is_direct": True, "preset": "trusted_private_chat", "invite": [other.id]}
        return str(self.ask("POST", "/createRoom", body)["room_id"])

    def join(self, room: str) -> None:
        self.ask("POST", f"/join/{quote(room, safe='')}")

    def put(self, room: str, kind: str, content: Json) -> str:
        return str(self.ask("PUT", f"/rooms/{quote(room, safe='')}/send/{kind}/{secrets.token_hex(8)}", content)["event_id"])

    def say(self, room: str, text: str, **more: Any) -> str:
        return self.put(room, "m.room.message", {"msgtype": "m.text", "body": text, **more})

    def edit(self, room: str, event: str, text: str) -> str:
        about = {"m.new_content": {"msgtype": "m.text", "body": text}, "m.relates_to": {"rel_type": "m.replace", "event_id": event}}
        return self.say(room, f"* {text}", **about)

    def react(self, room: str, event: str, emoji: str) -> str:
        return self.put(room, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": event, "key": emoji}})

    def redact(self, room: str, event: str) -> None:
        self.ask("PUT", f"/rooms/{quote(room, safe='')}/redact/{quote(event, safe='')}/{secrets.token_hex(8)}")

    def upload(self, name: str, content: bytes, media_type: str) -> str:
        path = f"/_matrix/media/v3/upload?filename={quote(name)}"
        answer = self._client.post(path, content=content, headers={"content-type": media_type})
        return str(answer.raise_for_status().json()["content_uri"])

    def timeline(self, room: str) -> list[Json]:
        """What was said, oldest first, as the homeserver tells everybody in the room."""
        found = self.ask("GET", f"/rooms/{quote(room, safe='')}/messages?dir=b&limit=100")["chunk"]
        return [event for event in reversed(found) if event["type"] == "m.room.message"]

    def close(self) -> None:
        self._client.close()


@dataclass
class Synapse:
    """The homeserver's process, and the people on it."""

    python: Path
    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    people: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def person(self, name: str) -> Person:
        self.people += 1
        return Person(self.address, f"{name}{self.people}")

    def configure(self) -> None:
        """One listener on this machine, no other servers, no limits."""
        places = ["--config-path", "server.yaml", "--data-directory", str(self.home)]
        names = ["--server-name", "localhost", "--report-stats", "no"]
        self._run("--generate-config", *places, *names)
        more: Json = {
            "listeners": [
                {"bind_addresses": ["127.0.0.1"], "port": self.port, "type": "http", "tls": False, "resources": [{"names": ["client"]}]}
            ],
            "trusted_key_servers": [],
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "presence": {"enabled": False},
            "rc_message": UNLIMITED,
            "rc_registration": UNLIMITED,
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), UNLIMITED),
            "rc_joins": dict.fromkeys(("local", "remote"), UNLIMITED),
            "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), UNLIMITED),
        }
        (self.home / "tests.yaml").write_text(json.dumps(more))  # JSON is YAML; of several files the last one counts
        quiet = {"version": 1, "root": {"level": "WARNING"}, "disable_existing_loggers": False}
        (self.home / "localhost.log.config").write_text(json.dumps(quiet))

    def start(self) -> None:
        command = [str(self.python), "-m", "synapse.app.homeserver", "-c", "server.yaml", "-c", "tests.yaml"]
        with (self.home / "output").open("ab") as output:
            self.process = subprocess.Popen(command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        deadline = time.monotonic() + 120
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Synapse did not start:\n{(self.home / 'output').read_text(errors='replace')[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/_matrix/client/versions", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.python), "-m", "synapse.app.homeserver", *arguments], cwd=self.home, capture_output=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")


@pytest.fixture(scope="session")
def synapse() -> Iterator[Synapse]:
    with running(interpreter("synapse")) as server:
        yield server


@contextmanager
def running(python: Path) -> Iterator[Synapse]:
    home = Path(tempfile.mkdtemp(prefix="parley-synapse-"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server = Synapse(python, home, port)
    try:
        server.configure()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)
