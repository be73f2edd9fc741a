"""Alerts in a real browser: the bell, the line that says who waits, the list behind it, and messages while no page is open."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, WebSocketRoute, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Alert, Member, Policy, PushSubscription, Role
from inbox.promptness import alerts, troubles
from tests.browser.conftest import Desk
from tests.make import Make

pytestmark = pytest.mark.browser

TO_ALL = {"when": "at", "to": ["supervisors"], "by": ["app"]}
# Any point of the curve: here its generator.
POINT = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
BROWSER = """
    PushManager.prototype.getSubscription = async () => null;
    PushManager.prototype.subscribe = async (options) => {
        window.asked = [options.userVisibleOnly, options.applicationServerKey.length];
        return { toJSON: () => ({ endpoint: "https://push.example.org/one", keys: { p256dh: "POINT", auth: "AAAAAAAAAAAAAAAAAAAAAA" } }) };
    };
""".replace("POINT", POINT)  # the maker's service is out of reach; all else is the browser's own


async def late(desk: Desk, *names: str) -> Sequence[int]:
    """These people wait too long; the alerts that are raised about them."""

    async def promise(session: AsyncSession) -> None:
        if await session.scalar(select(col(Policy.id))) is None:
            now = datetime.now(UTC)
            where: dict[str, Any] = {"workspace_id": desk.workspace.id, "created_at": now, "changed_at": now}
            session.add(Policy(**where, name="Usual", targets={"first": {"normal": 1}}, alerts=[TO_ALL]))

    async def tell(session: AsyncSession) -> Sequence[int]:
        await alerts.raise_due(session, now=datetime.now(UTC))
        return (await session.scalars(select(col(Alert.id)).order_by(col(Alert.id)))).all()

    await desk.do(promise)
    for name in names:
        await desk.say("Ist das vegan?", name=name, thread=f"of {name}")
    return await desk.do(tell)


def bell(page: Page) -> Any:
    return page.locator("[data-alerts]")


async def test_the_bell_counts_live_and_the_line_leads_to_the_conversation(desk: Desk) -> None:
    page = await desk.page("Fatma")
    await expect(bell(page)).to_be_hidden()
    await late(desk, "Anna")
    await expect(bell(page)).to_have_text("1")
    line = page.locator("#toasts .toast", has_text="waits too long")
    await expect(line).to_contain_text("Anna")
    await line.get_by_role("button", name="Open").click()
    await expect(page.locator(".conversation .body")).to_have_text("Ist das vegan?")
    await late(desk, "Bernd")
    await expect(bell(page)).to_have_text("2")
    assert not desk.complaints


async def test_what_a_page_is_told_twice_it_shows_once(desk: Desk) -> None:
    page = await desk.page("Fatma")

    def repeat(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda frame: (socket.send(frame), socket.send(frame)))

    await page.route_web_socket("**/live?*", repeat)
    await page.reload()
    await page.locator("html[data-live=live]").wait_for(state="attached")
    await late(desk, "Anna", "Bernd")
    await expect(bell(page)).to_have_text("2")
    await expect(page.locator("#toasts .toast")).to_have_count(1)
    await late(desk, "Cem")
    await expect(bell(page)).to_have_text("3")
    await expect(page.locator("#toasts .toast")).to_have_count(2)
    assert not desk.complaints


async def test_whoever_takes_care_of_an_alert_by_key_ends_it_for_everybody(desk: Desk) -> None:
    await late(desk, "Anna", "Bernd")
    watching = await desk.page("Fatma")
    await expect(bell(watching)).to_have_text("2")
    page = await desk.page("Fatma")
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await expect(page.locator(".item.alert")).to_have_count(2)
    await expect(page.locator(".item.alert").first).to_contain_text("Anna")
    await expect(bell(watching)).to_be_hidden()  # seen, wherever
    await page.get_by_role("button", name="I take care of it").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".item.alert")).to_have_count(1)
    await expect(page.locator(".item.alert")).to_contain_text("Bernd")
    await page.get_by_role("button", name="Later").press("Enter")
    await expect(page.get_by_text("Nobody waits too long")).to_be_visible()
    assert not desk.complaints


async def test_an_admin_is_told_of_parleys_own_troubles(desk: Desk) -> None:
    async def hire(session: AsyncSession) -> Member:
        return await Make(session).member(desk.workspace, name="Dora", role=Role.ADMIN)

    desk.members["Dora"] = await desk.do(hire)
    page, fatma = await desk.page("Dora"), await desk.page("Fatma")
    now = datetime.now(UTC)

    async def fill_the_disk(session: AsyncSession) -> None:
        await troubles.look(session, free=0.01, backup_days=0, now=now)

    await desk.do(fill_the_disk)
    await expect(bell(page)).to_have_text("1")
    await page.locator("#toasts .toast", has_text="Parley itself needs you").get_by_role("button", name="Open").click()
    await expect(page.locator(".item.alert")).to_contain_text("The disk is almost full: 1% is free.")
    results = await Axe().run(page)
    assert not results.response["violations"], results.generate_report()
    await late(desk, "Anna")
    await expect(bell(fatma)).to_have_text("1")  # of Anna, and of nothing else
    assert not desk.complaints


async def test_a_browser_subscribes_and_shows_what_it_is_sent_while_no_page_is_asked(desk: Desk) -> None:
    page = await desk.page("Fatma", "/inbox")
    await page.context.grant_permissions(["notifications"], origin=desk.address)
    await page.context.add_init_script(BROWSER)
    await page.goto(f"{desk.address}/w/{desk.workspace.id}/settings/notifications")
    await page.get_by_role("button", name="Show alerts in this browser").click()
    await page.wait_for_url("**/notifications?done=1")

    async def kept(session: AsyncSession) -> Sequence[PushSubscription]:
        return (await session.scalars(select(PushSubscription))).all()

    (subscription,) = await desk.do(kept)
    assert subscription.member_id == desk.members["Fatma"].id
    shown = await pushed(desk, page, {"title": "Anna waits", "body": "too long", "tag": "c1", "url": f"{desk.address}/w/1/alerts"})
    assert shown == [["Anna waits", "too long", "c1"]]
    assert not desk.complaints


# What the worker asks the browser to show: one without windows shows it to nobody.
OVERHEARD = """() => {
    const show = registration.showNotification.bind(registration);
    self.shown = [];
    registration.showNotification = (title, options) => { shown.push([title, options.body, options.tag]); return show(title, options); };
}"""


async def pushed(desk: Desk, page: Page, message: dict[str, str]) -> Any:
    """What the browser shows when its maker's service brings this message."""
    devtools = await page.context.new_cdp_session(page)
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(told: dict[str, Any]) -> None:
        if told["registrations"] and not found.done():
            found.set_result(told["registrations"][-1]["registrationId"])

    devtools.on("ServiceWorker.workerRegistrationUpdated", hear)
    await devtools.send("ServiceWorker.enable")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    number = await asyncio.wait_for(found, 20)
    worker = page.context.service_workers[0]
    await worker.evaluate(OVERHEARD)
    await devtools.send("ServiceWorker.deliverPushMessage", {"origin": desk.address, "registrationId": number, "data": json.dumps(message)})
    for _ in range(200):
        shown = await worker.evaluate("self.shown")
        if shown:
            return shown
        await asyncio.sleep(0.05)
    return []
