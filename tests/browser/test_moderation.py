"""What is done to messages, how long a platform takes answers, and answers in private, in a real browser."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import approved
from connectors.demo import script
from inbox.contract import ConversationKind
from inbox.conversations import acting
from inbox.models import Channel, Delivery, Direction, Message, Moderation
from tests.browser.conftest import Desk
from tests.make import Make

pytestmark = pytest.mark.browser
DIRECT: dict[str, Any] = {"conversation_kind": ConversationKind.DIRECT, "post": None}


async def every(desk: Desk, table: Any) -> Any:
    async def work(session: AsyncSession) -> Any:
        return (await session.scalars(select(table).order_by(col(table.id)))).all()

    return await desk.do(work)


async def change(desk: Desk, **values: Any) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(update(Channel).where(col(Channel.id) == desk.channel.id).values(**values))

    await desk.do(work)


async def platform_answers(desk: Desk, refusal: str = "") -> None:
    """The host asks for what is due, and the platform does it, or refuses."""

    async def work(session: AsyncSession) -> None:
        now = datetime.now(UTC) + timedelta(minutes=2)
        (claimed,) = await acting.claim(session, owner="test", now=now, limit=1, lease=60.0)
        if refusal:
            await acting.mark_failed(session, claimed, refusal, now)
        else:
            await acting.mark_done(session, claimed, now)

    await desk.do(work)


async def choose(page: Page, name: str) -> None:
    await page.keyboard.press("m")
    await page.locator("#choose-message [role=option]", has_text=name).click()


def offered(page: Page) -> Any:
    return page.locator("#choose-message [role=option]")


async def test_a_comment_is_hidden_by_keys_shown_at_once_and_said_to_be_hidden_when_it_is(desk: Desk) -> None:
    await desk.say("Drecksplörre")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.keyboard.press("m")
    await expect(offered(page).filter(has_text="Hide")).to_contain_text("Only its author still sees it")  # the real consequence
    await expect(offered(page).filter(has_text="Delete")).to_have_count(0)  # of strangers' words: supervisors only
    assert not (await Axe().run(page)).response["violations"]
    await page.keyboard.type("hide")
    await page.keyboard.press("Enter")
    entry = page.locator(".entry.in")
    await expect(entry.locator(".deed")).to_contain_text("Hide: in a moment")
    await expect(entry.locator(".said")).to_have_attribute("data-moderating", "hide")
    await expect(entry.get_by_role("button", name="Undo")).to_be_visible()  # drawn by the server by now
    await platform_answers(desk)
    await expect(entry).to_contain_text("hidden by Aylin")
    await expect(entry.locator(".deed")).to_have_count(0)
    await expect(page.locator("#head-1 .waits")).to_have_count(0)
    await page.keyboard.press("m")
    await expect(offered(page).filter(has_text="Show again")).to_have_count(1)
    assert not desk.complaints


async def test_an_action_is_taken_back_with_one_key(desk: Desk) -> None:
    await desk.say("Drecksplörre")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await choose(page, "Hide")
    await expect(page.locator(".toast")).to_contain_text("Hide")
    await page.keyboard.press("z")
    await expect(page.locator(".deed")).to_have_count(0)
    assert [row.state.value for row in await every(desk, Moderation)] == ["undone"]


async def test_a_refusal_says_why_and_can_be_tried_again_or_put_aside(desk: Desk) -> None:
    await desk.say("Drecksplörre")
    page = await desk.page("Aylin", "/conversations/1?view=open", locale="de")
    await choose(page, "Verbergen")
    await expect(page.locator(".deed form")).to_have_count(1)
    await platform_answers(desk, "Telegram asks us to wait.")
    deed = page.locator(".deed[data-state=failed]")
    await expect(deed).to_contain_text("nicht geschehen. Telegram bittet uns zu warten.")
    await deed.get_by_role("button", name="Weglegen").click()
    await expect(deed).to_have_count(0)


async def test_an_own_reply_is_changed_and_a_refusal_keeps_what_was_written(desk: Desk) -> None:
    await desk.say("Vegan?")

    async def work(session: AsyncSession) -> None:
        of = (await session.scalars(select(Message))).one().conversation_id
        conversation = type("There", (), {"id": of, "workspace_id": desk.workspace.id, "channel_id": desk.channel.id})
        own = {"direction": Direction.OUT, "delivery": Delivery.SENT, "member_id": desk.members["Aylin"].id, "at": datetime.now(UTC)}
        await Make(session).message(conversation, body="Ja, ales!", **own)  # type: ignore[arg-type]  # its ids are enough

    await desk.do(work)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await page.locator(".entry.out [data-menu]").click(force=True)
    await offered(page).filter(has_text="Change the text").click()
    box = page.locator("#edit-reply textarea")
    await expect(box).to_have_value("Ja, ales!")
    await box.fill("x" * 2300)
    await page.locator("#edit-reply").get_by_role("button", name="Change it").click()
    await expect(page.locator(".toast-bad")).to_contain_text("too long")
    await box.fill("Ja, alles!")
    await page.locator("#edit-reply").get_by_role("button", name="Change it").click()
    await expect(page.locator("#edit-reply")).to_be_hidden()
    await expect(page.locator(".entry.out .deed")).to_contain_text("Change the text")
    await platform_answers(desk)
    await expect(page.locator(".entry.out .body")).to_have_text("Ja, alles!")


async def test_an_answer_in_private_is_unmistakable_and_its_words_never_go_out_by_a_tab(desk: Desk) -> None:
    await desk.say("Meine Nummer ist 0451 …")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await choose(page, "Answer in private")
    box, composer = page.locator(".composer textarea"), page.locator(".composer")
    await expect(composer).to_have_attribute("data-mode", "private")
    await page.keyboard.type("Wir rufen an.")
    await page.locator("[data-mode-set=reply]").click()
    await expect(box).to_have_value("")  # what is private does not become public
    await page.locator("[data-mode-set=private]").click()
    await expect(box).to_have_value("Wir rufen an.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry.out .chip", has_text="private")).to_be_visible()
    assert [message.private for message in await every(desk, Message)] == [False, True]
    await page.locator("body").click(position={"x": 5, "y": 5})
    await page.locator(".entry.out [data-undo]").click()
    await expect(box).to_have_value("Wir rufen an.")
    await expect(composer).to_have_attribute("data-mode", "private")  # nor by undoing


# An hour later: said again if the reader's own first look at the conversation has drawn it anew meanwhile.
PASS = """() => {
    const { dataset } = document.querySelector(".window"), send = document.querySelector("[data-send]");
    if (dataset.closed !== "over") dataset.until = new Date().toISOString();
    return dataset.closed === "over" && !send.checkVisibility() && send.closest(".composer").dataset.mode === "note";
}"""


async def test_the_window_counts_down_closes_by_itself_and_opens_when_the_customer_writes(desk: Desk) -> None:
    await change(desk, answer_hours=24)
    await desk.say("Sulfit?", **DIRECT, at=datetime.now(UTC) - timedelta(hours=23))
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await expect(page.locator(".window")).to_contain_text("Answer possible until")
    await expect(page.locator(".row-link .window-left")).to_be_visible()
    await expect(page.locator("[data-send]")).to_be_visible()
    await page.wait_for_function(PASS, polling=500)  # nobody pushed anything
    await desk.say("Noch da?", **DIRECT)
    await expect(page.locator(".window:not([data-closed])")).to_contain_text("Answer possible until")
    await expect(page.locator("[data-send]")).to_be_visible()
    await expect(page.locator(".composer")).to_have_attribute("data-mode", "reply")
    assert not desk.complaints


async def test_a_closed_window_offers_what_the_platform_has_approved(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(*_: Any) -> Any:
        return script.APPROVED

    monkeypatch.setattr(approved, "_ask", ask)
    await change(desk, answer_hours=24)
    await desk.say("Sulfit?", **DIRECT, at=datetime.now(UTC) - timedelta(hours=30))
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await expect(page.locator(".row-link .chip-bad")).to_have_text("closed")
    await page.get_by_role("button", name="Send an approved text").click()
    dialog = page.locator("#approved")
    await dialog.locator("select").select_option(label="order_update · en")
    await dialog.get_by_label("Blank 1").fill("Vera")
    await dialog.get_by_label("Blank 2").fill("4711")
    await expect(dialog.locator("blockquote")).to_have_text("Hello Vera, your order 4711 is on its way.")
    assert not (await Axe().run(page)).response["violations"]
    await dialog.get_by_role("button", name="Send").click()
    await expect(page.locator(".entry.out .body")).to_have_text("Hello Vera, your order 4711 is on its way.")
    stored = (await every(desk, Message))[-1].platform_template
    assert (stored["name"], stored["values"]) == ("order_update", ["Vera", "4711"])
    assert not desk.complaints


@pytest.mark.parametrize(
    ("values", "sentence"), [({"answers": False}, "can only be read"), ({"one_reply_only": True}, "takes one answer, and it was given")]
)
async def test_a_channel_that_takes_no_answer_says_why_and_still_takes_notes(desk: Desk, values: dict[str, Any], sentence: str) -> None:
    await change(desk, **values)
    await desk.say("★★☆☆☆")
    await desk.say("Das tut uns leid.", author=script.US, parent_id="m1")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    await expect(page.locator(".window")).to_contain_text(sentence)
    await expect(page.locator("[data-send]")).to_be_hidden()
    await expect(page.get_by_role("button", name="Add note")).to_be_visible()
