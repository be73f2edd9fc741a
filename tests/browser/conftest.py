"""A browser, and a desk: a workspace with conversations, served, with pages signed in as its members."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import COOKIE, House
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post
from inbox.conversations import receive
from inbox.models import Channel, Label, Member, Role, Team, Template, Workspace
from inbox.team import sessions
from tests.api.visitor import serving
from tests.app import app_of
from tests.browser.provide import installed
from tests.make import Make

CHROMIUM = installed()
expect.set_options(timeout=20_000)  # ms until what never comes is given up: a busy machine is slow


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the run; without any the test is skipped, and with CI=true it fails."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI needs a browser: python -m tests.browser.provide")
        pytest.skip("no browser: python -m tests.browser.provide")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield browser
        await browser.close()


@dataclass
class Desk:
    """A team's inbox as a test uses it."""

    house: House
    app: FastAPI
    browser: Browser
    address: str = ""
    workspace: Workspace = field(default_factory=lambda: Workspace(name="", created_at=datetime.now(UTC)))
    channel: Channel = field(init=False)
    secret: Channel = field(init=False)  # restricted: only supervisors are let in, by name
    members: dict[str, Member] = field(default_factory=dict)
    team: Team = field(init=False)
    label: Label = field(init=False)
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)
    count: int = 0

    async def do(self, work: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
        """Do something in a transaction of its own, as another process would."""
        async with self.house.database.transaction() as session:
            return await work(session)

    async def say(self, text: str, *, name: str = "Anna", thread: str = "t1", channel: Channel | None = None, **more: Any) -> str:
        """A message comes in through the connector's door; its id on the platform."""
        self.count += 1
        event = Event(
            **{
                "id": f"e{self.count}", "kind": EventKind.MESSAGE, "message_id": f"m{self.count}", "thread_id": thread,
                "at": datetime.now(UTC) - timedelta(seconds=1), "author": Author(name, name), "text": text,
                "conversation_kind": ConversationKind.COMMENTS, "post": Post("p1", "Neue Sorte", "Wer probiert zuerst?", "https://example.org/p1"),
                **more,
            }
        )  # fmt: skip
        await self.take(event, channel)
        return event.message_id

    async def take(self, event: Event, channel: Channel | None = None) -> None:
        now = datetime.now(UTC)

        async def work(session: AsyncSession) -> None:
            row = await session.get_one(Channel, (channel or self.channel).id)
            await receive.receive(session, row, Batch([event]), now=now, move_cursor=False, files=self.house.files)

        await self.do(work)

    async def happens(self, kind: EventKind, message_id: str, text: str = "", name: str = "Anna", thread: str = "t1") -> None:
        """Something happens to a message on the platform."""
        self.count += 1
        now = datetime.now(UTC)
        await self.take(Event(f"e{self.count}", kind, message_id, thread, now, Author(name, name), text))

    async def page(self, name: str, path: str = "/inbox", **options: Any) -> Page:
        """A signed-in browser at an address of the workspace, its socket open."""

        async def work(session: AsyncSession) -> str:
            return await sessions.begin(session, self.members[name].account_id, now=datetime.now(UTC), days=1)

        context = await self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "en", **options})
        self.contexts.append(context)
        await context.add_cookies([{"name": COOKIE, "value": await self.do(work), "url": self.address}])
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(f"{self.address}/w/{self.workspace.id}{path}")
        if options.get("java_script_enabled", True):
            await page.locator("html[data-live=live]").wait_for(state="attached")
        return page


@pytest.fixture
async def desk(house: House, chromium: Browser) -> AsyncIterator[Desk]:
    """Three members, two channels (one restricted), a team, a label and a template. The clock is the real one: browsers have no other."""
    house = replace(house, clock=lambda: datetime.now(UTC), settings=house.settings.model_copy(update={"secret_key": SecretStr("test")}))
    app = app_of(house)
    desk = Desk(house=house, app=app, browser=chromium)

    async def work(session: AsyncSession) -> None:
        make = Make(session)
        desk.workspace = await make.workspace(name="Möwenbräu")
        for name, role in (("Fatma", Role.SUPERVISOR), ("Aylin", Role.AGENT), ("Vera", Role.VIEWER)):
            desk.members[name] = await make.member(desk.workspace, name=name, role=role)
        desk.channel = await make.channel(desk.workspace, platform="demo", name="Instagram")
        desk.secret = await make.channel(desk.workspace, platform="demo", name="Board", restricted=True)
        desk.team = await make.team(desk.workspace, desk.members["Aylin"], name="Support")
        desk.label = Label(workspace_id=desk.workspace.id, name="Deposit", colour="teal")
        body = "Hello {{contact.first_name}}, all of it is vegan.\nYours, {{member.name}}"
        texts = [("Vegan", "vegan", body), ("Order", "order", "Which order, {{order.number}}?")]
        for name, shortcut, text in texts:
            row = Template(workspace_id=desk.workspace.id, name=name, shortcut=shortcut, body=text, updated_at=datetime.now(UTC))
            session.add(row)
        session.add(desk.label)
        await session.flush()

    await desk.do(work)
    async with app.router.lifespan_context(app), serving(app) as desk.address:
        yield desk
        for context in desk.contexts:
            await context.close()
