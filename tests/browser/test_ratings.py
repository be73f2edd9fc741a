"""How it was, in a real browser: the question in the chat by keyboard, the customer's page, and the page of figures."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select, update
from sqlmodel import col

from api import surveys
from api.deps import COOKIE
from inbox.conversations import ratings, status
from inbox.models import Channel, Conversation, Message, Rating, Status
from inbox.team import rights, sessions
from tests.browser.test_widget import Shop, context, shop, write

__all__ = ["context", "shop"]  # the fixtures
pytestmark = pytest.mark.browser


async def asked(shop: Shop, page: Page) -> Rating:
    """The visitor writes, is answered, and is asked as soon as it is resolved."""
    await write(page, "Do you repair hub gears?")
    message = await shop.received("Do you repair hub gears?")
    await shop.answer(message, "Yes, every day.")
    await expect(page.get_by_role("log")).to_contain_text("Yes, every day.")
    now = shop.house.clock
    async with shop.database.transaction() as session:
        await session.execute(update(Channel).values(asks_since=now() - timedelta(days=1), ask_after=1))
    async with shop.database.transaction() as session:
        conversation = await session.get_one(Conversation, message.conversation_id)
        await status.move(session, rights.of(shop.member), conversation, Status.RESOLVED, now=now())
    asking = partial(surveys.ask_due, shop.database, shop.house.settings, clock=lambda: now() + timedelta(minutes=2))
    async with asyncio.timeout(10):  # while the visitor's page tells that it has seen the answer, the conversation is held
        while not await asking():  # noqa: ASYNC110  # nothing tells when it is free
            await asyncio.sleep(0.05)
    async with shop.database.transaction() as session:
        return (await session.scalars(select(Rating))).one()


async def given(shop: Shop) -> tuple[int | None, str]:
    async with shop.database.transaction() as session:
        rating = (await session.scalars(select(Rating))).one()
    return rating.score, rating.comment


async def test_a_visitor_answers_by_keyboard_and_thinks_again(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await asked(shop, page)
    group = page.get_by_role("group", name="How satisfied are you with our answer?")
    await expect(group).to_be_visible()
    await expect(page.get_by_role("textbox", name="Write a message")).to_be_focused()  # it takes no focus
    await expect(page.get_by_role("button", name="Send my answer")).to_be_hidden()
    await group.get_by_role("radio").first.focus()
    for _ in range(4):
        await page.keyboard.press("ArrowRight")
    await expect(group.get_by_role("radio", name="5: Very satisfied")).to_be_checked()
    assert await given(shop) == (None, "")  # choosing alone says nothing yet
    await page.keyboard.press("Tab")
    await page.keyboard.type("Quick <b>and</b> kind")
    await page.get_by_role("button", name="Send my answer").press("Enter")
    await expect(page.get_by_text("Thank you! Your answer has arrived.")).to_be_visible()
    assert await given(shop) == (5, "Quick <b>and</b> kind")
    await expect(page.get_by_role("button", name="Change my answer")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(group.get_by_role("radio", name="5: Very satisfied")).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.get_by_role("button", name="Send my answer").click()
    await expect(page.get_by_text("Thank you! Your answer has arrived.")).to_be_visible()
    assert await given(shop) == (4, "Quick <b>and</b> kind")
    await page.reload()
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.get_by_role("log")).to_contain_text("Yes, every day.")
    await expect(page.get_by_text("How satisfied are you")).to_have_count(0)


async def test_an_answer_without_a_connection_leaves_as_soon_as_there_is_one(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await asked(shop, page)
    await page.get_by_role("radio", name="4: Satisfied").check()
    await context.set_offline(True)
    await expect(page.get_by_role("dialog")).to_contain_text("No connection.")
    await page.get_by_role("button", name="Send my answer").click()
    await expect(page.get_by_role("button", name="Waits for a connection")).to_be_visible()
    assert await given(shop) == (None, "")
    await context.set_offline(False)
    await expect(page.get_by_text("Thank you! Your answer has arrived.")).to_be_visible()
    assert await given(shop) == (4, "")
    async with shop.database.transaction() as session:
        await session.execute(update(Rating).values(given_at=shop.house.clock() - timedelta(days=8)))
    await page.get_by_role("button", name="Change my answer").click()
    await context.set_offline(True)
    await expect(page.get_by_role("dialog")).to_contain_text("No connection.")
    await page.get_by_role("button", name="Send my answer").click()
    await expect(page.get_by_role("button", name="Waits for a connection")).to_be_visible()
    await context.set_offline(False)
    await expect(page.get_by_role("button", name="Send my answer")).to_be_visible()  # refused: it cannot be changed any more
    shop.violations.clear()  # the browser's complaints that it is offline


async def test_who_does_not_want_to_be_asked_is_left_alone(shop: Shop, context: BrowserContext):
    page = await shop.open(context)
    await asked(shop, page)
    await page.get_by_role("button", name="Do not ask me again").click()
    await expect(page.get_by_text("You will not be asked again.")).to_be_visible()
    assert await given(shop) == (None, "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_the_chats_question(shop: Shop, chromium: Browser, scheme: str):
    async for page in opened(chromium, scheme):
        page.on("console", lambda message: shop.violations.append(message.text) if message.type == "error" else None)
        await page.goto(f"{shop.parley}/widget/{shop.channel.key}/chat")  # our own policy lets axe in
        await asked(shop, page)
        await page.get_by_role("radio", name="2: Dissatisfied").check()
        await expect(page.get_by_role("button", name="Send my answer")).to_be_visible()
        assert not (await Axe().run(page)).response["violations"]
        shop.violations.clear()  # axe's own style sheets


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_the_customers_page_nor_on_the_figures(
    shop: Shop, context: BrowserContext, chromium: Browser, scheme: str
):
    rating = await asked(shop, await shop.open(context))
    link = f"{shop.parley}/rate/{ratings.token(shop.house.vault, rating.id)}"
    async with shop.database.transaction() as session:
        token = await sessions.begin(session, shop.member.account_id, now=shop.house.clock(), days=1)
    async for page in opened(chromium, scheme):
        await page.goto(link)
        assert not (await Axe().run(page)).response["violations"]
        await page.get_by_role("radio", name="Satisfied", exact=True).check(force=True)
        await page.get_by_role("textbox").fill("Fine.")
        await page.get_by_role("button", name="Send my answer").click()
        await expect(page.get_by_role("status")).to_contain_text("Thank you")
        assert not (await Axe().run(page)).response["violations"]
        await page.goto(f"{shop.parley}/rate/1-wrong")
        assert not (await Axe().run(page)).response["violations"]
        await page.context.add_cookies([{"name": COOKIE, "value": token, "url": shop.parley}])
        base = f"{shop.parley}/w/{shop.channel.workspace_id}"
        for address in ("/metrics/satisfaction", "/metrics/satisfaction/ratings"):
            await page.goto(base + address)
            await expect(page.get_by_role("main")).to_contain_text(re.compile("100|Fine"))
            assert not (await Axe().run(page)).response["violations"], address
    async with shop.database.transaction() as session:
        assert (await session.scalars(select(col(Message.automatic)).where(col(Message.automatic)))).all() == []


async def opened(chromium: Browser, scheme: str) -> AsyncIterator[Page]:
    """A page of an English browser in light or dark."""
    context = await chromium.new_context(locale="en-GB", color_scheme=scheme)  # type: ignore[arg-type]
    yield await context.new_page()
    await context.close()
