"""The demonstration as a newcomer meets it: the printed link, the first comment, and the picture of the README, which is drawn from it."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from api.demo import seed
from api.deps import House
from connectors import runner
from connectors.demo.town import Clock
from inbox.db import Database
from tests.api.visitor import serving
from tests.app import app_of

pytestmark = pytest.mark.browser
IMAGES = Path(__file__).parents[2] / "docs" / "images"


@dataclass
class Demo:
    """The demonstration, its connectors running, and a browser that has opened the printed link."""

    page: Page
    clock: Clock


@pytest.fixture
async def demo(database: Database, house: House, chromium: Browser) -> AsyncIterator[Demo]:
    house = replace(house, clock=lambda: datetime.now(UTC))
    workspace_id = await seed.ensure(house, now=house.clock(), days=14)
    clock = Clock(seed.folder(house.settings.home, workspace_id))
    clock.set_speed(4)
    stop, app = asyncio.Event(), app_of(house)
    async with app.router.lifespan_context(app), serving(app) as address:
        hosting = asyncio.create_task(runner.run(database, house.vault, house.files, house.settings, stop))
        context = await chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page = await context.new_page()
        await page.goto(f"{address}/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
        yield Demo(page, clock)
        await context.close()
        stop.set()
        await hosting


async def test_the_printed_link_opens_an_inbox_into_which_a_comment_slides(demo: Demo) -> None:
    coming = demo.page.locator("#items").get_by_text("Ist das vegan?")
    await expect(coming).to_be_visible(timeout=15_000)
    await coming.click()  # not by "answer next": on a slow machine a private message has come by then, and is due sooner
    await expect(demo.page.locator(".conversation .body").first).to_have_text("Ist das vegan?")
    async with demo.page.expect_popup() as opening:
        await demo.page.get_by_role("link", name="The customer's window").click()
    window = await opening.value
    await expect(window.locator("#thread")).to_contain_text("Ist das vegan?")
    await demo.page.get_by_label("Your text").fill("Moin Nora, ja, alle Sorten sind vegan.")
    await demo.page.keyboard.press("Control+Enter")
    await expect(window.locator("#thread")).to_contain_text("alle Sorten sind vegan", timeout=15_000)


@pytest.mark.skipif(os.environ.get("PARLEY_SCREENSHOTS") != "1", reason="PARLEY_SCREENSHOTS=1 draws the picture of the README")
async def test_the_picture_of_the_readme(demo: Demo) -> None:
    page = demo.page
    quarrel = page.locator("#items .item", has_text="Tjark Petersen")
    await expect(page.locator("#items .item", has_text="Sulfit")).to_be_attached(timeout=60_000)  # the last before the flood
    demo.clock.set_speed(0)
    await page.reload()
    await quarrel.click()
    await expect(page.locator(".head h1")).to_have_text("Tjark Petersen")
    await page.keyboard.press("i")
    await expect(page.get_by_text("took this")).to_be_visible()
    await page.get_by_label("Your text").fill("Moin Tjark, bei uns gilt: 15 Cent, überall. Zeig gern deinen Bon vor. Fatma")
    await page.wait_for_timeout(70_000)  # the draft is kept, and everybody has waited for a minute
    await page.screenshot(path=IMAGES / "inbox.png")
