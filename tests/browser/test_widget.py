"""The website chat in a real browser, on a website of another origin with a strict content policy."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from axe_playwright_python.async_playwright import Axe
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.deps import COOKIE, House
from connectors import runner
from inbox.conversations import replies, visitors
from inbox.db import Database
from inbox.models import Channel, Conversation, Member, Message, Outcome, Reading, Visitor, Wait, Workspace
from inbox.team import presence, sessions
from tests.api.visitor import serving
from tests.app import app_of
from tests.make import Make

pytestmark = pytest.mark.browser

HOST_PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>Bicycle Workshop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Bicycle Workshop</h1><p><a href="#gears">Gears</a> <button>Basket</button></p></main>
<script src="{parley}/widget/{key}.js" async></script></body></html>"""
# As docs/channels/widget.md gives it; nothing for style-src.
POLICY = "default-src 'none'; script-src {parley}; connect-src {parley} {socket}; img-src {parley}; require-trusted-types-for 'script'"


KEPT_FILES = """async () => await new Promise(async (resolve) => {
    const opening = indexedDB.open((await indexedDB.databases())[0].name);
    opening.onsuccess = () => {
        const counting = opening.result.transaction("files").objectStore("files").count();
        counting.onsuccess = () => (opening.result.close(), resolve(counting.result));
    };
})"""


@dataclass
class Shop:
    """Parley, a website that shows its chat, and a member who answers through the host of the connectors."""

    database: Database
    house: House
    parley: str
    site: str
    channel: Channel
    member: Member
    violations: list[str] = field(default_factory=list)

    async def open(self, context: BrowserContext, path: str = "/", *, start: bool = True) -> Page:
        """A page of the website, with the chat opened; whatever the browser complains about is kept."""
        page = await context.new_page()
        page.on("console", lambda message: self.violations.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.violations.append(str(error)))
        await page.goto(self.site + path)
        if start:
            await page.get_by_role("button", name="Open chat").click()
            await expect(page.get_by_role("dialog")).to_be_visible()
        return page

    async def bodies(self) -> list[str]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(col(Message.body)).order_by(col(Message.id))))

    async def received(self, body: str) -> Message:
        """The stored message, as soon as it is there."""
        async with asyncio.timeout(10):
            while True:
                async with self.database.transaction() as session:
                    found = await session.scalar(select(Message).where(col(Message.body) == body))
                if found is not None:
                    return found
                await asyncio.sleep(0.05)

    async def answer(self, to: Message, body: str) -> None:
        """Queue a reply; the host delivers it."""
        async with self.database.transaction() as session:
            conversation = await session.get_one(Conversation, to.conversation_id)
            now = self.house.clock()
            await replies.queue(session, conversation, self.member, body=body, client_key=secrets.token_hex(8), now=now, send_at=now)


@pytest.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    yield context
    await context.close()


@pytest.fixture
async def shop(database: Database, house: House) -> AsyncIterator[Shop]:
    settings = house.settings.model_copy(update={"smtp_url": SecretStr("smtp://127.0.0.1:1"), "mail_from": "chat@example.org"})
    house = replace(house, settings=settings, clock=lambda: datetime.now(UTC))
    stop = asyncio.Event()
    app = app_of(house)
    async with app.router.lifespan_context(app), serving(app) as parley:
        async with database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace(privacy_url="https://www.example.org/privacy")
            member = await make.member(workspace, name="Kim Brandt", public_name="Kim")
            channel = await make.channel(
                workspace, platform="widget", key=secrets.token_hex(8), name="Bicycle Workshop", account_id="widget"
            )
        site = FastAPI()

        @site.get("/{rest:path}")
        async def page(request: Request) -> HTMLResponse:
            query = request.query_params
            body = HOST_PAGE.format(parley=parley, key=channel.key, lang=query.get("lang", "en"), dir=query.get("dir", "ltr"))
            policy = POLICY.format(parley=parley, socket=parley.replace("http", "ws"))
            return HTMLResponse(body, headers={"Content-Security-Policy": policy})

        async with serving(site) as address:
            async with database.transaction() as session:
                (await session.get_one(Channel, channel.id)).public_config = {"allowed_origins": [address]}
            hosting = asyncio.create_task(runner.run(database, house.vault, house.files, settings, stop))
            shop = Shop(database, house, parley, address, channel, member)
            yield shop
            stop.set()
            await hosting
    assert shop.violations == []


