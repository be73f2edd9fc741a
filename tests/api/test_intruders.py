"""Those who try what is not theirs, over the real doors: codes, others' keys, others' chats, and what they could see yesterday."""

import json
import re
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.deps import House
from inbox.db import Database
from inbox.models import ChannelAccess, Message, Role, Team
from inbox.team import teams, tokens
from inbox.team.rights import Access
from tests.api.office import Office, opened
from tests.api.people import PASSWORD, browser, found, person
from tests.api.test_widget import Shop, messages, open_shop, upload
from tests.api.visitor import SITE, serving, visiting
from tests.make import Make

# Codes


async def test_codes_cannot_be_guessed_and_who_has_the_right_one_gets_in_later(app: FastAPI, house: House):
    nora = await person(house, await found(house))
    begin = house.clock()
    form = {"email": nora.account.email, "password": PASSWORD}
    async with browser(app, nora) as page:
        secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', (await page.get("/account/codes")).text)[1]
        await page.post("/account/codes", data={"secret": secret, "code": pyotp.TOTP(secret).at(begin)})

    async def guess(code: str) -> int:
        """From a browser of one's own, with a new proof each time: only the account is the same."""
        async with browser(app) as page:
            proof = re.search(r'name="proof" value="([^"]+)"', (await page.post("/sign-in", data=form)).text)[1]
            return (await page.post("/sign-in/code", data={"proof": proof, "code": code})).status_code

    house.clock = lambda: begin + timedelta(minutes=5)
    right = pyotp.TOTP(secret).at(house.clock())
    wrong = f"{(int(right) + 500_000) % 1_000_000:06}"
    assert [await guess(wrong) for _ in range(10)] == [401] * 10
    assert await guess(wrong) == 429
    assert await guess(right) == 429, "not even the right one: whoever guesses must not learn that it was"
    house.clock = lambda: begin + timedelta(minutes=21)
    assert await guess(pyotp.TOTP(secret).at(house.clock())) == 303


@pytest.mark.parametrize("code", ["", "12345", "1234567", "x" * 100_000, "１２３４５６", "\ud7ff" * 6, "-12345", "1e5"])
async def test_what_is_no_code_is_only_wrong(app: FastAPI, house: House, code: str):
    nora = await person(house, await found(house))
    async with browser(app, nora) as page:
        secret = re.search(r'name="secret" value="([A-Z2-7]{32})"', (await page.get("/account/codes")).text)[1]
        assert (await page.post("/account/codes", data={"secret": secret, "code": code})).status_code == 422


# Keys of programs


@pytest.fixture
async def programs(house: House, client: httpx.AsyncClient) -> Any:
    """Two programs of one workspace and one of another, each with a conversation of its workspace."""

    class Programs:
        tokens: dict[str, str]
        places: dict[str, int]

        async def reply(self, who: str, where: str, key: str, body: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {self.tokens[who]}", "idempotency-key": key}
            path = f"/api/v1/conversations/{self.places[where]}"
            return await client.post(f"{path}/replies", json={"body": body}, headers=headers)

        async def note(self, who: str, where: str, key: str, body: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {self.tokens[who]}", "idempotency-key": key}
            return await client.post(f"/api/v1/conversations/{self.places[where]}/notes", json={"body": body}, headers=headers)

    made = Programs()
    here, elsewhere = await found(house, "Here"), await found(house, "Elsewhere")
    async with house.database.transaction() as session:
        make = Make(session)
        made.tokens, made.places = {}, {}
        for name, workspace in (("first", here), ("second", here), ("stranger", elsewhere)):
            access = Access(workspace_id=workspace.id, role=Role.ADMIN, actor="system")
            made.tokens[name] = await tokens.create(session, access, name=name, role=Role.AGENT, member_id=None, now=house.clock())
            made.places[name] = (await make.conversation(await make.channel(workspace))).id
    return made


async def test_a_key_belongs_to_its_program_alone_in_the_workspace_and_elsewhere(database: Database, programs: Any):
    told = {who: await programs.reply(who, who, "the-same-key", f"of {who}") for who in ("first", "second", "stranger")}
    assert {who: (answer.status_code, answer.json()["body"]) for who, answer in told.items()} == {
        "first": (202, "of first"),
        "second": (202, "of second"),
        "stranger": (202, "of stranger"),
    }
    assert len({answer.json()["id"] for answer in told.values()}) == 3
    assert (await programs.reply("second", "first", "another-key", "x")).status_code == 202, "same workspace, same rights"
    assert (await programs.reply("stranger", "first", "the-same-key", "x")).status_code == 404
    again = await programs.reply("first", "first", "the-same-key", "something else")
    assert (again.json()["id"], again.json()["body"]) == (told["first"].json()["id"], "of first")
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Message).where(col(Message.direction) == "out")) == 4


@pytest.mark.parametrize("kind", ["reply", "note"])
async def test_a_key_that_was_used_elsewhere_shows_nothing_of_there(programs: Any, kind: str):
    write = getattr(programs, kind)
    assert (await write("first", "first", "k", "confidential")).is_success
    answer = await write("first", "second", "k", "confidential")
    assert answer.status_code == 409
    assert "confidential" not in answer.text
    assert (await write("stranger", "stranger", "k", "mine")).json()["body"] == "mine"


