"""What is refused because another website caused it, what every answer says to browsers, and whose word counts for an address."""

import asyncio
import socket

import httpx
import pytest
from fastapi import FastAPI

from api import headers, process
from api.app import create_app
from api.deps import House
from inbox.models import Role
from inbox.settings import Settings
from tests.api import knocking
from tests.api.people import browser, found, person
from tests.app import app_of

OURS = "http://parley.test"


@pytest.mark.parametrize(
    ("headers_sent", "allowed"),
    [
        ({"origin": OURS}, True),
        ({"origin": OURS.upper()}, True),
        ({"origin": "http://parley.test:8300"}, False),
        ({"origin": "https://parley.test"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://parley.test.evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({}, False),  # neither header: no browser of today, and no program has business with forms
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),  # another host of the same domain
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": OURS}, False),
        ({"host": "10.0.0.5:8300", "origin": "http://10.0.0.5:8300"}, True),  # reached by another name than the public one
        ({"host": "10.0.0.5:8300", "origin": "http://evil.example"}, False),
    ],
)
async def test_an_unsafe_request_comes_from_our_own_pages(app: FastAPI, headers_sent: dict[str, str], allowed: bool):
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        answer = await client.post("/sign-out", headers=headers_sent)
    refused = answer.status_code == 403
    assert refused is not allowed
    if refused:
        assert answer.json()["code"] == "other_website"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("parley.test", True),
        ("PARLEY.test.:8300", True),
        ("inbox.lan", True),  # of the settings
        ("localhost:8300", True),
        ("127.0.0.1:8300", True),
        ("192.168.1.5:8300", True),  # an address is nobody's name: only those who are there can answer for it
        ("[::1]:8300", True),
        ("[fe80::1]", True),
        (socket.gethostname(), True),
        ("evil.example", False),
        ("evil.example:8300", False),
        ("127.0.0.1.evil.example", False),
        ("parley.test.evil.example", False),
        ("evil.example@parley.test", False),
        ("parley.test@evil.example", False),
        ("parley.test, evil.example", False),
        ("127.0.0.1:8300:evil.example", False),
        ("[evil.example]", False),
        ("::1", False),
        ("", False),
        ("parley.test\x85", False),
    ],
)
async def test_only_our_own_names_are_answered_whatever_a_name_server_says(app: FastAPI, house: House, host: str, known: bool):
    house.settings = house.settings.model_copy(update={"allowed_hosts": ("Inbox.lan",)})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        for path in ("/sign-in", "/widget/unknown.js", "/metrics", "/static/icon.svg"):
            answer = await client.get(path, headers={"host": host.encode("latin1")})
            assert (answer.status_code == 421) is not known, path
        assert (await client.get("/healthz", headers={"host": host.encode("latin1")})).status_code == 200
        assert (await client.get("/readyz", headers={"host": host.encode("latin1")})).status_code == 200
    sent = await knocking.sent(app, "/w/1/live", None, {}, host=host)
    assert (sent == [{"type": "websocket.close", "code": 1008, "reason": "by another name"}]) is not known


async def test_who_asks_by_another_name_is_told_which_setting_to_change(app: FastAPI):
    async with browser(app) as page:
        told = await page.get("/sign-in", headers={"host": "<b>nas</b>.lan", "accept-language": "de"})
        assert (await page.get("/sign-in", headers=[("host", "parley.test"), ("host", "evil.example")])).status_code == 421
    assert "PARLEY_ALLOWED_HOSTS" in told.text
    assert "&lt;b&gt;nas&lt;/b&gt;.lan" in told.text
    assert 'lang="de"' in told.text


@pytest.mark.parametrize(
    ("given", "host", "known"),
    [
        ({"url": "https://Inbox.example.org:444/", "host": "0.0.0.0"}, "inbox.example.org", True),  # never bound
        ({"host": "nas.lan"}, "nas.lan:8300", True),
        ({"host": "0.0.0.0"}, "10.1.2.3:8300", True),
        ({"host": "0.0.0.0"}, "rebound.example:8300", False),
    ],
)
async def test_who_set_no_address_reaches_parley_by_the_machines_own(house: House, given: dict[str, str], host: str, known: bool):
    house.settings = Settings(home=house.settings.home, **given)  # pyright: ignore[reportArgumentType]
    transport = httpx.ASGITransport(app=app_of(house))
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        assert ((await client.get("/sign-in", headers={"host": host})).status_code == 200) is known


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_every_method_that_is_not_known_as_safe_is_refused_to_other_websites(client: httpx.AsyncClient, method: str):
    answer = await client.request(method, "/sign-out", headers={"origin": "http://evil.example"})
    assert answer.json()["code"] == "other_website"


