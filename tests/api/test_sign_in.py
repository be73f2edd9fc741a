"""Signing in and out, the first run, invitations, and one's own account."""

import re
from datetime import timedelta

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from api.deps import COOKIE, House
from inbox.models import Role
from inbox.team import invitations, workspaces
from tests.api.people import PASSWORD, Person, browser, found, kinds, person

FORM = {"email": "Nora@Example.org ", "password": PASSWORD}


@pytest.fixture
async def nora(house: House) -> Person:
    return await person(house, await found(house), email="nora@example.org")


async def test_the_right_password_signs_in_and_the_cookie_is_kept_from_scripts(client: httpx.AsyncClient, nora: Person):
    answer = await client.post("/sign-in", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert (await client.get("/")).headers["location"] == f"/w/{nora.member.workspace_id}/inbox"


async def test_the_cookie_is_secure_where_people_come_by_https(app: FastAPI, house: House, nora: Person):
    house.settings = house.settings.model_copy(update={"url": "https://inbox.example.org"})
    async with browser(app) as client:
        answer = await client.post("/sign-in", data=FORM, headers={"origin": "https://inbox.example.org", "host": "inbox.example.org"})
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize("form", [{**FORM, "password": "wrong horse battery"}, {**FORM, "email": "nobody@example.org"}, {}])
async def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(app: FastAPI, nora: Person, form: dict[str, str]):
    async with browser(app) as client:
        answer = await client.post("/sign-in", data=form)
    assert answer.status_code == 401
    assert "The address or the password is not right." in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("/w/1/inbox?view=mine", "/w/1/inbox?view=mine"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),  # browsers drop the tab
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
async def test_signing_in_goes_on_to_local_addresses_only(client: httpx.AsyncClient, nora: Person, asked: str, goes: str):
    answer = await client.post("/sign-in", data={**FORM, "next": asked})
    assert answer.headers["location"] == goes


async def test_a_page_that_needs_signing_in_is_gone_on_to_afterwards(app: FastAPI, nora: Person):
    address = f"/w/{nora.member.workspace_id}/settings/members?a=b&c=d"
    async with browser(app) as client:
        answer = await client.get(address)
        assert answer.status_code == 303
        page = await client.get(answer.headers["location"])
    assert f'name="next" value="{address.replace("&", "&amp;")}"' in page.text


async def test_too_many_tries_have_to_wait_even_with_the_right_password(app: FastAPI, nora: Person):
    async with browser(app) as client:
        for _ in range(10):
            assert (await client.post("/sign-in", data={**FORM, "password": "wrong"})).status_code == 401
        answer = await client.post("/sign-in", data=FORM)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == 900
    assert "tried too often" in answer.text


async def test_the_throttle_of_one_address_locks_nobody_out_elsewhere(app: FastAPI, nora: Person):
    for address, expected in [("198.51.100.1", 429), ("198.51.100.2", 303)]:
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://parley.test", headers={"origin": "http://parley.test"}
        ) as client:
            for _ in range(10 if expected == 429 else 0):
                await client.post("/sign-in", data={**FORM, "password": "wrong"})
            assert (await client.post("/sign-in", data=FORM)).status_code == expected


async def test_signing_out_ends_the_session_itself(app: FastAPI, nora: Person):
    async with browser(app, nora) as client:
        assert (await client.get("/account")).status_code == 200
        assert (await client.post("/sign-out")).status_code == 303
    async with browser(app, nora) as client:  # the cookie, kept by a thief
        assert (await client.get("/account")).status_code == 303


async def test_a_code_is_asked_for_once_it_is_set_up_and_is_good_once(app: FastAPI, house: House, nora: Person):
    async with browser(app, nora) as client:
        page = await client.get("/account/codes")
        assert "<svg" in page.text
        secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', page.text)[1]
        assert (await client.post("/account/codes", data={"secret": secret, "code": "000000"})).status_code == 422
        code = pyotp.TOTP(secret).at(house.clock())
        assert (await client.post("/account/codes", data={"secret": secret, "code": code})).status_code == 303
    async with browser(app) as client:
        page = await client.post("/sign-in", data={**FORM, "next": "/account"})
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        proof = re.search(r'name="proof" value="([^"]+)"', page.text)[1]
        used = {"proof": proof, "next": "/account"}
        assert (await client.post("/sign-in/code", data={**used, "code": code})).status_code == 401, "the code of the set-up was used"
        later = pyotp.TOTP(secret).at(house.clock() + timedelta(seconds=30))
        assert (await client.post("/sign-in/code", data={**used, "code": later})).headers["location"] == "/account"
        assert (await client.post("/sign-in/code", data={**used, "code": later})).status_code == 401


