"""Accounts, members and signed-in browsers for tests of the pages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from fastapi import FastAPI

from api.deps import COOKIE, House
from inbox.models import Account, Member, Role, Workspace
from inbox.team import accounts, members, rights, sessions, workspaces
from inbox.team.rights import Access

PASSWORD = "correct horse battery"
ORIGIN = "http://parley.test"


@dataclass(slots=True)
class Person:
    """Somebody with an account, and their membership where they have one."""

    account: Account
    member: Member | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def access(self) -> Access:
        assert self.member is not None
        return rights.of(self.member)


async def found(house: House, name: str = "Harbour", **values: object) -> Workspace:
    """A workspace."""
    async with house.database.transaction() as session:
        return await workspaces.create(session, name=name, now=house.clock(), **values)  # type: ignore[arg-type]


async def person(house: House, workspace: Workspace | None, *, role: Role = Role.ADMIN, email: str = "", name: str = "Nora Berg") -> Person:
    """Somebody who is signed in."""
    now: datetime = house.clock()
    async with house.database.transaction() as session:
        account = await accounts.create(
            session, email=email or f"{role.value}.{workspace.id if workspace else 0}@example.org", name=name, password=PASSWORD, now=now
        )
        member = await members.add(session, workspace.id, account, role=role, now=now) if workspace else None
        token = await sessions.begin(session, account.id, now=now, days=30, user_agent="Firefox/140 Linux")
    return Person(account, member, {COOKIE: token})


@asynccontextmanager
async def browser(app: FastAPI, someone: Person | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, signed in as somebody."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"origin": ORIGIN, "accept": "text/html"}
    cookies = someone.cookies if someone else None
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers, cookies=cookies) as client:
        yield client


async def kinds(house: House) -> Sequence[str]:
    """The kinds of everything in the log."""
    from inbox import events

    async with house.database.transaction() as session:
        return [event.kind for event in await events.since(session, 0)]