@pytest.mark.parametrize("part", ["replies", "notes"])
async def test_nobody_takes_a_programs_key_in_the_page(app: FastAPI, house: House, part: str):
    workspace = await found(house)
    async with house.database.transaction() as session:
        make = Make(session)
        conversation = await make.conversation(await make.channel(workspace))
    async with browser(app, await person(house, workspace)) as page:
        path = f"/w/{workspace.id}/conversations/{conversation.id}/{part}"
        assert (await page.post(path, data={"body": "x", "client_key": "token:1:the-same-key"})).status_code == 422
        assert (await page.post(path, data={"body": "x", "client_key": secrets.token_hex(8)})).status_code == 303


# Chats


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


async def test_two_visitors_with_the_same_key_of_a_message_say_two_things(database: Database, house: House, address: str):
    shop = await open_shop(database, house, address)
    async with visiting(shop.address, shop.key) as first, visiting(shop.address, shop.key) as second:
        await first.say("of the first", key="the-same-key-0001")
        await second.say("of the second", key="the-same-key-0001")
        await first.say("of the first, again", key="the-same-key-0001")
    assert [message.body for message in await messages(shop)] == ["of the first", "of the second"]


@pytest.mark.parametrize("theirs", ["of the same workspace", "of another workspace"])
async def test_a_chats_token_and_files_are_worth_nothing_in_another_chat(database: Database, house: House, address: str, theirs: str):
    shop = await open_shop(database, house, address)
    other = await open_shop(database, house, address)
    if theirs == "of the same workspace":
        async with database.transaction() as session:
            channel = await Make(session).channel(
                shop.workspace, platform="widget", key=secrets.token_hex(8), account_id="widget", public_config={"allowed_origins": [SITE]}
            )
        other = Shop(database, house, address, shop.workspace, channel, shop.member)
    async with visiting(shop.address, shop.key) as page:
        await upload(shop, page.token, b"\x89PNG secret")
        token = page.token
    async with visiting(shop.address, shop.key, token=token) as page:
        link = page.ready["messages"][0]["files"][0]["link"]
    async with httpx.AsyncClient() as thief:
        assert (await thief.get(shop.path(f"/{link}"))).status_code == 200
        assert (await thief.get(other.path(f"/{link}"))).status_code == 404
        headers = {"Origin": SITE, "Authorization": f"Bearer {token}"}
        assert (await thief.get(other.path("/transcript"), headers=headers)).status_code == 401
        assert (await thief.delete(other.path("/chat"), headers=headers)).status_code == 401
        assert (await thief.get(shop.path("/transcript"), headers=headers)).status_code == 200
    assert len(await messages(shop)) == 1
    await upload(other, token, b"\x89PNG mine")
    assert {message.channel_id for message in await messages(other)} <= {shop.channel.id, other.channel.id}
    async with visiting(shop.address, shop.key, token=token) as page:
        assert len(page.ready["messages"]) == 1, "what is said with a token elsewhere is not said here"


# What somebody could see yesterday


@pytest.fixture
async def office(house: House) -> AsyncIterator[Office]:
    async with opened(house) as office:
        yield office


async def test_who_is_taken_out_of_a_team_hears_and_counts_nothing_more_of_its_channel(office: Office):
    async def gate(session: AsyncSession) -> Team:
        team = await Make(session).team(office.workspace, office.agent, office.insider)
        session.add(ChannelAccess(workspace_id=office.workspace.id, channel_id=office.secret.id, team_id=team.id))
        return team

    async def take_out(session: AsyncSession) -> None:
        access = Access(workspace_id=office.workspace.id, role=Role.ADMIN, actor="system")
        row = await session.get_one(Team, team.id)
        await teams.change(session, access, row, name=row.name, member_ids=[office.insider.id], now=datetime.now(UTC))

    team = await office.do(gate)
    await office.say("yesterday", channel=office.secret, thread="hidden")
    async with office.page(office.agent, rows=(1,), conversation=1) as page, office.page(office.insider, rows=(1,)) as insider:
        await page.hear(lambda op: op.get("counts", {}).get("open") == 1)
        await office.say("seen by both", channel=office.secret, thread="hidden")
        await page.hear(lambda op: "seen by both" in op.get("html", ""))
        await office.do(take_out)
        for told in (page, insider):
            await told.hear(lambda op: "stale" in op)  # both read their page again
        await office.say("not for you", channel=office.secret, thread="hidden")
        await insider.hear(lambda op: "not for you" in op.get("html", ""))
        await page.hear(lambda op: op.get("counts", {}).get("open") == 0)
        await page.show(conversation=1, rows=(1,))  # asks for it again, from the start of the log
        await office.say("for all")
        await page.hear(lambda op: "for all" in op.get("html", "") or op.get("counts", {}).get("open") == 1)
        assert "not for you" not in json.dumps(page.ops)
    async with office.page(office.agent, rows=(1,), conversation=1) as again:
        assert [op["counts"]["open"] for op in again.ops if "open" in op.get("counts", {})][-1] == 1
        assert "yesterday" not in json.dumps(again.ops)
