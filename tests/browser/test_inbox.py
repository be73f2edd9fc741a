"""The inbox in a real browser: reading, answering, taking back, working together."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Conversation, Delivery, Draft, Message, Note, Status
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser


async def newest(desk: Desk, table: Any) -> Any:
    async def work(session: AsyncSession) -> Any:
        return await session.scalar(select(table).order_by(col(table.id).desc()).limit(1))

    return await desk.do(work)


def box(page: Page) -> Any:
    return page.get_by_label("Your text")


async def test_a_comment_slides_in_is_taken_answered_with_a_template_and_taken_back(desk: Desk) -> None:
    page = await desk.page("Aylin")
    await expect(page.get_by_text("Nobody is waiting")).to_be_visible()
    await desk.say("Ist das vegan?", name="Anna Becker")
    await expect(page.locator("#items .item")).to_have_count(1)
    await expect(page.locator("[data-count=next]")).to_have_text("1")
    await page.keyboard.press("Space")
    await expect(page.locator(".conversation .body")).to_have_text("Ist das vegan?")
    await expect(page.locator(".head .avatar")).to_be_visible()  # taken
    await box(page).press_sequentially("/veg")
    await expect(page.get_by_role("option", name="Vegan")).to_contain_text("Hello Anna")
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("Hello Anna, all of it is vegan.\nYours, Aylin")
    await page.keyboard.press("Control+Enter")
    await expect(box(page)).to_have_value("")
    await expect(page.locator(".entry.out:not([data-pending])")).to_contain_text("all of it is vegan")
    await page.get_by_role("button", name="Undo").first.click()
    await expect(page.locator(".entry.out")).to_have_count(0)
    await expect(box(page)).to_have_value(re.compile("all of it is vegan"))
    assert (await newest(desk, Message)).delivery == Delivery.UNDONE
    assert not desk.complaints


async def test_z_takes_a_reply_back_from_anywhere(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1")
    await box(page).fill("Moin")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#toasts")).to_contain_text("Reply sends in")
    await page.keyboard.press("Escape")
    await page.keyboard.press("z")
    await expect(box(page)).to_have_value("Moin")


async def test_an_unfilled_placeholder_cannot_be_sent(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1")
    await box(page).press_sequentially("/order")
    await expect(page.get_by_role("option", name="Order")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#toasts")).to_contain_text("{{order.number}}")
    assert (await newest(desk, Message)).delivery == Delivery.RECEIVED


async def test_a_reply_is_stopped_when_something_new_came_in_and_can_be_sent_anyway(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1")
    await box(page).fill("Moin")
    await page.evaluate("document.querySelector('[name=seen_message_id]').value = 0")  # as if it had not been seen
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("dialog")).to_contain_text("Hallo")
    await page.get_by_role("button", name="Send anyway").click()
    await expect(page.locator(".entry.out:not([data-pending])")).to_contain_text("Moin")


async def test_the_list_stays_still_under_the_pointer_until_what_is_new_is_asked_for(desk: Desk) -> None:
    for number in range(5):
        await desk.say(f"Nachricht {number}", thread=f"t{number}")
    page = await desk.page("Aylin", "/inbox?view=open")
    rows = page.locator("#items .item")
    before = await rows.evaluate_all("rows => rows.map((row) => row.id)")
    await rows.nth(2).hover()
    await desk.say("Neu", thread="t9", name="Zoë")
    await desk.say("Wieder ich", thread="t0")
    await expect(page.locator("#pill")).to_have_text("2 new")
    assert await rows.evaluate_all("rows => rows.map((row) => row.id)") == before
    await expect(page.locator("#row-1")).to_contain_text("Wieder ich")  # in place
    await page.keyboard.press(".")
    await expect(rows.first).to_contain_text("Wieder ich")
    await expect(rows).to_have_count(6)


async def test_a_note_is_no_reply(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1")
    await page.keyboard.press("n")
    await page.keyboard.type("Lager fragen")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.locator(".entry.note:not([data-pending])")).to_contain_text("Lager fragen")
    assert (await newest(desk, Note)).body == "Lager fragen"
    await expect(page.locator("[data-pending]")).to_have_count(0)


async def test_a_note_and_a_reply_have_texts_of_their_own(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1")
    await box(page).fill("Moin Anna")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await expect(box(page)).to_have_value("")
    await page.keyboard.type("Lager fragen")
    await page.keyboard.press("Escape")
    await page.keyboard.press("r")
    await expect(box(page)).to_have_value("Moin Anna")
    await page.reload()
    await expect(box(page)).to_have_value("Moin Anna")
    await page.get_by_role("button", name="Note", exact=True).click()
    await expect(box(page)).to_have_value("Lager fragen")


async def test_a_draft_survives_and_marks_its_row(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await box(page).fill("Liebe Anna")
    await expect(page.locator("#row-1[data-draft]")).to_be_visible()
    await page.reload()
    await expect(box(page)).to_have_value("Liebe Anna")

    async def kept(session: AsyncSession) -> Any:
        return (await session.scalars(select(Draft))).one().body

    assert await desk.do(kept) == "Liebe Anna"


async def test_resolving_opens_the_next_and_can_be_undone(desk: Desk) -> None:
    await desk.say("Eins", thread="t1")
    await desk.say("Zwei", thread="t2")
    page = await desk.page("Aylin", "/conversations/2?view=open")
    await page.keyboard.press("e")
    await expect(page.locator("#conversation[data-conversation='1']")).to_be_visible()
    await expect(page.locator("#row-2:not([data-gone])")).to_have_count(0)
    await page.keyboard.press("z")
    await expect(page.locator("#conversation[data-conversation='2']")).to_be_visible()
    assert (await newest(desk, Conversation)).status == Status.OPEN


async def test_a_supervisor_assigns_by_name_and_labels_by_key(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Fatma", "/conversations/1?view=open")
    await page.keyboard.press("a")
    await page.keyboard.type("ayl")
    await page.keyboard.press("Enter")
    await expect(page.locator(".head")).to_contain_text("Aylin")
    await page.keyboard.press("l")
    await page.keyboard.type("dep")
    await page.keyboard.press("Enter")
    await expect(page.locator(".head .label")).to_have_text("Deposit")
    await page.keyboard.press("s")
    await page.keyboard.type("tomorrow")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-count=snoozed]")).to_have_text("1")


async def test_colleagues_see_each_other_in_row_and_conversation(desk: Desk) -> None:
    await desk.say("Hallo")
    aylin = await desk.page("Aylin", "/conversations/1?view=open")
    fatma = await desk.page("Fatma", "/inbox?view=open")
    await expect(fatma.locator("#here-row-1")).to_contain_text("Aylin is here")
    await box(aylin).press_sequentially("Mo")
    await expect(fatma.locator("#here-row-1")).to_contain_text("Aylin is typing")
    await expect(aylin.locator("#here-pane-1 .person:visible")).to_have_count(0)  # nobody is told of themselves


async def test_a_lost_line_is_shown_and_what_was_missed_comes_when_it_is_back(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.context.set_offline(True)
    await page.evaluate("dispatchEvent(new Event('offline'))")
    await expect(page.locator("html[data-live=offline], html[data-live=lost]")).to_have_count(1)
    await box(page).fill("Moin")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("[data-pending]")).to_contain_text("Waits for the connection")
    await desk.say("Noch da?")
    await page.context.set_offline(False)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator(".conversation")).to_contain_text("Noch da?")
    await expect(page.get_by_role("dialog")).to_contain_text("Noch da?")  # the thread changed meanwhile: asked before it is sent
    await page.get_by_role("button", name="Send anyway").click()
    await expect(page.locator(".entry.out:not([data-pending])")).to_contain_text("Moin")


async def test_a_long_conversation_opens_at_its_end_and_follows_what_comes(desk: Desk) -> None:
    for number in range(30):
        await desk.say(f"Frage {number}?")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await expect(page.locator("#conversation").get_by_text("Frage 29?")).to_be_in_viewport()
    await expect(page.locator("#row-1:not([data-unread])")).to_be_attached()
    await desk.say("Und jetzt?")
    await expect(page.locator("#conversation").get_by_text("Und jetzt?")).to_be_in_viewport()
    await expect(page.locator("#row-1:not([data-unread])")).to_be_attached()


async def test_what_comes_while_the_whole_page_is_read_again_is_marked_as_read_too(desk: Desk) -> None:
    await desk.say("Ist das vegan?")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await expect(page.locator("#row-1:not([data-unread])")).to_be_attached()

    async def work(session: AsyncSession) -> None:
        event = Event("e9", EventKind.MESSAGE, "m9", "t1", datetime.now(UTC), Author("Anna", "Anna"), "Hallo?")
        await receive.receive(session, desk.channel, Batch([event]), now=datetime.now(UTC), move_cursor=False)
        events.record(session, "workspace.changed", workspace_id=desk.workspace.id, at=datetime.now(UTC), actor="system", fields=["name"])

    await desk.do(work)
    await expect(page.locator("#conversation").get_by_text("Hallo?")).to_be_visible()
    await expect(page.locator("#row-1:not([data-unread])")).to_be_attached()


async def test_words_find_conversations_and_the_search_can_be_cleared(desk: Desk) -> None:
    await desk.say("Wo ist mein Pfand?", thread="t1")
    await desk.say("Lecker", thread="t2", name="Bernd")
    page = await desk.page("Aylin", "/inbox?view=open")
    await page.keyboard.press("/")
    await page.keyboard.type("pfan")
    await expect(page.locator("#items .item")).to_have_count(1)
    await page.keyboard.press("Control+A")
    await page.keyboard.type("gibtsnicht")
    await expect(page.locator(".list-empty")).to_contain_text("Nothing found")
    await page.keyboard.press("Control+A")
    await page.keyboard.type("lecker")
    await expect(page.locator(".list h1")).to_have_text("Found")
    await page.keyboard.press("Enter")
    await expect(page.locator("#row-link-2")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".conversation .body")).to_have_text("Lecker")


async def searching(desk: Desk) -> tuple[Page, asyncio.Event]:
    """A page that has asked for "pfan", and is answered when the event is set."""
    await desk.say("Wo ist mein Pfand?", thread="t1")
    await desk.say("Lecker", thread="t2", name="Bernd")
    page = await desk.page("Aylin", "/inbox?view=open")
    answered, asked = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        if "q=pfan" in route.request.url:
            asked.set()
            await answered.wait()
        await route.continue_()

    await page.route("**/inbox?*", slowly)
    await page.keyboard.press("/")
    await page.keyboard.type("pfan")
    await asked.wait()
    return page, answered


async def test_what_is_written_into_the_search_outlives_the_answer_to_earlier_words(desk: Desk) -> None:
    page, answered = await searching(desk)
    async with page.expect_response("**/inbox?q=pfan*"):
        await page.keyboard.press("Control+A")
        await page.keyboard.type("leck")
        answered.set()
    await page.keyboard.type("er")
    await expect(page.locator("#search")).to_have_value("lecker")
    await expect(page.locator("#row-link-2")).to_be_visible()
    await expect(page.locator("#items .item")).to_have_count(1)


async def test_a_late_answer_to_earlier_words_does_not_take_the_place_of_what_was_found_since(desk: Desk) -> None:
    page, answered = await searching(desk)
    await page.keyboard.press("Control+A")
    await page.keyboard.type("lecker")
    await expect(page.locator("#row-link-1")).to_be_hidden()
    async with page.expect_response("**/inbox?q=pfan*") as response:
        answered.set()
    await (await response.value).finished()
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
    await expect(page.locator("#row-link-1")).to_be_hidden()
    await expect(page.locator("#row-link-2")).to_be_visible()


async def test_more_rows_that_are_asked_for_meanwhile_lose_no_search(desk: Desk) -> None:
    for number in range(60):
        await desk.say("Moin", thread=f"more{number}", name=f"Nora {number}")
    page, answered = await searching(desk)
    async with page.expect_response(lambda response: "after=" in response.url):
        await page.locator("[data-more]").click()
    answered.set()
    await expect(page.locator("#items .item")).to_have_count(1)
    await expect(page.locator("#items .item")).to_contain_text("Pfand")


async def test_space_takes_the_next_one_also_after_a_conversation_was_closed(desk: Desk) -> None:
    await desk.say("Ist das vegan?", thread="t1")
    await desk.say("Und glutenfrei?", thread="t2", name="Bernd")
    page = await desk.page("Aylin", "/conversations/2")
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("No conversation is open")).to_be_visible()
    await expect(page.locator("#row-link-2")).to_be_focused()
    await page.keyboard.press("Space")
    await expect(page.locator(".conversation .body")).to_have_text("Ist das vegan?")


async def test_a_row_that_stays_where_it_is_announces_nothing(desk: Desk) -> None:
    await desk.say("Ist das vegan?", thread="t1")
    await desk.say("Und glutenfrei?", thread="t2", name="Bernd")
    page = await desk.page("Aylin", "/inbox?view=open")
    await page.locator("#row-2").hover()
    await desk.say("Hallo?", thread="t2", name="Bernd")
    await expect(page.locator("#row-2")).to_contain_text("Hallo?")
    await expect(page.locator("#pill")).to_be_hidden()
    await desk.say("Hallo?", thread="t1")
    await expect(page.locator("#pill")).to_have_text("1 new")


async def test_the_title_follows_the_list(desk: Desk) -> None:
    page = await desk.page("Aylin")
    await expect(page).to_have_title("Answer next · Möwenbräu")
    await page.get_by_role("link", name="Mine").click()
    await expect(page).to_have_title("Mine · Möwenbräu")


async def test_a_viewer_sees_everything_and_is_offered_nothing_to_do(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Vera", "/conversations/1?view=open")
    await expect(page.locator(".body")).to_have_text("Hallo")
    await expect(page.locator(".composer, .head-acts:visible")).to_have_count(0)


async def test_reading_and_replying_work_without_scripts(desk: Desk) -> None:
    await desk.say("Hallo")
    page = await desk.page("Aylin", "/inbox?view=open", java_script_enabled=False)
    await page.locator(".row-link").click()
    await box(page).fill("Moin")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".entry.out")).to_contain_text("Moin")
    await expect(page.locator(".day:visible")).to_have_count(1)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".entry.out")).to_have_count(0)
    await expect(box(page)).to_have_value("Moin")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_axe_finds_nothing(desk: Desk, scheme: str, width: int) -> None:
    await desk.say("Ist das vegan?", name="Anna Becker")
    await desk.say("هل هذا نباتي؟", name="محمد")
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 844}, "bypass_csp": True}
    page = await desk.page("Aylin", "/conversations/1?view=open", **options)
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    await page.goto(f"{desk.address}/w/1/inbox")
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


async def test_the_page_is_small_and_fits_a_telephone(desk: Desk) -> None:
    for number in range(60):
        await desk.say("Wann kommt die neue Sorte?", thread=f"t{number}", name="Dr. Maximiliane von und zu Hohenstein-Wittelsbach")
    page = await desk.page("Aylin", "/inbox", viewport={"width": 390, "height": 844})
    response = await page.context.request.get(page.url, headers={"accept": "text/html"})
    assert len(await response.body()) < 150_000
    await page.locator(".row-link").first.click()
    await expect(page.locator("#conversation")).to_be_visible()
    await expect(page.locator("#list")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.get_by_label("Back to the list").click()
    await expect(page.locator("#list")).to_be_visible()


async def test_a_list_is_narrowed_to_a_language_and_a_conversation_is_given_another_one(desk: Desk) -> None:
    await desk.say("Wann kommt mein Paket?", thread="t1")
    await desk.say("Where is my parcel, please?", name="Bob", thread="t2")
    page = await desk.page("Aylin", "/inbox?view=open")
    items = page.locator("#items .item:not([data-gone])")
    await page.locator(".list-head summary").click()
    await page.get_by_role("link", name="German", exact=True).click()
    await expect(items).to_have_count(1)
    await expect(page.locator(".list-notices")).to_contain_text("German")
    await expect(page.locator("#views [aria-current]")).to_contain_text("All open")  # it is still that queue
    await page.locator("#search").fill("parcel")
    await expect(page.get_by_text("Nothing found")).to_be_visible()  # the English one is left out here, too
    await page.locator("#search").fill("Paket")
    await expect(items).to_have_count(1)
    await page.goto(f"{desk.address}/w/{desk.workspace.id}/conversations/1?view=open.de")
    panel = page.locator("#spoken-1")
    await panel.get_by_role("button").click()
    await expect(page.get_by_role("option", name="As its words tell: German")).to_be_visible()
    await page.keyboard.type("turk")
    await page.keyboard.press("Enter")
    await expect(panel).to_contain_text("Turkish")
    await expect(page.locator(".timeline")).to_contain_text("set the language: Turkish")
    await page.keyboard.press("z")
    await expect(panel).to_contain_text("German")
    await expect(page.locator("#row-1 .row-foot")).to_contain_text("de")
    assert not desk.complaints
