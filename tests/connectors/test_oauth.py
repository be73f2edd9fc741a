"""Access tokens, and the requests that show them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from connectors import http, rest
from connectors.oauth import Grant, Tokens
from connectors.rest import Doubtful, Json, Stale
from inbox.contract import Ambiguous, AuthError, ConnectorError, Transient
from tests.connectors.served import Fake, serving, told

REFRESH = "hunter2-refresh"


@dataclass
class Provider(Fake):
    """Hands out a token at a time; only the newest is good."""

    made: int = 0
    forms: list[Any] = field(default_factory=list[Any])
    expires_in: float = 3600
    answers: list[Response] = field(default_factory=list[Response])

    async def respond(self, request: Request) -> Response:
        if request.url.path == "/token":
            self.forms.append(dict(await request.form()) if "form" in request.headers["content-type"] else await request.json())
            self.made += 1
            return told({"access_token": f"t{self.made}", "expires_in": self.expires_in, "refresh_token": f"{REFRESH}{self.made}"})
        if self.answers:
            return self.answers.pop(0)
        return told({"ok": True}) if request.headers.get("authorization") == f"Bearer t{self.made}" else told({}, 401)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    http.allow(["127.0.0.0/8"])
    found = Provider()
    async with serving(found):
        yield found
    http.allow([])


def grant(provider: Provider, **more: Any) -> Grant:
    return Grant(f"{provider.address}/token", {"grant_type": "refresh_token", "refresh_token": REFRESH}, **more)


def judge(response: httpx.Response, content: Json) -> ConnectorError | None:
    if response.status_code == 401 or content.get("code") == "stale":
        return Stale("No.")
    return Doubtful("Perhaps.") if content.get("code") == "doubtful" else None


async def test_a_token_is_fetched_once_for_requests_at_the_same_time_and_kept(provider: Provider):
    tokens = Tokens(grant(provider))
    assert await asyncio.gather(*(tokens.current() for _ in range(5))) == ["t1"] * 5
    assert await tokens.headers("GET", "", {}) == {"authorization": "Bearer t1"}


async def test_a_token_that_runs_out_is_replaced_with_the_newest_refresh_token(provider: Provider):
    provider.expires_in = 1
    tokens = Tokens(grant(provider))
    assert [await tokens.current(), await tokens.current()] == ["t1", "t2"]
    assert [form["refresh_token"] for form in provider.forms] == [REFRESH, f"{REFRESH}1"]


async def test_json_and_basic_are_sent_where_the_platform_wants_them(provider: Provider):
    await Tokens(grant(provider, as_json=True, basic=("id", "secret"), user_agent="parley")).current()
    assert provider.forms == [{"grant_type": "refresh_token", "refresh_token": REFRESH}]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (told({"error": "invalid_grant", "error_description": f"{REFRESH} is revoked"}, 400), AuthError),
        (told({"error": f"{REFRESH} is revoked"}, 200), AuthError),
        (told({"code": 40103, "message": REFRESH}, 200), AuthError),
        (told({}, 200), Transient),
        (Response("<html>"), Transient),
        (Response(status_code=500), Transient),
    ],
)
async def test_a_refusal_tells_no_secret(
    provider: Provider, response: Response, expected: type[Exception], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    provider.trouble["POST /token"] = [response]
    with pytest.raises(expected) as failed:
        await Tokens(grant(provider)).current()
    assert REFRESH not in f"{failed.value!r}{caplog.text}{grant(provider)!r}"


async def test_a_token_that_was_given_is_used_and_never_replaced(provider: Provider):
    tokens = Tokens(given="t0", header="access-token", scheme="")
    assert await tokens.headers("GET", "", {}) == {"access-token": "t0"}
    assert not tokens.forget()
    assert provider.requests == []


async def test_a_request_is_tried_once_more_with_a_fresh_token(provider: Provider):
    api = rest.Api("It", provider.address, Tokens(grant(provider)), judge)
    provider.answers = [told({"code": "stale"})]
    assert await api.get("/thing", flag=True, missing=None) == {"ok": True}
    provider.answers = [told({"code": "stale"}), told({"code": "stale"})]
    with pytest.raises(Stale):
        await api.get("/thing")
    assert provider.requests.count("GET /thing") == 4
    await api.aclose()


async def test_a_failure_of_the_platforms_own_leaves_a_doubt_only_when_something_was_changed(provider: Provider):
    api = rest.Api("It", provider.address, Tokens(given="t0"), judge)
    provider.answers = [told({"code": "doubtful"}), told({"code": "doubtful"}), Response(status_code=204), told([1])]
    with pytest.raises(Transient):
        await api.get("/thing")
    with pytest.raises(Ambiguous):
        await api.call("POST", "/thing", sending=True)
    assert await api.call("DELETE", "/thing", sending=True) == {}
    with pytest.raises(Ambiguous):
        await api.call("POST", "/thing", sending=True)
    await api.aclose()


def test_parts_of_answers_are_found_or_not_there():
    assert rest.objects([{"a": 1}, 2, None]) == [{"a": 1}, {}, {}]
    assert (rest.objects({}), rest.first([]), rest.first([{"a": 1}])) == ([], {}, {"a": 1})
    assert (rest.inner({"a": {"b": 1}}, "a", "b"), rest.inner({"a": [1]}, "a", "b"), rest.inner(None, "a")) == (1, None, None)
