"""How long names and other words may be: refused at the door with a sentence, and said by every form beforehand."""

import re
from html import unescape

import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import Role
from inbox.team import invitations
from tests.api.people import browser, found, person
from tests.make import Make

LONG = "x" * 100_000
ORIGINS = "\n".join(f"https://site{number}.example.org" for number in range(10_000))


@pytest.mark.parametrize(
    ("part", "given", "sentence"),
    [
        ("teams", {"name": LONG}, "A name may have at most 200 characters."),
        ("labels", {"name": LONG, "colour": "red"}, "A label needs a name of at most 60 characters."),
        ("templates/new", {"name": LONG, "shortcut": "x", "body": "x"}, "A template needs a name of at most 120 characters."),
        ("templates/new", {"name": "x", "shortcut": LONG, "body": "x"}, "A shortcut is one word of at most 40 characters"),
        ("templates/new", {"name": "x", "shortcut": "x", "body": LONG}, "A template needs a text of at most 20000 characters."),
        ("templates/new", {"name": "x", "shortcut": "x", "body": "x", "locale": LONG}, "A language is written like de or pt-BR."),
        ("templates/new", {"name": "x", "shortcut": "x", "body": "x", "locale": "<b>"}, "A language is written like de or pt-BR."),
        ("profile", {"name": LONG}, "A name may have at most 200 characters."),
        ("profile", {"name": "x", "public_name": LONG}, "A name may have at most 200 characters."),
        ("profile", {"name": "x", "signature": LONG}, "A signature may have at most 2000 characters."),
        ("profile/channels/{channel}", {"public_name": LONG}, "A name may have at most 200 characters."),
        ("workspace", {"name": LONG, "timezone": "UTC"}, "A name may have at most 200 characters."),
        ("workspace", {"name": "x", "timezone": LONG}, "There is no time zone of that name."),
        ("workspace", {"name": "x", "timezone": "UTC", "privacy_url": f"https://{LONG}"}, "An address may have at most 2000 characters."),
        ("members/invitations", {"role": "agent", "email": f"{LONG}@example.org"}, "That is not an e-mail address."),
        ("channels/{channel}", {"name": LONG}, "A name may have at most 120 characters."),
        ("channels/{channel}", {"name": "x", "config.allowed_origins": ORIGINS}, "These settings are too long"),
    ],
)
async def test_what_is_too_long_is_refused_beside_its_form(app: FastAPI, house: House, part: str, given: dict[str, str], sentence: str):
    workspace = await found(house)
    async with house.database.transaction() as session:
        channel = await Make(session).channel(workspace, platform="widget")
    async with browser(app, await person(house, workspace)) as page:
        answer = await page.post(f"/w/{workspace.id}/settings/{part.format(channel=channel.id)}", data=given)
    assert answer.status_code == 422
    assert sentence in unescape(answer.text)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": LONG}, "A name may have at most 200 characters."),
        ({"workspace": LONG}, "A name may have at most 200 characters."),
        ({"email": f"{LONG}@example.org"}, "That is not an e-mail address."),
        ({"password": LONG}, "A password may have at most 500 characters."),
        ({"timezone": LONG}, "There is no time zone of that name."),
    ],
)
async def test_the_first_admin_is_told_what_is_too_long(app: FastAPI, house: House, given: dict[str, str], sentence: str):
    async with house.database.transaction() as session:
        token = await invitations.first_run_link(session, now=house.clock())
    form = {"name": "N", "workspace": "W", "email": "n@example.org", "password": "long enough to keep", "timezone": "UTC"}
    async with browser(app) as page:
        answer = await page.post(f"/first-run/{token}", data=form | given)
    assert answer.status_code == 422
    assert sentence in unescape(answer.text)


@pytest.mark.parametrize("field", ["email", "password"])
async def test_who_signs_in_with_a_book_is_only_told_no(app: FastAPI, house: House, field: str):
    nora = await person(house, await found(house))
    form = {"email": nora.account.email, "password": "correct horse battery"} | {field: LONG}
    async with browser(app) as page:
        answer = await page.post("/sign-in", data=form)
    assert answer.status_code == 401
    assert len(answer.text) < 20_000, "and it is not sent back"


@pytest.mark.parametrize("part", ["replies", "notes", "draft"])
async def test_a_text_that_no_platform_takes_is_refused(app: FastAPI, house: House, part: str):
    workspace = await found(house)
    async with house.database.transaction() as session:
        make = Make(session)
        conversation = await make.conversation(await make.channel(workspace))
    form = {"body": LONG + "xx", "client_key": "a key of one's own"}
    async with browser(app, await person(house, workspace, role=Role.AGENT)) as page:
        answer = await page.post(f"/w/{workspace.id}/conversations/{conversation.id}/{part}", data=form)
    assert answer.status_code == 422
    assert re.search("too long|at most", answer.text)
