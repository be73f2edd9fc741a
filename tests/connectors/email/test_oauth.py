"""Access tokens from a token endpoint of this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from connectors import http
from connectors.email.config import EmailConfig
from connectors.oauth import Tokens
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited, Transient


class Endpoint(ThreadingHTTPServer):
    """Gives the answers laid ready, in their order, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.asked: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/token"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        self.server.asked.append({name: values[0] for name, values in form.items()})
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    http.allow(["127.0.0.1"])
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    http.allow(())


def tokens(endpoint: Endpoint) -> Tokens:
    return EmailConfig(
        address="support@shop.example",
        imap_host="i",
        smtp_host="s",
        refresh_token="first-refresh-secret",
        client_id="parley",
        client_secret="client-secret",
        token_url=endpoint.url,
    ).tokens


def token(name: str, **fields: object) -> tuple[int, str]:
    return 200, json.dumps({"access_token": name, "expires_in": 3600, **fields})


async def test_a_token_is_used_until_it_ends_or_is_refused(endpoint: Endpoint):
    endpoint.answers = [token("one"), token("two"), token("three", expires_in=10), token("four")]
    current = tokens(endpoint)
    assert [await current.current(), await current.current()] == ["one", "one"]
    current.forget()
    assert await current.current() == "two"
    current.forget()
    assert await current.current() == "three"
    assert await current.current() == "four"  # ten seconds are too few to start with
    assert endpoint.asked[0] == {
        "grant_type": "refresh_token",
        "refresh_token": "first-refresh-secret",
        "client_id": "parley",
        "client_secret": "client-secret",
    }


async def test_a_new_refresh_token_replaces_the_old_one(endpoint: Endpoint):
    endpoint.answers = [token("one", refresh_token="second-refresh-secret"), token("two")]
    current = tokens(endpoint)
    await current.current()
    current.forget()
    await current.current()
    assert endpoint.asked[1]["refresh_token"] == "second-refresh-secret"


@pytest.mark.parametrize(
    ("status", "body", "failure", "words"),
    [
        (400, '{"error": "invalid_grant", "error_description": "first-refresh-secret is old"}', AuthError, "invalid_grant"),
        (401, '{"error": "invalid_client"}', AuthError, "invalid_client"),
        (400, '{"error": "first-refresh-secret"}', AuthError, "status 400"),  # no free text is repeated
        (400, "oops", AuthError, "status 400"),
        (429, "", RateLimited, "too many"),
        (500, "", Transient, "500"),
        (200, "{}", Transient, "no token"),
        (200, "first-refresh-secret", Transient, "no token"),
        (404, "", Permanent, "404"),
    ],
)
async def test_failures_of_the_endpoint_are_told_apart_and_repeat_no_secret(
    endpoint: Endpoint, status: int, body: str, failure: type[ConnectorError], words: str
):
    endpoint.answers = [(status, body)]
    with pytest.raises(failure, match=words) as raised:
        await tokens(endpoint).current()
    assert "secret" not in str(raised.value)
