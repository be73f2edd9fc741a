"""Invitations that leave by mail: to the address alone, once, and without telling who is known."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import update

from api import invitation_mail
from api.deps import House
from inbox.models import Installation, Role, Workspace
from tests.api.letterbox import Letterbox, letterbox
from tests.api.people import Person, browser, found, kinds, person

LINK = re.compile(r"http://parley\.test(/invitations/[\w-]{43})")


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with letterbox() as box:
        yield box


@pytest.fixture
async def admin(house: House, box: Letterbox) -> Person:
    house.settings = house.settings.model_copy(update={"smtp_url": SecretStr(box.url), "mail_from": "Parley <inbox@parley.test>"})
    return await person(house, await found(house, "Möwen & Söhne", locale="de"), role=Role.ADMIN)


def base(admin: Person) -> str:
    return f"/w/{admin.access.workspace_id}/settings/members"


async def test_an_invitation_for_an_address_is_mailed_and_its_link_makes_a_member(
    app: FastAPI, house: House, admin: Person, box: Letterbox
):
    async with browser(app, admin) as client, browser(app) as stranger:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "Ola@example.org"})
        assert "is on its way to Ola@example.org" in page.text
        (letter,) = box.letters
        assert letter["to"] == "Ola@example.org"
        assert letter["subject"] == "Einladung zu Möwen & Söhne"  # in the workspace's language: the other's is not known
        assert letter["auto-submitted"] == "auto-generated"
        words = letter.get_content()
        assert "Nora Berg" in words
        link = LINK.search(words)[1]
        assert link == LINK.search(page.text)[1]
        form = {"name": "Ola", "email": "ola@example.org", "password": "correct horse battery"}
        assert (await stranger.post(link, data=form)).status_code == 303
    assert (await kinds(house)).count("invitation.mailed") == 1


async def test_a_mail_that_the_server_refuses_is_told_and_the_link_still_works(app: FastAPI, admin: Person, box: Letterbox):
    box.refusal = "550 no such mailbox"
    async with browser(app, admin) as client:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
        assert "did not leave" in page.text
        assert (await client.get(LINK.search(page.text)[1])).status_code == 200
        assert "Not mailed:" in (await client.get(base(admin))).text


async def test_a_mail_that_may_have_left_is_told_so_and_not_sent_again_unasked(app: FastAPI, admin: Person, box: Letterbox):
    box.hangs_up = True
    async with browser(app, admin) as client:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
    assert "or may not have" in page.text
    assert len(box.letters) == 1


async def test_mailing_again_ends_the_link_before(app: FastAPI, house: House, admin: Person, box: Letterbox):
    async with browser(app, admin) as client:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
        number = re.search(r"/invitations/(\d+)/link", page.text)[1]
        again = await client.post(f"{base(admin)}/invitations/{number}/link")
        old, new = (LINK.search(letter.get_content())[1] for letter in box.letters)
        assert new == LINK.search(again.text)[1]
        assert (await client.get(old)).status_code == 404
        assert (await client.get(new)).status_code == 200
        await client.post(f"{base(admin)}/invitations/{number}/removal")
        assert (await client.post(f"{base(admin)}/invitations/{number}/link")).status_code == 404
    assert (await kinds(house)).count("invitation.renewed") == 1
    assert len(box.letters) == 2


async def test_without_an_address_or_without_a_server_nothing_is_mailed(app: FastAPI, house: House, admin: Person, box: Letterbox):
    async with browser(app, admin) as client:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent"})
        assert LINK.search(page.text)
        house.settings = house.settings.model_copy(update={"smtp_url": None})
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
        assert LINK.search(page.text)
        assert "PARLEY_SMTP_URL" in page.text
    assert box.letters == []


async def test_an_installation_that_is_held_mails_no_invitation(app: FastAPI, house: House, admin: Person, box: Letterbox):
    async with house.database.transaction() as session:
        await session.execute(update(Installation).values(held=True))
    async with browser(app, admin) as client:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
    assert "is held" in page.text
    assert box.letters == []


async def test_an_address_with_an_account_gets_the_same_mail_and_the_admin_the_same_answer(
    app: FastAPI, house: House, admin: Person, box: Letterbox
):
    await person(house, await found(house, "Elsewhere"), email="known@example.org")
    async with browser(app, admin) as client:
        pages = [
            (await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": email})).text
            for email in ("known@example.org", "other@example.org")
        ]
    notices = [LINK.sub("", re.search(r'role="status".*?</section>', page, re.DOTALL)[0]) for page in pages]
    assert notices[0].replace("known@", "other@") == notices[1]
    mails = [LINK.sub("", letter.get_content()) for letter in box.letters]
    assert mails[0] == mails[1]


async def test_one_address_is_not_mailed_without_end(app: FastAPI, house: House, admin: Person, box: Letterbox):
    form = {"role": "agent", "email": "ola@example.org"}
    async with browser(app, admin) as client:
        answers = [await client.post(f"{base(admin)}/invitations", data=form) for _ in range(invitation_mail.BY_ADDRESS.count + 1)]
        assert [answer.status_code for answer in answers] == [200] * invitation_mail.BY_ADDRESS.count + [422]
        assert "tried too often" in answers[-1].text
        assert len(box.letters) == invitation_mail.BY_ADDRESS.count
        later = house.clock() + timedelta(hours=2)
        house.clock = lambda: later
        assert (await client.post(f"{base(admin)}/invitations", data=form)).status_code == 200


async def test_an_invitation_of_another_workspace_cannot_be_mailed(app: FastAPI, house: House, admin: Person, box: Letterbox):
    elsewhere: Workspace = await found(house, "Elsewhere")
    other = await person(house, elsewhere, email="other@example.org")
    async with browser(app, admin) as client, browser(app, other) as stranger:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent", "email": "ola@example.org"})
        number = re.search(r"/invitations/(\d+)/link", page.text)[1]
        assert (await stranger.post(f"{base(other)}/invitations/{number}/link")).status_code == 404
    assert len(box.letters) == 1


async def test_a_link_for_anybody_cannot_ask_for_one_address_after_the_other(app: FastAPI, house: House, admin: Person):
    async with browser(app, admin) as client, browser(app) as stranger:
        page = await client.post(f"{base(admin)}/invitations", data={"role": "agent"})
        link = LINK.search(page.text)[1]
        form = {"name": "X", "email": admin.account.email, "password": "correct horse battery"}
        tries = [(await stranger.post(link, data=form)).status_code for _ in range(21)]
    assert tries == [409] * 20 + [429]
