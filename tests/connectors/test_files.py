"""Files that messages only point to, fetched by the host from a real server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlmodel import col

import connectors
from api.deps import House
from connectors import http
from inbox import contract
from inbox.contract import Batch
from inbox.models import Attachment
from inbox.models.conversations import FETCH_TRIES
from tests.connectors.stage import message
from tests.connectors.test_runner import Theatre

PICTURE = b"\x89PNG picture"


class Shelf:
    """A platform's file server: what it answers for each path, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[bytes]] = {}
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = request.split(" ")[1]
        self.asked.append(path)
        answers = self.answers[path]
        writer.write(answers.pop(0) if len(answers) > 1 else answers[0])
        await writer.drain()
        writer.close()

    def put(self, path: str, *answers: bytes) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.port}{path}"


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


OK = answer("200 OK", PICTURE, content_type="image/png; charset=binary")


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    server = await asyncio.start_server(shelf.serve, "127.0.0.1", 0)
    shelf.port = server.sockets[0].getsockname()[1]
    async with server:
        yield shelf


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Theatre]:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.stage:Stage")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",), "max_upload_bytes": 2000})
    yield Theatre(house)
    http.allow(())


@asynccontextmanager
async def arrived(theatre: Theatre, *urls: str) -> AsyncIterator[None]:
    files = [contract.Attachment(name="picture", media_type="", content=None, url=url) for url in urls]
    await theatre.channel(Batch([replace(message(1), attachments=files)], "one"))
    async with theatre.host():
        yield


async def stored(theatre: Theatre) -> list[Attachment]:
    async with theatre.house.database.transaction() as session:
        return list(await session.scalars(select(Attachment).order_by(col(Attachment.id))))


def is_loading(file: Attachment) -> bool:
    return file.sha256 is None and file.fetch_tries < FETCH_TRIES


async def until_settled(theatre: Theatre, number: int = 1) -> list[Attachment]:
    async def settled() -> bool:
        files = await stored(theatre)
        return len(files) == number and not any(is_loading(file) for file in files)

    await theatre.until(settled)
    return await stored(theatre)


async def test_a_file_at_the_platform_is_fetched_after_the_message_has_come_and_pages_are_told(theatre: Theatre, shelf: Shelf):
    async with arrived(theatre, shelf.put("/a", answer("302 Found", location="/b")), shelf.put("/b", OK)):
        files = await until_settled(theatre, 2)
    assert [(file.media_type, file.size) for file in files] == [("image/png", len(PICTURE))] * 2
    assert theatre.house.files.path(files[0].sha256 or "").read_bytes() == PICTURE
    assert await theatre.events("message.received", "message.completed") == ["message.received", *["message.completed"] * 2]


async def test_a_server_that_fails_is_asked_again_later_and_not_at_once(theatre: Theatre, shelf: Shelf):
    async with arrived(theatre, shelf.put("/a", answer("500 Oops"), OK)):
        await theatre.until(lambda: shelf.asked == ["/a"])
        await asyncio.sleep(0.3)
        assert shelf.asked == ["/a"]
        (waiting,) = await stored(theatre)
        assert is_loading(waiting)
        assert (waiting.fetch_at - waiting.created_at).total_seconds() > 60
        await theatre.change("UPDATE attachment SET fetch_at = now() - interval '1 second'")
        (file,) = await until_settled(theatre)
    assert file.sha256 is not None
    assert shelf.asked == ["/a", "/a"]


@pytest.mark.parametrize(
    "last",
    [
        answer("404 Not Found"),  # expired
        answer("403 Forbidden"),  # wants credentials
        answer("200 OK"),  # nothing there
        answer("302 Found", location="http://127.0.0.2/"),  # leads into a private network
        answer("302 Found", location="file:///etc/passwd"),
        answer("302 Found", location="/a"),  # in a circle
    ],
)
async def test_a_file_that_will_not_come_stays_a_link(theatre: Theatre, shelf: Shelf, last: bytes):
    async with arrived(theatre, shelf.put("/a", last)):
        (file,) = await until_settled(theatre)
    assert (file.sha256, file.url) == (None, f"http://127.0.0.1:{shelf.port}/a")
    assert await theatre.events("message.completed") == ["message.completed"]


async def test_a_file_that_is_too_large_is_never_kept(theatre: Theatre, shelf: Shelf):
    async with arrived(theatre, shelf.put("/a", answer("200 OK", b"x" * 2001))):
        await theatre.until(lambda: shelf.asked == ["/a"])
        await theatre.change(f"UPDATE attachment SET fetch_at = NULL, fetch_tries = {FETCH_TRIES - 1}")
        (file,) = await until_settled(theatre)
    assert file.sha256 is None
    assert not list(theatre.house.files.folder.rglob("*"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a", "http://localhost/a", "http://[::ffff:127.0.0.1]/a", "http://0.0.0.0/", "http://2130706433/"]
)
async def test_an_address_in_a_private_network_is_never_asked(theatre: Theatre, url: str):
    theatre.house.settings = theatre.house.settings.model_copy(update={"allow_private_networks": ()})
    async with arrived(theatre, url):
        (file,) = await until_settled(theatre)
    assert (file.sha256, file.fetch_tries) == (None, FETCH_TRIES)


async def test_the_file_of_a_deleted_message_is_not_fetched(theatre: Theatre, shelf: Shelf):
    async with arrived(theatre, shelf.put("/a", answer("500 Oops"), OK)):
        await theatre.until(lambda: shelf.asked == ["/a"])
        await theatre.change("UPDATE message SET deleted_at = now(); UPDATE attachment SET fetch_at = NULL")
        await asyncio.sleep(0.3)
    assert shelf.asked == ["/a"]
