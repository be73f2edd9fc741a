"""Two conversations made one, and one made two, in a real browser."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind, EventKind
from inbox.conversations import splitting
from inbox.models import Conversation
from inbox.team import rights
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser
LETTER: dict[str, Any] = {"conversation_kind": ConversationKind.EMAIL, "post": None}


def entries(page: Page) -> Any:
    return page.locator(".entry.message")


def boxes(page: Page) -> Any:
    return page.locator(".choose")


async def two_letters(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("Hello?", thread="t2", **LETTER)


async def test_one_is_merged_into_another_by_keys_and_taken_out_with_one_key(desk: Desk) -> None:
    await two_letters(desk)
    page = await desk.page("Aylin", "/conversations/2?view=open")
    await page.keyboard.press("M")
    chooser = page.locator("#choose-merge")
    await expect(chooser.get_by_role("option")).to_have_text(["Anna: Where is my crate?"])
    assert not (await Axe().run(page)).response["violations"]
    await page.keyboard.type("crate")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{desk.address}/w/{desk.workspace.id}/conversations/1?view=open")
    await expect(entries(page)).to_have_count(2)
    await expect(page.locator("#timeline-1")).to_contain_text("Aylin merged another conversation into this one")
    await expect(page.locator("#row-2")).to_have_count(0)
    await page.keyboard.press("z")
    await expect(page).to_have_url(f"{desk.address}/w/{desk.workspace.id}/conversations/2?view=open")
    await expect(page.locator("#row-2")).to_have_count(1)
    assert not desk.complaints


async def test_where_there_is_nothing_to_merge_with_it_says_so(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.keyboard.press("M")
    await expect(page.locator(".toast")).to_contain_text("no other open conversation")


async def test_messages_are_chosen_and_split_off_by_keys_and_come_back_with_one(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("And my refund?", **LETTER)
    await desk.say("The green one", **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.keyboard.press("S")
    bar = page.locator(".split-bar")
    button = bar.get_by_role("button", name="Split off")
    await expect(bar).to_contain_text("Nothing chosen yet")
    await expect(button).to_be_disabled()
    await expect(page.locator(".composer")).to_be_hidden()
    assert not (await Axe().run(page)).response["violations"]
    await page.keyboard.press("Space")  # the newest has the focus
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Space")
    await expect(bar).to_contain_text("2 chosen")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Space")
    await expect(bar).to_contain_text("leave at least one")
    await expect(button).to_be_disabled()
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{desk.address}/w/{desk.workspace.id}/conversations/2?view=open")
    await expect(entries(page)).to_have_count(2)
    await expect(page.locator("#timeline-2")).to_contain_text("Aylin split this off from another conversation")
    await expect(page.locator(".composer")).to_be_visible()
    await page.keyboard.press("z")
    await expect(page).to_have_url(f"{desk.address}/w/{desk.workspace.id}/conversations/1?view=open")
    await expect(entries(page)).to_have_count(3)
    assert not desk.complaints


async def test_who_looks_on_sees_messages_leave_and_may_follow_them(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("And my refund?", **LETTER)
    page = await desk.page("Fatma", "/conversations/1?view=open")
    here = rights.of(desk.members["Aylin"])

    async def leave(session: AsyncSession) -> None:
        conversation = await session.get_one(Conversation, 1)
        await splitting.split_off(session, here, conversation, [conversation.last_inbound_id or 0], now=datetime.now(UTC))

    await desk.do(leave)
    await expect(entries(page)).to_have_text([re.compile("crate")])
    await expect(page.locator("#row-2")).to_have_count(1)
    await page.get_by_role("link", name="Open it").click()
    await expect(entries(page)).to_have_text([re.compile("refund")])
    assert not desk.complaints


async def test_from_a_messages_menu_its_answers_are_chosen_with_it(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("And my refund?", **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.locator(".composer textarea").fill("It is on its way.")
    await page.locator("[data-send]").click()
    await expect(entries(page)).to_have_count(3)
    await expect(page.locator(".entry.out .answers")).to_have_count(1)  # to who waits: the first message
    await page.locator(".entry.in", has_text="crate").locator("[data-menu]").click(force=True)
    await page.locator("#choose-message [role=option]", has_text="Split off messages").click()
    await expect(page.locator(".split-bar")).to_contain_text("2 chosen")
    await expect(page.locator(".entry.out .choose")).to_be_checked()
    await page.locator(".entry.in", has_text="crate").locator(".choose").uncheck()
    await expect(page.locator(".split-bar")).to_contain_text("Nothing chosen yet")
    await page.locator(".entry.out .body").click()  # all of a message is its box
    await expect(page.locator(".split-bar")).to_contain_text("add a customer's message")


async def test_escape_ends_the_choosing_and_what_comes_meanwhile_can_be_chosen(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("And my refund?", **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.keyboard.press("S")
    await page.keyboard.press("Space")
    last = await desk.say("The green one", **LETTER)
    await expect(boxes(page)).to_have_count(3)
    await desk.happens(EventKind.EDIT, last, "The green crate")
    await expect(page.locator(".entry", has_text="The green crate").locator(".choose")).to_be_visible()
    await expect(page.locator(".split-bar")).to_contain_text("1 chosen")
    await page.keyboard.press("Escape")
    await expect(page.locator(".split-bar")).to_be_hidden()
    await expect(page.locator("#conversation")).to_have_attribute("data-conversation", "1")
    assert await page.locator(".choose:checked").count() == 0
    assert not desk.complaints


async def test_on_a_phone_messages_are_chosen_with_a_finger(desk: Desk) -> None:
    await desk.say("Where is my crate?", **LETTER)
    await desk.say("And my refund?", **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open", viewport={"width": 390, "height": 800}, has_touch=True, locale="de")
    await page.locator(".entry.in", has_text="refund").locator("[data-menu]").tap()
    await page.locator("#choose-message [role=option]", has_text="Nachrichten abtrennen").tap()
    await page.locator(".entry.in", has_text="crate").locator(".body").tap()
    await expect(page.locator(".split-bar")).to_contain_text("Lassen Sie mindestens eine hier")
    await page.locator(".entry.in", has_text="crate").locator(".body").tap()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Abtrennen").tap()
    await expect(page.locator("#timeline-2")).to_contain_text("von einer anderen Unterhaltung abgetrennt")


async def test_a_review_says_at_once_that_it_is_one_matter(desk: Desk) -> None:
    await desk.say("Two stars", conversation_kind=ConversationKind.REVIEW, post=None)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.keyboard.press("S")
    await expect(page.locator(".toast-bad")).to_contain_text("A review is one matter")
    await expect(page.locator(".split-bar")).to_be_hidden()
