"""A network of Bluesky on this machine: a real data server, the directory of names, and the real view that makes notifications.

atproto.person("anna")          a new account: person.did, person.say("Hello"), person.app_password()
atproto.stop(), .start()        as when the machine of the data server restarts; `forgets_sessions`: no token is good any more
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from connectors.bluesky import ids
from inbox import embedded
from tests.servers import programs

Json = dict[str, Any]
HERE = Path(__file__).parent / "npm" / "atproto"
PASSWORD = "hunter2-hunter2"


class Person:
    """An account, used as its client would."""

    def __init__(self, address: str, name: str) -> None:
        self.handle = f"{name}.test"
        self._client = httpx.Client(base_url=f"{address}/xrpc/", timeout=60)
        told = self.ask("com.atproto.server.createAccount", handle=self.handle, email=f"{name}@mail.test", password=PASSWORD)
        self.did: str = told["did"]
        self._client.headers["authorization"] = f"Bearer {told['accessJwt']}"

    def sign_in(self) -> None:
        del self._client.headers["authorization"]
        told = self.ask("com.atproto.server.createSession", identifier=self.handle, password=PASSWORD)
        self._client.headers["authorization"] = f"Bearer {told['accessJwt']}"

    def ask(self, method: str, **content: Any) -> Json:
        told = self._client.post(method, json=content)
        assert told.status_code == 200, told.text
        return told.json() if told.content else {}

    def get(self, method: str, **params: Any) -> Json:
        told = self._client.get(method, params=params)
        assert told.status_code == 200, told.text
        return told.json()

    def write(self, collection: str, **record: Any) -> Json:
        """A new record: its address and version."""
        content = {"$type": collection, "createdAt": stamp(datetime.now(UTC)), **record}
        told = self.ask("com.atproto.repo.createRecord", repo=self.did, collection=collection, record=content)
        return {"uri": told["uri"], "cid": told["cid"]}

    def say(
        self, text: str, *, answering: Json | None = None, root: Json | None = None, naming: "Person | None" = None, **more: Any
    ) -> Json:
        if answering:
            more["reply"] = {"root": root or answering, "parent": answering}
        if naming:
            start = len(text.partition("@")[0].encode())
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": naming.did}
            end = start + len(f"@{naming.handle}")
            more["facets"] = [{"index": {"byteStart": start, "byteEnd": end}, "features": [feature]}, *more.pop("facets", [])]
        return self.write(ids.POST, text=text, **more)

    def say_all(self, posts: list[Json]) -> None:
        """Many posts with few requests."""
        writes = [{"$type": "com.atproto.repo.applyWrites#create", "collection": ids.POST, "value": post} for post in posts]
        for start in range(0, len(writes), 100):
            self.ask("com.atproto.repo.applyWrites", repo=self.did, writes=writes[start : start + 100])

    def like(self, post: Json) -> Json:
        return self.write(ids.LIKE, subject={"uri": post["uri"], "cid": post["cid"]})

    def delete(self, record: Json) -> None:
        name = ids.split(record["uri"])
        self.ask("com.atproto.repo.deleteRecord", repo=self.did, collection=name.collection, rkey=name.key)

    def upload(self, content: bytes, media_type: str) -> Json:
        told = self._client.post("com.atproto.repo.uploadBlob", content=content, headers={"content-type": media_type})
        return told.raise_for_status().json()["blob"]

    def posts(self) -> list[Json]:
        """What the account has said, the oldest first."""
        found = self.get("com.atproto.repo.listRecords", repo=self.did, collection=ids.POST, limit=100)["records"]
        return sorted(found, key=lambda one: one["value"]["createdAt"])

    def app_password(self) -> str:
        return self.ask("com.atproto.server.createAppPassword", name=secrets.token_hex(4))["password"]

    def close(self) -> None:
        self._client.close()


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Atproto:
    """The two processes, and the people on the data server."""

    node: str
    modules: Path
    home: Path
    database: str
    ports: tuple[int, int, int]  # directory, view, data server
    rotation_key: str = field(default_factory=lambda: secrets.token_hex(32))
    token_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    view_did: str = ""
    network: subprocess.Popen[bytes] | None = None
    process: subprocess.Popen[bytes] | None = None
    people: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.ports[2]}"

    def person(self, name: str) -> Person:
        self.people += 1
        return Person(self.address, f"{name}{self.people}")

    def connect(self) -> None:
        for folder in ("data", "blobs", "uploads"):
            (self.home / folder).mkdir()
        self.network, ready = self._run("network", *map(str, self.ports), self.database)
        self.view_did = ready.split()[1]

    def start(self, *, forgets_sessions: bool = False) -> None:
        if forgets_sessions:
            self.token_secret = secrets.token_hex(16)
        places = [self.view_did, str(self.home), self.rotation_key, self.token_secret]
        self.process, _ = self._run("pds", *map(str, self.ports), *places)

    def stop(self) -> None:
        self.process = _ended(self.process)

    def disconnect(self) -> None:
        self.network = _ended(self.network)

    def _run(self, name: str, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
        """Start one of the programs, and wait until it says that it is ready."""
        command = [self.node, "--no-deprecation", "-r", str(HERE / "loopback.cjs"), str(HERE / f"{name}.cjs"), *arguments]
        path = self.home / f"{name}.out"
        environment = {**os.environ, "NODE_PATH": str(self.modules), "LOG_ENABLED": "false"}
        with path.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.home, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            ready = next((line for line in path.read_text(errors="replace").splitlines() if line.startswith("ready")), None)
            if ready is not None:
                return process, ready
            time.sleep(0.1)
        _ended(process)
        raise RuntimeError(f"{name} did not start:\n{path.read_text(errors='replace')[-4000:]}")


def _ended(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def atproto(server: embedded.Server) -> Iterator[Atproto]:
    with running(programs.node("atproto"), server.url) as network:
        yield network


@contextmanager
def running(node: tuple[str, Path], url: str) -> Iterator[Atproto]:
    """The network, with a database of its own in this PostgreSQL."""
    name = f"view_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    told = urlsplit(url)
    database = f"postgres://{told.netloc.rpartition('@')[0]}@localhost/{name}?host={parse_qs(told.query)['host'][0]}"
    home = Path(tempfile.mkdtemp(prefix="parley-atproto-"))
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    first, second, third = (int(one.getsockname()[1]) for one in free)
    for one in free:
        one.close()
    network = Atproto(*node, home, database, (first, second, third))
    try:
        network.connect()
        network.start()
        yield network
    finally:
        network.stop()
        network.disconnect()
        shutil.rmtree(home, ignore_errors=True)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
