"""Passwords, codes, throttles, invitations: each good once, however many try at once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pyotp
import pytest
from argon2 import PasswordHasher
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.db import Database
from inbox.errors import Invalid, NotFound, TooMany
from inbox.models import Member, Role, Throttle, Workspace
from inbox.secrets import Vault
from inbox.team import accounts, invitations, members, passwords, rights, throttle, totp
from inbox.team.throttle import Limit
from tests.make import MONDAY, Make

PASSWORD = "correct horse battery"
VAULT = Vault(SecretStr("test").get_secret_value())
THREE = Limit(3, timedelta(minutes=1))


async def at_once(times: int, act: Callable[[int], Awaitable[object]]) -> list[object]:
    """Do something several times together; what came of it."""
    return list(await asyncio.gather(*(act(number) for number in range(times)), return_exceptions=True))


@pytest.mark.parametrize("password", ["short", "x" * 501, "aaaaaaaaaaaa", "nora.berg@example.org", "1234567890"])
def test_what_is_guessed_first_is_no_password(password: str):
    with pytest.raises(Invalid):
        passwords.check(password, email="nora.berg@example.org")


async def test_a_password_kept_with_other_parameters_is_kept_anew_at_the_next_sign_in(session: AsyncSession):
    account = await accounts.create(session, email="A@Example.org", name="A", password=PASSWORD, now=MONDAY)
    account.password_hash = old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    assert await accounts.authenticate(session, "a@example.org", "wrong password") is None
    assert account.password_hash == old
    assert await accounts.authenticate(session, " a@EXAMPLE.org", PASSWORD) is account
    assert account.password_hash != old
    assert not passwords.outdated(account.password_hash)


async def test_an_unknown_account_costs_a_comparison_too(session: AsyncSession, monkeypatch: pytest.MonkeyPatch):
    compared: list[str] = []
    real = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda stored, password: compared.append(stored) or real(stored, password))
    assert await accounts.authenticate(session, "nobody@example.org", PASSWORD) is None
    assert len(compared) == 1


@pytest.mark.parametrize(
    ("seconds", "right"),
    [(-60, False), (-30, True), (0, True), (30, True), (60, False)],  # one step of 30 s either way
)
def test_a_code_counts_a_little_before_and_after_its_time(seconds: int, right: bool):
    secret = totp.new_secret()
    code = pyotp.TOTP(secret).at(MONDAY + timedelta(seconds=seconds))
    assert (totp.step(secret, f"{code[:3]} {code[3:]}", now=MONDAY, after=None) is not None) is right


async def test_one_code_signs_in_one_browser_however_many_try_at_once(database: Database):
    secret = totp.new_secret()
    async with database.transaction() as session:
        account = await accounts.create(session, email="a@example.org", name="A", password=PASSWORD, now=MONDAY)
        account.totp_secret = VAULT.encrypt(secret)
    code = pyotp.TOTP(secret).at(MONDAY)

    async def spend(_: int) -> bool:
        async with database.transaction() as session:
            return await accounts.spend_code(session, VAULT, account, code, now=MONDAY)

    assert (await at_once(6, spend)).count(True) == 1


async def test_tries_are_counted_exactly_by_processes_that_share_nothing(database: Database):
    async def attempt(_: int) -> None:
        async with database.transaction() as session:
            await throttle.hit(session, "test", "somebody@example.org", THREE, now=MONDAY)

    results = await at_once(8, attempt)
    assert results.count(None) == 3
    assert {result.retry_after for result in results if isinstance(result, TooMany)} == {60}
    async with database.transaction() as session:
        assert "somebody" not in (await session.scalar(select(Throttle.key)) or "")
        await throttle.hit(session, "test", "somebody@example.org", THREE, now=MONDAY + timedelta(seconds=60))


async def test_an_invitation_makes_one_member_however_many_click_at_once(database: Database):
    async with database.transaction() as session:
        make = Make(session)
        admin = await make.member(await make.workspace(), role=Role.ADMIN)
        token = await invitations.invite(session, rights.of(admin), role=Role.AGENT, now=MONDAY)
        people = [await accounts.create(session, email=f"{n}@example.org", name="N", password=None, now=MONDAY) for n in range(4)]

    async def accept(number: int) -> Member:
        async with database.transaction() as session:
            return await invitations.accept(session, token, people[number], now=MONDAY)

    results = await at_once(4, accept)
    assert len([result for result in results if isinstance(result, Member)]) == 1
    assert len([result for result in results if isinstance(result, NotFound)]) == 3


async def test_the_first_run_has_one_winner_among_several_links(database: Database):
    async with database.transaction() as session:
        links = [await invitations.first_run_link(session, now=MONDAY) for _ in range(3)]

    async def finish(number: int) -> Member:
        async with database.transaction() as session:
            return await invitations.finish_first_run(
                session, links[number] or "", email=f"{number}@example.org", name="N", password=PASSWORD, workspace="W", locale="en",
                timezone="UTC", now=MONDAY,
            )  # fmt: skip

    results = await at_once(3, finish)
    assert len([result for result in results if isinstance(result, Member)]) == 1
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Workspace)) == 1


@pytest.mark.parametrize(("days", "opens"), [(6, True), (8, False)])  # a link lasts seven days
async def test_an_invitation_expires(session: AsyncSession, make: Make, days: int, opens: bool):
    admin = await make.member(await make.workspace(), role=Role.ADMIN)
    token = await invitations.invite(session, rights.of(admin), role=Role.AGENT, now=MONDAY)
    later = MONDAY + timedelta(days=days)
    if opens:
        assert (await invitations.find(session, token, now=later))[0].role == Role.AGENT
    else:
        with pytest.raises(NotFound):
            await invitations.find(session, token, now=later)


async def test_links_of_an_admin_who_left_open_nothing(session: AsyncSession, make: Make):
    workspace = await make.workspace()
    first, second = await make.member(workspace, role=Role.ADMIN), await make.member(workspace, role=Role.ADMIN)
    token = await invitations.invite(session, rights.of(second), role=Role.ADMIN, now=MONDAY)
    await members.remove(session, rights.of(first), second.id, now=MONDAY)
    with pytest.raises(NotFound):
        await invitations.find(session, token, now=MONDAY)
