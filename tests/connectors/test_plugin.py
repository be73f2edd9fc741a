"""The package of docs/connectors.md: built, installed beside Parley, run as a channel, and checked by the suite that ships."""

import asyncio
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

import connectors
from api.deps import House
from inbox.conversations import replies
from inbox.models import Conversation, Delivery, Direction, Message
from tests.connectors.test_runner import Theatre
from tests.make import Make

ROOT = Path(__file__).parents[2]
SHOWN = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
LONGEST = 50  # lines: a connector is that small


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page shows, as a person would write them down."""
    folder = tmp_path_factory.mktemp("square")
    for name, text in SHOWN.findall((ROOT / "docs" / "connectors.md").read_text()):
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def installed(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put it: nothing is fetched."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps", "--target", target]
    subprocess.run([*pip, wheel(package)], check=True, timeout=120)
    return target


def wheel(package: Path) -> Path:
    """What a build backend makes of the two files; there may be none here."""
    about = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    name = about["name"].replace("-", "_")
    points = "".join(
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in found.items()) for group, found in about["entry-points"].items()
    )
    files = {
        "parley_square.py": (package / "parley_square.py").read_text(),
        f"{name}-{about['version']}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n",
        f"{name}-{about['version']}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}-{about['version']}.dist-info/entry_points.txt": points,
    }
    record = f"{name}-{about['version']}.dist-info/RECORD"
    lines = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[record] = "\n".join([*lines, f"{record},,"])
    made = package / f"{name}-{about['version']}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return made


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def found(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Parley as it starts beside the package."""
    monkeypatch.syspath_prepend(installed)
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    yield
    sys.modules.pop("parley_square", None)
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()


class Town:
    """The square's own server: one comment, and what was answered."""

    def __init__(self) -> None:
        at, by = "2026-03-02T08:00:00+00:00", {"id": "anna", "name": "Anna"}
        self.comments = [{"id": "m1", "thread": "t1", "text": "When?", "at": at, "by": by}]
        self.answers: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        body = await reader.readexactly(int(length[1])) if length else b""
        assert b"Bearer square-secret" in head
        told: Any = [] if b"after=m1" in head else self.comments
        if b" /me " in head:
            told = {"id": "us", "name": "Us"}
        elif head.startswith(b"POST"):
            self.answers.append(json.loads(body))
            told = {"id": "900"}
        content = json.dumps(told).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(content), content))
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def test_the_example_is_as_short_as_the_page_says(package: Path):
    assert len([line for line in (package / "parley_square.py").read_text().splitlines() if line.strip()]) < LONGEST


async def test_an_installed_package_is_a_channel_that_brings_messages_and_takes_replies(found: None, house: House):
    house = replace(house, settings=house.settings.model_copy(update={"allow_private_networks": ("127.0.0.0/8",)}))
    theatre, town = Theatre(house), Town()
    assert connectors.find("square").title == "Example Square"
    async with town.open() as address:
        async with house.database.transaction() as session:
            make = Make(session)
            config = house.vault.encrypt(json.dumps({"address": address, "token": "square-secret"}))
            await make.channel(await make.workspace(undo_seconds=0), platform="square", config=config, account_id="")
        async with theatre.host():
            await theatre.until(lambda: _count(theatre, 1))
            async with house.database.transaction() as session:
                conversation = (await session.scalars(select(Conversation))).one()
                await replies.queue(session, conversation, None, body="At nine.", client_key="one", now=conversation.created_at)
            await theatre.until_delivery(Delivery.SENT)
    assert town.answers == [{"text": "At nine.", "answers": "m1", "key": "one"}]
    sent = await theatre.ask(select(col(Message.external_id)).where(col(Message.direction) == Direction.OUT))
    assert sent == "900"


async def _count(theatre: Theatre, number: int) -> bool:
    return await theatre.messages() == number


def test_the_suite_that_ships_checks_it_with_one_option_of_pytest(package: Path, installed: Path):
    plugged = "parley" in entry_points(group="pytest11").names  # as an installed Parley brings it; from a checkout it is named
    given = [] if plugged else ["-p", "connectors.conformance.plugin"]
    path = os.pathsep.join([str(installed), str(package), str(ROOT)])
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *given, "--parley-connector=square_adapter:ADAPTER"],
        cwd=package,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    passed = int(re.search(r"(\d+) passed", run.stdout)[1])  # type: ignore[index]
    assert passed > 30, run.stdout


def test_parley_runs_where_there_is_no_pytest():
    """The suite ships; what it is run by does not."""
    forbid = "import sys; sys.modules['pytest'] = None; import api.app, connectors.runner, connectors.conformance.checks"
    subprocess.run([sys.executable, "-c", forbid], check=True, cwd=ROOT, timeout=60)
