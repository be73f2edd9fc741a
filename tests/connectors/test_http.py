"""The one HTTP client: which addresses it refuses, and what each failure of a platform becomes."""

import asyncio
import gzip
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import http
from inbox.contract import Ambiguous, AuthError, Permanent, RateLimited, Transient
from tests.connectors.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, platform, says


@pytest.fixture(autouse=True)
def _allowed() -> Any:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


@pytest.fixture
async def client() -> AsyncIterator[http.Client]:
    client = http.Client("Springfield Times", limit=1000, timeout=http.httpx.Timeout(0.5), headers={"authorization": f"Bearer {TOKEN}"})
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    ("answer", "reading", "sending"),
    [
        (says(401), AuthError, AuthError),
        (says(403), AuthError, AuthError),
        (says(404), Permanent, Permanent),
        (says(422), Permanent, Permanent),
        (says(302, b"", "location: /elsewhere"), Permanent, Permanent),
        (says(408), Transient, Transient),
        (says(429, b"", "retry-after: 7"), RateLimited, RateLimited),
        (says(503, b"", "retry-after: 7"), RateLimited, RateLimited),
        (says(503), Transient, Transient),  # by definition not taken
        (says(500), Transient, Ambiguous),  # it may have been stored before it failed
        (says(502), Transient, Ambiguous),
        (says(504), Transient, Ambiguous),
        (says(200, b"<html>"), Transient, Ambiguous),  # accepted, perhaps, but what was said cannot be read
        (says(200, b"[" * 990), Transient, Ambiguous),
        (says(200, b"x" * 1001), Transient, Ambiguous),
        (hangs, Transient, Ambiguous),
        (hangs_up, Transient, Ambiguous),
        (breaks_off, Transient, Ambiguous),
    ],
)
async def test_what_each_failure_becomes(
    client: http.Client, answer: Answer, reading: type, sending: type, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    async with platform(answer) as url:
        for is_send, expected in ((False, reading), (True, sending)):
            with pytest.raises(expected) as failed:
                await client.fetch_json("POST", url, sending=is_send, json={"text": "Hello"})
            assert type(failed.value) is expected
            assert "Springfield Times" in str(failed.value)
            assert TOKEN not in f"{failed.value}{failed.value.__cause__}{failed.value.__context__ and failed.value.__suppress_context__}"
    assert TOKEN not in caplog.text


async def test_a_platform_that_is_not_there_has_certainly_taken_nothing(client: http.Client):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        with pytest.raises(Transient):
            await client.fetch("POST", url, sending=True)


async def test_an_answer_comes_back_without_its_address(client: http.Client):
    async with platform(says(200, b'{"id": 1}')) as url:
        assert await client.fetch_json("GET", url) == {"id": 1}
        answer = await client.fetch("GET", url)
    assert TOKEN not in repr(vars(answer))


async def test_a_status_that_the_caller_expects_is_no_failure(client: http.Client):
    async with platform(says(304)) as url:
        assert (await client.fetch("GET", url, expected={304})).status_code == 304


async def test_a_compressed_answer_is_read_and_its_size_is_that_of_its_content(client: http.Client):
    async with platform(says(200, gzip.compress(b'{"id": 1}'), "content-encoding: gzip")) as url:
        assert await client.fetch_json("GET", url) == {"id": 1}
    async with platform(says(200, gzip.compress(b"x" * 2000), "content-encoding: gzip")) as url:
        with pytest.raises(Transient, match="more than"):
            await client.fetch("GET", url)


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),  # carrier-grade NAT
        ("169.254.169.254", False),  # the metadata of clouds
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),  # the same, written as IPv6
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),  # behind a translator
        ("2002:7f00:1::", False),  # 6to4
        ("::7f00:1", False),  # the oldest way to write an IPv4 address
        ("::ffff:0:7f00:1", False),  # translated without state
        ("64:ff9b:1::7f00:1", False),  # a translator of one's own
        ("fec0::1", False),  # once private
        ("240.0.0.1", False),
    ],
)
def test_only_public_addresses_may_be_reached(address: str, reachable: bool):
    http.allow([])
    assert http.may_reach(address) is reachable


def test_a_network_that_the_installation_allows_may_be_reached_and_no_other():
    http.allow(["10.0.0.0/8", "fd00::/8"])
    assert http.may_reach("10.1.2.3")
    assert http.may_reach("fd12::1")
    assert http.may_reach("::ffff:10.1.2.3")
    assert not http.may_reach("192.168.1.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]", "[::ffff:7f00:1]"])
async def test_a_private_address_is_refused_however_it_is_written(client: http.Client, host: str):
    http.allow([])
    with pytest.raises(Permanent):
        await client.fetch("GET", f"http://{host}:9/")


async def test_a_redirect_to_a_private_address_is_refused(client: http.Client):
    http.allow(["127.0.0.1"])
    async with platform(says(302, b"", "location: http://127.0.0.2:9/")) as url:
        with pytest.raises(http.Forbidden):
            await client.fetch("GET", url, follow_redirects=True)


async def test_a_name_that_changes_its_address_between_two_looks_gains_nothing(client: http.Client, monkeypatch: pytest.MonkeyPatch):
    """DNS rebinding: an allowed address when it is checked, another one when it is connected to. There is only one look."""
    http.allow(["127.0.0.1"])
    looks: list[str] = []

    async def getaddrinfo(host: str, port: int, **more: Any) -> list[Any]:
        looks.append(host)
        address = "127.0.0.1" if len(looks) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with platform(says(200, b'{"id": 1}')) as url:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        assert await client.fetch_json("GET", url.replace("127.0.0.1", "rebinding.test")) == {"id": 1}
        assert looks == ["rebinding.test"]
        with pytest.raises(http.Forbidden):
            await client.fetch("GET", url.replace("127.0.0.1", "rebinding.test"))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, http.PAUSE),
        ("", http.PAUSE),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", http.PAUSE),
        ("inf", http.LONGEST_PAUSE),
        ("1e9", http.LONGEST_PAUSE),
        ("soon", http.PAUSE),
        ("Mon, 02 Mar 2026 09:01:00 GMT", 60.0),
        ("Mon, 02 Mar 2026 08:00:00 GMT", 0.0),
        ("Mon, 99 Mar 2026", http.PAUSE),
    ],
)
def test_how_long_to_wait_is_read_within_bounds(value: str | None, seconds: float):
    assert http.retry_after(value, now=datetime(2026, 3, 2, 9, tzinfo=UTC)) == seconds
