"""Settings, figures and the pages before them in a real browser: legible in both themes, whole on a telephone, first steps to the end."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from api.deps import COOKIE, House
from inbox.conversations import reconciliation
from inbox.conversations.reconciliation import Tally
from inbox.models import Calendar, CalendarVersion, ChannelState, Member, Metric, Outcome, Policy, Role, Wait, Workspace
from inbox.team import invitations
from tests.api import people
from tests.api.visitor import serving
from tests.app import app_of
from tests.make import Make

pytestmark = pytest.mark.browser
SETTINGS = ("profile", "templates", "templates/new", "labels", "teams", "channels", "channels/new", "channels/new/email", "channels/1")
FOR_ADMINS = ("members", "tokens", "workspace")
PROMPTNESS = (
    "metrics/resolution", "metrics/posts", "metrics/me", "metrics/forecast", "metrics/what-if", "metrics/staffing", "metrics/schedules",
    "metrics/report", "metrics/waits", "waits/1", "wallboard", "alerts", "settings/hours", "settings/hours/1", "settings/policies",
    "settings/policies/1", "settings/alerts", "settings/notifications",
)  # fmt: skip
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenversicherungsangelegenheitenamt"


@dataclass
class Office:
    """A workspace with an admin, served."""

    house: House
    browser: Browser
    address: str
    admin: people.Person

    async def page(self, who: people.Person | None = None, **options: Any) -> Page:
        context = await self.browser.new_context(**{"viewport": {"width": 390, "height": 844}, "locale": "de-DE", **options})
        if who is not None:
            await context.add_cookies([{"name": COOKIE, "value": who.cookies[COOKIE], "url": self.address}])
        return await context.new_page()

    def path(self, rest: str) -> str:
        return f"{self.address}/w/{self.admin.access.workspace_id}/{rest}"


@pytest.fixture
async def office(house: House, chromium: Browser) -> AsyncIterator[Office]:
    house = replace(house, clock=lambda: datetime.now(UTC))
    workspace = await people.found(house, "Stadtwerke Überlingen am Bodensee", locale="de")
    admin = await people.person(house, workspace, name="Änne Maximiliane von Hohenstein-Wittelsbach")
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(
            workspace, platform="widget", name="Website-Chat", account_id="widget", config=house.vault.encrypt("{}")
        )
        identity, conversation = await make.identity(channel), await make.conversation(channel)
        message = await make.message(conversation, identity_id=identity.id)
        await make.team(workspace, name="Nachtschicht 🌙")
        calendar = Calendar(workspace_id=workspace.id, name="Ladenzeiten", created_at=house.clock())
        session.add(calendar)
        await session.flush()
        hours = {"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "18:00"]]}}
        session.add(CalendarVersion(workspace_id=workspace.id, calendar_id=calendar.id, definition=hours, created_at=house.clock()))
        targets = {"first": {"normal": 7200, "urgent": 1800}, "resolution": {"normal": 259_200, "clock": "wall"}}
        rest = {"position": 0, "targets": targets, "calendar_id": calendar.id, "created_at": house.clock(), "changed_at": house.clock()}
        session.add(Policy(workspace_id=workspace.id, name="Öffentlich", **rest))
        for hours in (2, 3, 30):
            opened = house.clock() - timedelta(hours=hours)
            ended = {"closed_at": opened + timedelta(minutes=20 * hours), "outcome": Outcome.ANSWERED, "member_id": admin.access.member_id}
            where = {"workspace_id": workspace.id, "channel_id": channel.id, "conversation_id": conversation.id, "identity_id": identity.id}
            rest = {"metric": Metric.FIRST, "opened_at": opened, "opened_by": message.id, "received_at": opened}
            session.add(Wait(**where, **rest, **(ended if hours > 2 else {})))
        await invitations.invite(session, admin.access, role=Role.AGENT, email="ola@example.org", now=house.clock())
    app = app_of(house)
    async with app.router.lifespan_context(app), serving(app) as address:
        yield Office(house, chromium, address, admin)


@pytest.mark.parametrize(("scheme", "rules"), [("light", {}), ("dark", {"runOnly": ["color-contrast"]})])  # only colours differ
async def test_axe_finds_nothing_on_settings_and_figures(office: Office, scheme: str, rules: dict[str, Any]) -> None:
    page = await office.page(office.admin, color_scheme=scheme, bypass_csp=True)
    paths = [office.path(path) for path in ("metrics", *PROMPTNESS, *(f"settings/{part}" for part in (*SETTINGS, *FOR_ADMINS)))]
    for path in (*paths, f"{office.address}/account", f"{office.address}/account/codes"):
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        found = await Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    await page.context.close()


async def test_every_page_fits_a_telephone_and_shows_where_it_is(office: Office) -> None:
    page = await office.page(office.admin)
    async with office.house.database.transaction() as session:
        for row in (await session.get_one(Member, office.admin.access.member_id), await session.get_one(Policy, 1)):
            row.name = LONG  # nothing in it where a line could be broken
    for path in ("metrics", *PROMPTNESS, *(f"settings/{part}" for part in (*SETTINGS, *FOR_ADMINS))):
        await page.goto(office.path(path))
        for pane in ("html", "main"):
            assert await page.locator(pane).evaluate("pane => pane.scrollWidth") <= 390, (path, pane)
        for current in await page.locator(".side .nav [aria-current]").all():
            await expect(current).to_be_in_viewport(ratio=1)
    await page.context.close()


async def test_a_choice_on_the_page_of_figures_stays_when_another_is_made(office: Office) -> None:
    page = await office.page(office.admin, locale="en-GB")
    await page.goto(office.path("metrics"))
    await page.get_by_role("link", name="Last 7 days").click()
    await page.get_by_role("link", name="15 min").click()
    await expect(page).to_have_url(re.compile(r"days=7&metric=first&within=900"))
    await expect(page.get_by_role("region", name="Waiting now")).to_contain_text("The longest waits for 2 h")
    await page.get_by_role("link", name="The longest waits for").click()
    await expect(page).to_have_url(re.compile("/conversations/"))
    await page.context.close()


async def test_an_invited_colleague_comes_in_by_the_link_and_a_program_by_its_token(office: Office) -> None:
    page = await office.page(office.admin, locale="en-GB")
    await page.goto(office.path("settings/members"))
    await page.get_by_label("E-mail address").fill("mira@example.org")
    await page.get_by_role("button", name="Invite").click()
    link = await page.get_by_role("status").locator("code").inner_text()
    other = await office.page(locale="en-GB")
    await other.goto(link.replace("http://parley.test", office.address))
    await other.get_by_label("Your name").fill("Mira")
    await other.get_by_label("Password").fill("a long and quiet river")
    await other.get_by_role("button", name="Join").click()
    await expect(other).to_have_url(re.compile("/inbox$"))
    await page.goto(office.path("settings/tokens"))
    await page.get_by_label("Name").fill("Shop")
    await page.get_by_role("button", name="Make a token").click()
    token = await page.get_by_role("status").locator("code").first.inner_text()
    answer = await page.context.request.get(f"{office.address}/api/v1/conversations", headers={"authorization": f"Bearer {token}"})
    assert answer.status == 200
    await page.reload()
    await expect(page.get_by_role("status")).to_have_count(0)
    await expect(page.get_by_text("Shop", exact=True)).to_have_count(1)
    for each in (page, other):
        await each.context.close()


async def test_the_picture_for_the_authenticator_is_whole(office: Office) -> None:
    page = await office.page(office.admin)
    await page.goto(f"{office.address}/account/codes")
    whole, shown = await page.locator("svg.qr").evaluate("svg => [svg.getBBox().width, svg.viewBox.baseVal.width]")
    assert whole == shown
    await page.context.close()


async def test_the_first_run_offers_the_browsers_time_zone(house: House, chromium: Browser) -> None:
    house = replace(house, clock=lambda: datetime.now(UTC))
    async with house.database.transaction() as session:
        token = await invitations.first_run_link(session, now=house.clock())
    app = app_of(house)
    async with app.router.lifespan_context(app), serving(app) as address:
        context = await chromium.new_context(locale="de-AT", timezone_id="Europe/Vienna", viewport={"width": 390, "height": 844})
        page = await context.new_page()
        await page.goto(f"{address}/first-run/{token}")
        await expect(page.get_by_label("Zeitzone")).to_have_value("Europe/Vienna")
        assert (await Axe().run(page)).violations_count == 0
        await context.close()


async def test_a_platform_is_found_by_typing_what_it_is(office: Office) -> None:
    page = await office.page(office.admin)
    await page.goto(office.path("settings/channels/new"))
    names = page.locator(".platform-group h3:visible")
    everything = await names.count()
    field = page.get_by_role("searchbox")
    await field.fill("forum")
    found = [name.strip() for name in await names.all_text_contents()]
    assert "Discourse" in found
    assert len(found) < everything
    await field.fill("xyzzy")
    assert await page.get_by_text("Keine Plattform heißt so.").is_visible()
    await field.fill("imap")
    await field.press("Enter")
    await page.wait_for_url("**/channels/new/email")
    await page.context.close()


async def test_a_comparison_that_somebody_asks_for_is_followed_without_a_reload(office: Office) -> None:
    async with office.house.database.transaction() as session:
        workspace = await session.get_one(Workspace, office.admin.access.workspace_id)
        values = {"name": "TikTok", "account_id": "us", "state": ChannelState.HEALTHY, "config": office.house.vault.encrypt("{}")}
        channel = await Make(session).channel(workspace, platform="tiktok", **values)
    page = await office.page(office.admin, locale="en-GB")
    await page.goto(office.path(f"settings/channels/{channel.id}"))
    part = page.locator(f"#completeness-{channel.id}")
    await part.get_by_role("button", name="Compare now").click()
    await expect(part).to_contain_text("It will be compared in a moment.")
    async with office.house.database.transaction() as session:
        run = await reconciliation.claim(session, channel, days=7, now=office.house.clock())
        tally = Tally(posts=3, compared=3, listed=5, known=5)
        await reconciliation.finish(session, run, tally, now=office.house.clock(), actor="system")
    await expect(part).to_contain_text("Everything that it lists is here")
    await expect(part.get_by_role("button", name="Compare now")).to_be_visible()
    await page.context.close()
