"""Websockets of connectors: guarded, and their failures told in the contract's words."""

import logging
from collections.abc import Iterator

import pytest
from websockets.asyncio.server import ServerConnection, serve

from connectors import http, websocket
from inbox.contract import AuthError, Permanent, RateLimited, Transient
from tests.connectors.answers import Answer, hangs_up, platform, says

TOKEN = "hunter2"


@pytest.fixture(autouse=True)
def _forbidden() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


async def test_what_is_said_comes_and_goes_and_is_never_logged(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        await connection.send(f"{await connection.recv()} {connection.request.headers['x-own']}")

    async with serve(echo, "127.0.0.1", 0, logger=logging.getLogger("quiet"), compression=None) as server:
        logging.getLogger("quiet").setLevel(logging.CRITICAL)
        port = next(iter(server.sockets)).getsockname()[1]
        connection = await websocket.connect("The platform", f"ws://127.0.0.1:{port}/?token={TOKEN}", headers={"x-own": "yes"})
        await connection.send(TOKEN)
        assert await connection.recv() == f"{TOKEN} yes"
        await connection.close()
    assert TOKEN not in caplog.text


async def test_a_private_address_is_out_of_reach():
    http.allow([])
    for address in ("ws://127.0.0.1:9/", "ws://[::1]:9/", "wss://localhost/", "ws://169.254.169.254/"):
        with pytest.raises(http.Forbidden):
            await websocket.connect("The platform", address)


@pytest.mark.parametrize("address", ["", "http://a.example/", "ws:///", "ws://a.example:99999999/", "nonsense"])
async def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(Permanent, match="cannot be used"):
        await websocket.connect("The platform", address)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (says(401), AuthError),
        (says(403), AuthError),
        (says(429, b"", "retry-after: 7"), RateLimited),
        (says(500), Transient),
        (says(200, b"<html>"), Transient),
        (hangs_up, Transient),
    ],
)
async def test_a_handshake_that_fails_says_why_without_the_address(answer: Answer, error: type[Exception]):
    async with platform(answer) as address:
        with pytest.raises(error) as failed:
            await websocket.connect("The platform", address.replace("http:", "ws:"))
    assert TOKEN not in repr(failed.value)
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == 7


async def test_nobody_there_is_a_passing_failure():
    for address in ("ws://127.0.0.1:9/", "ws://nowhere.invalid/"):
        with pytest.raises(Transient):
            await websocket.connect("The platform", address)