async def write(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Write a message")
    await box.fill(text)
    await box.press("Enter")


async def test_a_message_reaches_the_inbox_and_its_answer_the_visitor_without_a_reload(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Do you repair hub gears?")
    message = await shop.received("Do you repair hub gears?")
    await expect(page.get_by_text("Sent")).to_be_visible()
    await shop.answer(message, "Yes, every day.")
    await expect(page.get_by_role("log")).to_contain_text("Yes, every day.")
    await expect(page.get_by_role("log")).to_contain_text("Kim")
    assert message.permalink == f"{shop.site}/"


async def test_visitor_and_agent_talk_in_two_browsers_without_a_reload_and_the_wait_is_measured(
    shop: Shop, context: BrowserContext, chromium: Browser
):
    async with shop.database.transaction() as session:
        token = await sessions.begin(session, shop.member.account_id, now=shop.house.clock(), days=1)
        await session.execute(update(Member).values(undo_seconds=0))
    desk = await chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    await desk.add_cookies([{"name": COOKIE, "value": token, "url": shop.parley}])
    agent = await desk.new_page()
    await agent.goto(f"{shop.parley}/w/{shop.channel.workspace_id}/inbox")
    await agent.locator("html[data-live=live]").wait_for(state="attached")
    visitor = await shop.open(context)
    await write(visitor, "Do you repair hub gears?")
    await agent.get_by_text("Do you repair hub gears?").first.click()
    await visitor.get_by_role("textbox", name="Write a message").press_sequentially("And")
    await expect(agent.locator("#conversation .presence")).to_contain_text("is typing")
    await agent.get_by_role("textbox", name="Your text").press_sequentially("Yes")
    await expect(visitor.locator(".typing")).to_be_visible()
    await agent.get_by_role("textbox", name="Your text").fill("Yes, every day.")
    await agent.keyboard.press("Control+Enter")
    await expect(visitor.get_by_role("log")).to_contain_text("Yes, every day.")
    await expect(visitor.get_by_text("Seen", exact=False)).to_be_visible()
    async with shop.database.transaction() as session:
        wait = (await session.scalars(select(Wait))).one()
        asked, answered = (await session.scalars(select(Message).order_by(col(Message.id)))).all()
    assert wait.outcome == Outcome.ANSWERED
    assert wait.closed_at is not None
    assert (wait.opened_at, wait.closed_at) == (asked.at, answered.at)
    await expect(agent.locator("#conversation")).to_contain_text("Seen")
    await desk.close()


async def test_nothing_is_stored_before_the_first_click_and_a_reload_keeps_the_chat_after_it(shop: Shop, context: BrowserContext):
    page = await shop.open(context, start=False)
    await expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    kept = "() => [document.cookie, localStorage.length, sessionStorage.length].join()"
    assert await page.evaluate(kept) == ",0,0"
    await page.get_by_role("button", name="Open chat").click()
    await write(page, "Remember me")
    await shop.received("Remember me")
    await page.reload()
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.get_by_role("log")).to_contain_text("Remember me")
    assert await context.cookies() == []


async def test_the_chats_own_page_stores_nothing_before_the_visitor_writes(shop: Shop, context: BrowserContext):
    page = await context.new_page()
    async with page.expect_websocket() as opened:
        await page.goto(f"{shop.parley}/widget/{shop.channel.key}/chat")
    await (await opened.value).wait_for_event("framereceived")
    assert await page.evaluate("() => [document.cookie, localStorage.length].join()") == ",0"
    await write(page, "Here I am")
    await shop.received("Here I am")
    assert await page.evaluate("() => localStorage.length") == 1


async def test_what_is_written_offline_waits_through_a_reload_and_arrives_once(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Before")
    await shop.received("Before")
    await context.set_offline(True)
    await write(page, "Written in a tunnel")
    await expect(page.get_by_text("Waits for a connection")).to_be_visible()
    await expect(page.get_by_text("What you write is kept")).to_be_visible()
    other = await context.new_page()  # another tab has the same queue: both send it when they can
    await context.set_offline(False)
    await other.goto(shop.site)
    await shop.received("Written in a tunnel")
    await expect(page.get_by_text("Waits for a connection")).to_be_hidden()
    assert (await shop.bodies()).count("Written in a tunnel") == 1
    shop.violations.clear()  # the browser logs that the network was gone


async def test_a_file_chosen_offline_waits_through_a_reload_and_arrives_once(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Before")
    await shop.received("Before")
    assert await page.evaluate("async () => (await indexedDB.databases()).length") == 0
    await context.set_offline(True)
    await page.locator("input[type=file]").set_input_files({"name": "bill.txt", "mimeType": "text/plain", "buffer": b"12 euros"})
    await expect(page.get_by_text("bill.txt")).to_be_visible()
    other = await context.new_page()  # as a reload: the browser alone knows the file
    await page.close()
    await context.set_offline(False)
    await other.goto(shop.site)
    await expect(other.locator(".line a", has_text="bill.txt").or_(other.get_by_role("link", name="bill.txt"))).to_be_attached()
    assert await other.evaluate("async () => (await indexedDB.databases()).length") == 1
    await other.reload()
    assert len([body for body in await shop.bodies() if body != "Before"]) == 1
    shop.violations.clear()  # the browser logs that the network was gone


async def test_a_file_that_another_tab_still_kept_goes_with_the_chat_that_is_deleted(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Before")
    await shop.received("Before")
    other = await context.new_page()
    await other.route("**/files?**", lambda route: route.abort())
    await other.goto(shop.site)
    await other.get_by_role("button", name="Open chat").click()
    await other.locator("input[type=file]").set_input_files({"name": "bill.txt", "mimeType": "text/plain", "buffer": b"12 euros"})
    await expect(other.get_by_text("bill.txt")).to_be_visible()
    await other.wait_for_function("async () => (await indexedDB.databases()).length === 1")
    await other.close()
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Delete chat").click()
    await page.get_by_role("group").get_by_role("button", name="Delete chat").click()
    await expect(page.get_by_text("The chat was deleted.")).to_be_visible()
    await page.wait_for_function(f"async () => await ({KEPT_FILES})() === 0")
    await write(page, "Another chat")
    await shop.received("Another chat")
    await page.reload()
    await expect(page.get_by_text("Another chat")).to_be_attached()
    await expect(page.get_by_text("bill.txt")).to_have_count(0)


async def test_a_second_visitor_sees_nothing_of_the_first(shop: Shop, context: BrowserContext, chromium: Browser):
    page = await shop.open(context)
    await write(page, "My secret")
    await shop.received("My secret")
    stranger = await chromium.new_context(locale="en-GB")
    other = await shop.open(stranger)
    await write(other, "Hello")
    await shop.received("Hello")
    await expect(other.get_by_text("Sent")).to_be_visible()
    assert "My secret" not in await other.get_by_role("log").inner_text()
    await stranger.close()


async def test_the_chat_works_by_keyboard_alone_and_gives_the_focus_back(shop: Shop, context: BrowserContext):
    page = await shop.open(context, start=False)
    await page.get_by_role("button", name="Open chat").wait_for()
    for _ in range(3):  # the link and the button of the page, then the chat
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    box = page.get_by_role("textbox", name="Write a message")
    await expect(box).to_be_focused()
    await page.keyboard.type("By keyboard")
    await page.keyboard.press("Enter")
    await shop.received("By keyboard")
    stops: list[str] = []
    for _ in range(9):  # round once, and never out
        await page.keyboard.press("Tab")
        stops.append(await page.evaluate("() => document.activeElement.shadowRoot?.activeElement.tagName ?? 'outside'"))
    assert "outside" not in stops
    assert "TEXTAREA" in stops
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("button", name="Open chat")).to_be_focused()


async def test_the_menu_opens_moves_and_closes_by_keyboard(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Hello")
    await expect(page.get_by_text("Sent")).to_be_visible()
    await page.get_by_role("button", name="More").press("Enter")
    await expect(page.get_by_role("menuitem", name="Answers by e-mail")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("menuitem", name="Delete chat")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="More")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_either_theme(shop: Shop, chromium: Browser, scheme: str):
    context = await chromium.new_context(color_scheme=scheme, locale="en-GB", bypass_csp=True)  # pyright: ignore[reportArgumentType]
    page = await shop.open(context)
    await write(page, "Do you repair hub gears? https://example.org")
    message = await shop.received("Do you repair hub gears? https://example.org")
    await expect(page.get_by_role("textbox", name="Your e-mail address")).to_be_visible()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for step in ("offer", "answer", "menu", "question"):
        if step == "answer":
            await shop.answer(message, "Yes, every day.")
            await expect(page.get_by_role("log")).to_contain_text("Yes, every day.")
        if step == "menu":
            await page.get_by_role("button", name="More").click()
        if step == "question":
            await page.get_by_role("menuitem", name="Delete chat").click()
        results = await Axe().run(page, options=options)
        assert results.violations_count == 0, f"{step}: {results.generate_report()}"
    await context.close()


async def test_it_fills_a_phone_and_rests_the_page_behind(shop: Shop, chromium: Browser):
    context = await chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True, locale="en-GB", reduced_motion="reduce")
    page = await shop.open(context)
    box = await page.get_by_role("dialog").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    assert await page.evaluate("() => document.querySelector('parley-chat').shadowRoot.querySelector('dialog').matches(':modal')")
    await context.close()


@pytest.mark.parametrize(
    ("path", "button", "box"), [("/?lang=de-AT", "Chat öffnen", "Nachricht schreiben"), ("/?lang=fr", "Open chat", "Write a message")]
)
async def test_it_speaks_the_pages_language(shop: Shop, context: BrowserContext, path: str, button: str, box: str):
    page = await shop.open(context, path, start=False)
    await page.get_by_role("button", name=button).click()
    await expect(page.get_by_role("textbox", name=box)).to_be_visible()


@pytest.mark.parametrize(("browser", "button"), [("de-CH", "Chat öffnen"), ("pt-BR", "Chat öffnen"), ("en-US", "Open chat")])
async def test_on_a_page_in_a_language_that_it_does_not_speak_it_speaks_the_browsers_or_the_workspaces(
    shop: Shop, chromium: Browser, browser: str, button: str
):
    async with shop.database.transaction() as session:
        (await session.get_one(Workspace, shop.channel.workspace_id)).locale = "de"
    context = await chromium.new_context(locale=browser)
    page = await shop.open(context, "/?lang=fr", start=False)
    await expect(page.get_by_role("button", name=button)).to_be_visible()
    await context.close()


async def test_it_stands_on_the_other_side_where_people_read_from_the_right(shop: Shop, context: BrowserContext):
    page = await shop.open(context, "/?dir=rtl")
    box = await page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] < 100
    await write(page, "مرحبا")
    await shop.received("مرحبا")


async def test_typing_and_seen_are_shown(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Hello?")
    message = await shop.received("Hello?")
    async with shop.database.transaction() as session:
        where = {"workspace_id": message.workspace_id, "conversation_id": message.conversation_id, "member_id": shop.member.id}
        await presence.show(session, **where, typing=True, now=shop.house.clock())
    await expect(page.get_by_text("Writing an answer")).to_be_attached()
    await expect(page.locator(".typing")).to_be_visible()
    async with shop.database.transaction() as session:
        session.add(Reading(**where, message_id=message.id, at=shop.house.clock()))
    await shop.answer(message, "Here I am.")
    await expect(page.locator(".typing")).to_be_hidden()
    await expect(page.get_by_text("Seen", exact=False)).to_be_visible()


async def test_a_closed_chat_counts_what_is_new(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Hello?")
    message = await shop.received("Hello?")
    await page.keyboard.press("Escape")
    await shop.answer(message, "Are you still there?")
    await expect(page.locator(".badge")).to_have_text("1")
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.locator(".badge")).to_be_hidden()


async def test_a_file_is_sent_and_shown(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    picture = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
    )
    await page.locator("input[type=file]").set_input_files({"name": "gear.png", "mimeType": "image/png", "buffer": picture})
    image = page.get_by_role("img", name="gear.png")
    await expect(image).to_be_visible()
    await expect(image).to_have_js_property("complete", True)
    assert await image.evaluate("(image) => image.naturalWidth") == 1


async def test_the_visitor_saves_and_deletes_the_chat(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Please forget this")
    await expect(page.get_by_text("Sent")).to_be_visible()
    await page.get_by_role("button", name="More").click()
    async with page.expect_download() as saved:
        await page.get_by_role("menuitem", name="Save chat as text").click()
    assert "Please forget this" in (await (await saved.value).path()).read_text()
    await page.get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Delete chat").click()
    await page.get_by_role("group").get_by_role("button", name="Delete chat").click()
    await expect(page.get_by_text("The chat was deleted.")).to_be_visible()
    await expect(page.get_by_role("log")).not_to_contain_text("Please forget this")
    assert "Please forget this" not in await shop.bodies()
    assert await page.evaluate("() => localStorage.length") == 0
    await write(page, "A new beginning")
    await shop.received("A new beginning")


async def test_who_finds_nobody_leaves_an_address(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await write(page, "Anybody?")
    field = page.get_by_role("textbox", name="Your e-mail address")
    await field.fill("anna")
    await field.press("Enter")
    await expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()
    await field.fill("anna@example.org")
    await field.press("Enter")
    await expect(page.get_by_text("answers go to anna@example.org")).to_be_visible()


async def test_a_mailed_link_shows_the_chat_in_a_browser_that_never_saw_it(shop: Shop, context: BrowserContext, chromium: Browser):
    page = await shop.open(context)
    await write(page, "From my office")
    await shop.received("From my office")
    async with shop.database.transaction() as session:
        visitor = (await session.scalars(select(Visitor))).one()
    link = visitors.resume_link(shop.house.vault, shop.channel, visitor, now=shop.house.clock())
    home = await chromium.new_context(locale="en-GB")
    chat = await home.new_page()
    await chat.goto(f"{shop.parley}/widget/{shop.channel.key}/chat#resume={link}")
    await expect(chat.get_by_role("log")).to_contain_text("From my office")
    assert "#" not in chat.url
    await write(chat, "And now from home")
    await shop.received("And now from home")
    await expect(page.get_by_role("log")).to_contain_text("And now from home")
    await home.close()


async def test_the_supplied_test_page_shows_the_chat_under_its_own_strict_policy(shop: Shop, context: BrowserContext):
    shop.site = f"{shop.parley}/widget/{shop.channel.key}/try"
    page = await shop.open(context, "")
    await write(page, "From the test page")
    await shop.received("From the test page")