@pytest.mark.parametrize("spoil", [lambda proof: "", lambda proof: proof[:-1], lambda proof: "2" + proof, lambda proof: "9" * 30 + proof])
async def test_a_code_without_the_proof_of_a_password_opens_nothing(app: FastAPI, house: House, nora: Person, spoil):
    async with browser(app, nora) as client:
        secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', (await client.get("/account/codes")).text)[1]
        await client.post("/account/codes", data={"secret": secret, "code": pyotp.TOTP(secret).at(house.clock())})
    async with browser(app) as client:
        proof = re.search(r'name="proof" value="([^"]+)"', (await client.post("/sign-in", data=FORM)).text)[1]
        code = pyotp.TOTP(secret).at(house.clock() + timedelta(seconds=30))
        assert (await client.post("/sign-in/code", data={"proof": spoil(proof), "code": code})).status_code == 401


async def test_the_first_run_link_makes_the_admin_and_the_workspace_once(app: FastAPI, house: House):
    form = {"name": "Nora", "email": "nora@example.org", "password": PASSWORD, "workspace": "Harbour", "timezone": "Europe/Oslo"}
    async with house.database.transaction() as session:
        await workspaces.create(session, name="Demo", is_demo=True, now=house.clock())
        token = await invitations.first_run_link(session, now=house.clock())
        other = await invitations.first_run_link(session, now=house.clock())
    async with browser(app) as client:
        assert (await client.get(f"/first-run/{token}")).status_code == 200
        assert (await client.post(f"/first-run/{token}", data={**form, "password": "short"})).status_code == 422
        answer = await client.post(f"/first-run/{token}", data=form)
        assert answer.status_code == 303
        assert (await client.get(answer.headers["location"].replace("inbox", "settings/members"))).status_code == 200
        for again in (token, other):
            assert (await client.get(f"/first-run/{again}")).status_code == 404
            assert (await client.post(f"/first-run/{again}", data={**form, "email": "eve@example.org"})).status_code == 404
    async with house.database.transaction() as session:
        assert await invitations.first_run_link(session, now=house.clock()) is None


async def test_a_first_run_link_that_is_a_day_old_opens_nothing(app: FastAPI, house: House):
    async with house.database.transaction() as session:
        token = await invitations.first_run_link(session, now=house.clock() - timedelta(days=1))
    async with browser(app) as client:
        assert (await client.get(f"/first-run/{token}")).status_code == 404


async def test_an_invitation_makes_a_member_with_a_new_account(app: FastAPI, house: House, nora: Person):
    async with house.database.transaction() as session:
        token = await invitations.invite(session, nora.access, role=Role.SUPERVISOR, now=house.clock())
    form = {"name": "Ola", "email": "ola@example.org", "password": PASSWORD}
    async with browser(app) as client:
        assert "Harbour" in (await client.get(f"/invitations/{token}")).text
        taken = await client.post(f"/invitations/{token}", data={**form, "email": "nora@example.org"})
        assert taken.status_code == 409
        assert "sign in with it" in taken.text
        assert (await client.post(f"/invitations/{token}", data=form)).status_code == 303
        assert (await client.get("/account")).status_code == 200
    async with browser(app) as client:
        assert (await client.get(f"/invitations/{token}")).status_code == 404
    assert "member.joined" in await kinds(house)


async def test_an_invitation_is_taken_with_the_account_that_is_signed_in(app: FastAPI, house: House, nora: Person):
    elsewhere = await person(house, await found(house, "Elsewhere"), email="ola@example.org")
    async with house.database.transaction() as session:
        token = await invitations.invite(session, nora.access, role=Role.AGENT, email="ola@example.org", now=house.clock())
    async with browser(app, nora) as client:
        assert (await client.post(f"/invitations/{token}/membership")).status_code == 409
    async with browser(app, elsewhere) as client:
        assert "ola@example.org" in (await client.get(f"/invitations/{token}")).text
        answer = await client.post(f"/invitations/{token}/membership")
    assert answer.headers["location"] == f"/w/{nora.member.workspace_id}/inbox"


async def test_a_new_password_signs_every_other_browser_out(app: FastAPI, house: House, nora: Person):
    async with browser(app) as other, browser(app, nora) as client:
        await other.post("/sign-in", data=FORM)
        wrong = await client.post("/account/password", data={"current": "wrong", "new": "a new long password"})
        assert wrong.status_code == 422
        assert (await other.get("/account")).status_code == 200
        done = await client.post("/account/password", data={"current": PASSWORD, "new": "a new long password"})
        assert done.status_code == 303
        assert (await client.get("/account")).status_code == 200
        assert (await other.get("/account")).status_code == 303
        assert (await other.post("/sign-in", data={**FORM, "password": "a new long password"})).status_code == 303


async def test_single_browsers_can_be_signed_out_but_nobody_elses(app: FastAPI, house: House, nora: Person):
    eve = await person(house, await found(house, "Elsewhere"), email="eve@example.org")
    async with browser(app) as other, browser(app, nora) as client, browser(app, eve) as stranger:
        await other.post("/sign-in", data=FORM)
        number = re.search(r"/account/sessions/(\d+)/end", (await client.get("/account")).text)[1]
        await stranger.post(f"/account/sessions/{number}/end")
        assert (await other.get("/account")).status_code == 200
        await client.post(f"/account/sessions/{number}/end")
        assert (await other.get("/account")).status_code == 303