async def test_what_another_website_causes_changes_nothing(app: FastAPI, house: House):
    nora = await person(house, await found(house))
    async with browser(app, nora) as client:
        await client.post("/sign-out", headers={"origin": "http://evil.example"})
        assert (await client.get("/account", headers={"origin": "http://evil.example"})).status_code == 200, "reading is not refused"


@pytest.mark.parametrize("path", ["/hooks/unknown", "/api/v1/templates", "/widget/unknown/chat"])
async def test_doors_with_a_proof_of_their_own_take_requests_from_anywhere(app: FastAPI, path: str):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        answer = await client.post(path, headers={"origin": "http://evil.example", "sec-fetch-site": "cross-site"})
    assert "other_website" not in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
async def test_a_websocket_of_another_website_is_refused_before_it_opens(app: FastAPI, house: House, origin: str | None):
    nora = await person(house, await found(house))
    sent = await knocking.sent(app, f"/w/{nora.member.workspace_id}/live", origin, nora.cookies)
    assert [message["type"] for message in sent] == ["websocket.close"]


async def test_a_websocket_of_our_own_page_is_let_through_to_its_route(app: FastAPI, house: House):
    sent = await knocking.sent(app, "/w/1/live", OURS, {})
    assert sent != [{"type": "websocket.close", "code": 1008, "reason": "from another website"}]


@pytest.mark.parametrize("path", ["/sign-in", "/nowhere", "/api/v1/templates", "/static/icon.svg", "/healthz"])
async def test_every_answer_has_the_headers_that_guard_it(client: httpx.AsyncClient, path: str):
    answer = await client.get(path)
    for name, value in headers.HEADERS.items():
        assert answer.headers[name] == value
    assert "strict-transport-security" not in answer.headers, "not on plain http"


async def test_even_an_answer_to_an_unexpected_error_is_guarded(house: House):
    async def fail() -> None:
        raise RuntimeError

    app = create_app(house)
    app.add_api_route("/fails", fail)
    async with browser(app) as page:
        answer = await page.get("/fails")
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == headers.CONTENT_POLICY


async def test_the_policy_allows_no_script_or_style_inside_of_pages(app: FastAPI, house: House):
    nora = await person(house, await found(house))
    base = f"/w/{nora.member.workspace_id}/settings"
    async with browser(app, nora) as client:
        for path in ("/sign-in", "/account", "/account/codes", *(f"{base}/{part}" for part in ("members", "channels", "teams", "labels"))):
            page = (await client.get(path)).text
            assert page.startswith("<!doctype html>")
            assert " style=" not in page
            assert "<style" not in page
            assert "<script>" not in page
            assert " onclick=" not in page
    assert "unsafe" not in headers.CONTENT_POLICY


async def test_pages_about_people_are_not_kept_by_browsers(app: FastAPI, house: House):
    nora = await person(house, await found(house), role=Role.ADMIN)
    async with browser(app, nora) as client:
        assert (await client.get("/account")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("trusted", "told", "believed"),
    [
        ((), "203.0.113.9", "127.0.0.1"),  # uvicorn alone would believe everybody on this machine
        (("10.0.0.0/8",), "203.0.113.9", "127.0.0.1"),
        (("127.0.0.1",), "203.0.113.9", "203.0.113.9"),
        (("127.0.0.1", "10.0.0.0/8"), "6.6.6.6, 203.0.113.9, 10.9.9.9", "203.0.113.9"),  # the first was written by the caller
    ],
)
async def test_only_a_trusted_proxy_may_say_whose_address_it_is(
    app: FastAPI, settings: Settings, trusted: tuple[str, ...], told: str, believed: str
):
    served = settings.model_copy(update={"trusted_proxies": trusted})
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(process._answer(app, served, listener, stop))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
            answer = await client.get("/healthz", headers={"x-forwarded-for": told, "x-forwarded-proto": "https"})
        stop.set()
        await serving
    assert answer.json()["client"] == believed
