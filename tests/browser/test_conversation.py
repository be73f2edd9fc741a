"""One conversation in a real browser: letters, pictures, who waits, and the person beside it."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from connectors.email.config import EmailConfig
from inbox import channels
from inbox.contract import Attachment, Author, ConversationKind, Envelope
from inbox.models import Channel, Conversation, Message, Role, Wait
from inbox.team.rights import Access
from tests.browser.conftest import Desk
from tests.make import Make

pytestmark = pytest.mark.browser

PICTURE = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
LETTER = {"conversation_kind": ConversationKind.EMAIL, "post": None}


async def every(desk: Desk, table: Any) -> Any:
    async def work(session: AsyncSession) -> Any:
        return (await session.scalars(select(table).order_by(col(table.id)))).all()

    return await desk.do(work)


async def outcomes(desk: Desk) -> list[str | None]:
    return [wait.outcome and wait.outcome.value for wait in await every(desk, Wait)]


def sign(page: Page, message: str) -> Any:
    return page.locator(".entry.in", has_text=message).get_by_text("waits for an answer")


async def test_hostile_markup_runs_nothing_and_asks_nobody_for_anything(desk: Desk) -> None:
    html = (
        '<b>Hello</b><img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
        '<img src="https://tracker.example/pixel.png"><a href="javascript:document.title=\'owned\'">click</a>'
        '<style>body{display:none}</style></div></article></li></ol><form action="/account"><button data-action="resolve">x</button></form>'
        '<svg onload="document.title=\'owned\'"></svg><iframe src="https://tracker.example"></iframe>'
    )
    page = await desk.page("Aylin", "/inbox?view=open")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await desk.say("Hello", html=html, **LETTER)
    await page.locator(".row-link").click()
    letter = page.locator(".letter")
    await expect(letter).to_contain_text("Hello")
    await letter.get_by_text("click").click(force=True)
    pushed = await letter.evaluate("node => node.outerHTML")
    await desk.say("More", html=html.replace("Hello", "Pushed"), **LETTER)
    await expect(letter).to_have_count(2)  # pushed, not loaded
    await expect(letter.nth(1)).to_contain_text("Pushed")
    assert pushed == (await letter.nth(1).evaluate("node => node.outerHTML")).replace("Pushed", "Hello")
    assert "owned" not in await page.title()
    assert await page.locator(".timeline > li").count() == 2
    assert not [url for url in asked if not url.startswith((desk.address, "data:"))]
    assert (await every(desk, Conversation))[0].status == "open"
    assert not desk.complaints


async def test_pictures_stand_in_their_letter_and_open_large(desk: Desk) -> None:
    files = (
        Attachment("inline.png", "image/png", content=PICTURE, content_id="one@x"),
        Attachment("second.png", "image/png", content=PICTURE),
        Attachment("bill.pdf", "application/pdf", content=b"%PDF"),
    )
    await desk.say("See:", html='<p>See: <img src="cid:one@x" width="80" height="80"></p>', attachments=files, **LETTER)
    page = await desk.page("Aylin", "/conversations/1")
    await expect(page.locator(".letter .picture img")).to_have_js_property("naturalWidth", 1)
    await expect(page.locator(".files .picture")).to_have_count(1)
    await expect(page.locator(".files .file")).to_contain_text("bill.pdf")
    await page.locator(".letter .picture").click()
    box = page.get_by_role("dialog", name="Picture")
    await expect(box.locator("img")).to_have_attribute("alt", "inline.png")
    await expect(box.locator(".lightbox-place")).to_have_text("1 / 2")
    await page.keyboard.press("ArrowRight")
    await expect(box.locator("img")).to_have_attribute("alt", "second.png")
    await expect(box.get_by_role("link", name="Save")).to_have_attribute("download", "second.png")
    assert not (await Axe().run(page)).response["violations"]
    await page.keyboard.press("Escape")
    await expect(box).to_be_hidden()
    await expect(page.locator(".files .picture")).to_be_focused()


async def test_no_answer_needed_is_said_by_key_seen_by_others_and_taken_back(desk: Desk) -> None:
    await desk.say("Where is my order?", name="Anna")
    await desk.say("And mine?", name="Bernd")
    aylin, fatma = await desk.page("Aylin", "/conversations/1"), await desk.page("Fatma", "/conversations/1")
    for message in ("Where is my order?", "And mine?"):
        await expect(sign(fatma, message)).to_be_visible()
    await aylin.keyboard.press("Shift+W")  # the one who has waited longest
    for page in (aylin, fatma):
        await expect(sign(page, "Where is my order?")).to_be_hidden()
        await expect(sign(page, "And mine?")).to_be_visible()
    assert await outcomes(desk) == ["not_needed", None]
    await aylin.keyboard.press("z")
    for page in (aylin, fatma):
        await expect(sign(page, "Where is my order?")).to_be_visible()
    assert await outcomes(desk) == [None, None]
    await expect(aylin.get_by_role("button", name="Undo")).to_have_count(0)


async def test_whoever_waits_again_is_whom_the_reply_is_for(desk: Desk) -> None:
    await desk.say("Where is my order?")
    page = await desk.page("Aylin", "/conversations/1")
    to = page.get_by_label("To", exact=True)
    await page.keyboard.press("Shift+W")
    await expect(to).to_have_value("")
    await page.keyboard.press("z")
    await expect(to).to_have_value("1")


async def test_a_message_that_asks_nothing_is_made_to_wait_from_its_menu(desk: Desk) -> None:
    await desk.say("Thanks!", name="Anna")
    page = await desk.page("Aylin", "/conversations/1?view=open")
    assert await outcomes(desk) == []
    await page.locator(".entry.in").hover()
    await page.get_by_role("button", name="More about this message").click()
    await page.keyboard.press("Enter")  # the first command
    await expect(sign(page, "Thanks!")).to_be_visible()
    await expect(page.locator("[data-count=next]")).to_have_text("1")
    assert await outcomes(desk) == [None]
    await page.get_by_role("button", name="Undo").click()
    await expect(sign(page, "Thanks!")).to_be_hidden()
    assert await outcomes(desk) == []
    await page.keyboard.press("m")
    await expect(page.get_by_role("dialog", name="This message")).to_contain_text("This waits for an answer")


async def test_resolving_by_mistake_taken_back_lets_the_customer_wait_on(desk: Desk) -> None:
    await desk.say("Where is my order?", name="Anna")
    page = await desk.page("Aylin", "/conversations/1")
    await page.keyboard.press("e")
    await expect(page.locator("#items .item")).to_contain_text("Resolved")
    assert await outcomes(desk) == ["not_needed"]
    await page.keyboard.press("z")
    await expect(page.locator("#items .item .waits")).to_be_visible()
    await expect(sign(page, "Where is my order?")).to_be_visible()
    assert await outcomes(desk) == [None]


async def admin(desk: Desk) -> None:
    async def work(session: AsyncSession) -> None:
        desk.members["Ada"] = await Make(session).member(desk.workspace, name="Ada", role=Role.ADMIN)

    await desk.do(work)


async def test_an_admin_exports_and_erases_the_person_and_colleagues_see_it(desk: Desk) -> None:
    await admin(desk)
    await desk.say("My secret", name="Anna Becker", author=Author("anna", "Anna Becker"))
    page, other = await desk.page("Ada", "/conversations/1"), await desk.page("Aylin", "/conversations/1")
    await expect(other.locator(".privacy")).to_have_count(0)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    assert (await download.value).suggested_filename == "contact-1.zip"
    await page.get_by_text("Erase …").click()
    await page.get_by_label("To confirm, type").fill("anna")
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_text("Type the name exactly")).to_be_visible()
    assert [message.body for message in await every(desk, Message)] == ["My secret"]
    await page.get_by_label("To confirm, type").fill("Anna Becker")
    assert not (await Axe().run(page)).response["violations"]
    await page.get_by_role("button", name="Erase for good").click()
    for one in (page, other):
        await expect(one.locator(".timeline")).not_to_contain_text("My secret")
        await expect(one.locator("#contact")).not_to_contain_text("Anna Becker")
        await expect(one.locator(".waits-sign")).to_be_hidden()
    await expect(page.get_by_text("This person was erased.")).to_be_visible()
    assert [message.body for message in await every(desk, Message)] == [""]


async def test_where_there_is_no_room_the_contact_opens_over_the_conversation(desk: Desk) -> None:
    await desk.say("Hello", name="Anna Becker")
    page = await desk.page("Aylin", "/conversations/1", viewport={"width": 390, "height": 844})
    contact = page.get_by_role("complementary", name="Contact")
    await expect(contact).to_be_hidden()
    await page.locator(".head [data-action=contact]").click()
    await expect(contact).to_be_visible()
    assert not (await Axe().run(page)).response["violations"]
    await page.keyboard.press("Escape")
    await expect(contact).to_be_hidden()
    await expect(page.locator("#conversation .timeline")).to_be_visible()


async def mailbox(desk: Desk) -> Channel:
    """A mailbox with two further addresses, connected as the settings do it."""
    filled = {"address": "hello@beer.example", "aliases": ["shop@beer.example"], "imap_host": "imap.example", "smtp_host": "smtp.example"}

    async def work(session: AsyncSession) -> Channel:
        access = Access(workspace_id=desk.workspace.id, role=Role.ADMIN, actor="system")
        config = EmailConfig.model_validate(filled | {"password": "secret"})
        now = datetime.now(UTC)
        return await channels.add(session, desk.house.vault, access, platform="email", name="Mail", config=config, now=now)

    return await desk.do(work)


async def test_a_mail_is_answered_from_a_chosen_address_with_copies(desk: Desk) -> None:
    envelope = Envelope(subject="Broken bottle", sender="anna@example.org", to=("shop@beer.example",))
    await desk.say("It broke", channel=await mailbox(desk), envelope=envelope, **LETTER)
    page = await desk.page("Aylin", "/conversations/1")
    await page.get_by_text("Subject, Cc, Bcc, From").click()
    assert await page.get_by_label("From").locator("option").all_text_contents() == ["hello@beer.example", "shop@beer.example"]
    await page.get_by_label("Cc", exact=True).fill("ben@example.org, cem@example.org")
    await page.get_by_label("Bcc").fill("boss@beer.example")
    await page.get_by_label("From").select_option("shop@beer.example")
    await page.get_by_label("Your text").fill("We send a new one.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry.out .delivery")).to_contain_text("sends in")
    written = (await every(desk, Message))[-1].envelope
    assert {name: written[name] for name in ("cc", "bcc", "sender")} == {
        "cc": ["ben@example.org", "cem@example.org"], "bcc": ["boss@beer.example"], "sender": "shop@beer.example",
    }  # fmt: skip
    await expect(page.get_by_label("Cc", exact=True)).to_have_value("")  # the next answer goes to the customer alone
    await page.get_by_role("button", name="Undo").first.click()
    await expect(page.get_by_label("Your text")).to_have_value("We send a new one.")
    await expect(page.get_by_label("Cc", exact=True)).to_have_value("ben@example.org,cem@example.org")
    refused = await page.request.post(
        f"{desk.address}/w/1/conversations/1/replies",
        form={"client_key": "k" * 10, "body": "x", "sender": "boss@other.example"},
        headers={"origin": desk.address, "accept": "application/json"},
    )
    assert refused.status == 422


async def drop(page: Page, name: str, kind: str = "drop") -> None:
    """A file is dropped on the composer, or pasted into it."""
    await page.evaluate(
        """([kind, name]) => {
          const files = new DataTransfer();
          files.items.add(new File(["some text"], name, { type: "text/plain" }));
          const box = document.querySelector(".composer textarea"), how = { bubbles: true, cancelable: true };
          if (kind === "drop") box.dispatchEvent(new DragEvent("drop", { ...how, dataTransfer: files }));
          else box.dispatchEvent(new ClipboardEvent("paste", { ...how, clipboardData: files }));
        }""",
        [kind, name],
    )


async def test_files_dropped_and_pasted_go_with_the_reply_wait_elsewhere_and_come_back_with_undo(desk: Desk) -> None:
    envelope = Envelope(subject="Bottle", sender="anna@example.org", to=("hello@beer.example",))
    channel = await mailbox(desk)
    await desk.say("Please send the list", channel=channel, envelope=envelope, **LETTER)
    await desk.say("Another", thread="t2", name="Bernd", channel=channel, envelope=envelope, **LETTER)
    page = await desk.page("Aylin", "/conversations/1?view=open")
    chips = page.locator(".chosen-files .chip")
    await drop(page, "dropped.txt")
    await drop(page, "pasted.txt", "paste")
    await expect(chips.locator("[name=attachment]")).to_have_count(2)
    await page.keyboard.press("[")
    await expect(page.locator(".conversation .body")).to_have_text("Another")
    await expect(chips).to_have_count(0)
    await page.keyboard.press("]")
    await expect(chips).to_have_count(2)
    await page.get_by_label("Remove pasted.txt").click()
    await page.get_by_label("Your text").fill("Here it is.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry.out .files")).to_contain_text("dropped.txt")
    await expect(chips).to_have_count(0)
    await page.get_by_role("button", name="Undo").first.click()
    await expect(chips).to_have_count(1)
    await expect(page.get_by_label("Your text")).to_have_value("Here it is.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry.out .files")).to_contain_text("dropped.txt")


async def test_space_and_j_go_on_behind_the_rows_that_are_loaded(desk: Desk) -> None:
    for number in range(60):
        await desk.say("Hi?", thread=f"n{number}", name=f"Customer {number}")
    page = await desk.page("Aylin", "/inbox")
    rows = page.locator("#items .item")
    loaded = await rows.count()
    assert loaded < 60
    await rows.last.locator(".row-link").focus()
    await page.keyboard.press("j")
    await expect(rows).to_have_count(60)
    await expect(rows.nth(loaded).locator(".row-link")).to_be_focused()


async def test_f6_walks_through_the_panes(desk: Desk) -> None:
    await desk.say("Hello")
    page = await desk.page("Aylin", "/conversations/1")
    places = []
    for _ in range(4):
        await page.keyboard.press("F6")
        places.append(await page.evaluate("document.activeElement.closest('.pane, .side')?.id"))
    assert places[0] == places[3]
    assert set(places) == {"side", "list", "conversation"}


async def test_the_box_counts_by_what_is_written_a_comment_or_a_private_answer(desk: Desk) -> None:
    async def work(session: AsyncSession) -> Channel:
        return await Make(session).channel(desk.workspace, platform="x", account_id="us")

    await desk.say("Is it vegan?", channel=await desk.do(work))
    page = await desk.page("Aylin", "/conversations/1?view=open")
    box, counter = page.locator(".composer textarea"), page.locator(".composer .counter")
    await box.fill("a" * 283)
    await expect(counter).to_contain_text("3")
    await expect(counter).to_have_attribute("data-over", "")
    await page.locator("[data-mode-set=private]").click()
    await box.fill("a" * 283)
    await expect(counter).to_be_empty()
    await box.fill("a" * 10_007)
    await expect(counter).to_contain_text("7")
    await page.locator("[data-mode-set=note]").click()
    await expect(counter).to_be_empty()
