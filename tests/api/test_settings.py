"""The settings pages: who sees which, what they change, and what they never show."""

import re
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from sqlalchemy import select

import connectors
from api.deps import House
from api.pages.settings import config_form
from connectors.email.config import EmailConfig
from inbox import channels, events
from inbox.contract import AuthError, Author
from inbox.models import Channel, ChannelState, Label, Member, Role, Team, Template, Workspace
from inbox.team import rights
from tests.api.people import Person, browser, found, kinds, person
from tests.api.platform import Harbour, HarbourConfig
from tests.make import Make


@pytest.fixture
async def workspace(house: House) -> Workspace:
    return await found(house)


@pytest.fixture
async def admin(house: House, workspace: Workspace) -> Person:
    return await person(house, workspace, role=Role.ADMIN)


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> type[Harbour]:
    """A platform of an installed package."""
    monkeypatch.setattr(connectors, "addresses", lambda: {"harbour": "tests.api.platform:Harbour"})
    connectors.find.cache_clear()
    Harbour.problem, Harbour.checks = None, 0
    yield Harbour
    connectors.find.cache_clear()


AGREEMENTS = ("hours", "hours/new", "policies", "policies/new")
PAGES = {
    Role.VIEWER: ("notifications",),
    Role.AGENT: ("notifications", "profile"),
    Role.SUPERVISOR: ("notifications", "profile", "templates", "templates/new", "labels", "teams", *AGREEMENTS, "alerts"),
    Role.ADMIN: (
        "notifications", "profile", "templates", "templates/new", "labels", "teams", *AGREEMENTS, "alerts", "members", "tokens",
        "workspace", "channels", "channels/new",
    ),
}  # fmt: skip


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_sees_the_settings_that_it_may_change_and_no_others(app: FastAPI, house: House, workspace: Workspace, role: Role):
    someone = await person(house, workspace, role=role)
    base = f"/w/{workspace.id}/settings"
    async with browser(app, someone) as client:
        for part in PAGES[Role.ADMIN]:
            answer = await client.get(f"{base}/{part}")
            assert answer.status_code == (200 if part in PAGES[role] else 403), part
        page = await client.get("/account")
    linked = set(re.findall(rf'href="{base}/([a-z/]+)"', page.text))
    assert linked == {part for part in PAGES[role] if "/" not in part}


async def test_a_role_is_changed_and_the_last_admin_stays_one(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    agent = await person(house, workspace, role=Role.AGENT)
    base = f"/w/{workspace.id}/settings/members"
    async with browser(app, admin) as client:
        last = await client.post(f"{base}/{admin.member.id}/role", data={"role": "agent"})
        assert last.status_code == 422
        assert "needs an admin" in last.text
        assert (await client.post(f"{base}/{admin.member.id}/removal")).status_code == 422
        assert (await client.post(f"{base}/{agent.member.id}/role", data={"role": "admin"})).status_code == 303
        assert (await client.post(f"{base}/{admin.member.id}/role", data={"role": "viewer"})).status_code == 303
        assert (await client.get(base)).status_code == 403
    async with house.database.transaction() as session:
        assert (await session.get_one(Member, agent.member.id)).role == Role.ADMIN


async def test_a_removed_member_is_shown_nothing_any_more(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    agent = await person(house, workspace, role=Role.AGENT)
    async with browser(app, admin) as client, browser(app, agent) as other:
        assert (await other.get(f"/w/{workspace.id}/settings/profile")).status_code == 200
        await client.post(f"/w/{workspace.id}/settings/members/{agent.member.id}/removal")
        assert (await other.get(f"/w/{workspace.id}/settings/profile")).status_code == 404


async def test_an_invitation_link_is_shown_once_and_can_be_taken_back(app: FastAPI, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}/settings/members"
    async with browser(app, admin) as client:
        page = await client.post(f"{base}/invitations", data={"role": "agent", "email": "Ola@Example.org"})
        token = re.search(r"http://parley\.test/invitations/([\w-]{43})", page.text)[1]
        page = await client.get(base)
        assert token not in page.text
        assert "ola@example.org" in page.text
        number = re.search(r"/invitations/(\d+)/removal", page.text)[1]
        assert (await client.get(f"/invitations/{token}")).status_code == 200
        await client.post(f"{base}/invitations/{number}/removal")
        assert (await client.get(f"/invitations/{token}")).status_code == 404
        assert (await client.post(f"{base}/invitations", data={"role": "agent", "email": "nonsense"})).status_code == 422


async def test_a_name_and_signature_are_set_for_everywhere_and_for_one_channel(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    agent = await person(house, workspace, role=Role.AGENT)
    async with house.database.transaction() as session:
        channel = await _channel(house, session, admin)
    base = f"/w/{workspace.id}/settings/profile"
    async with browser(app, agent) as client:
        form = {"name": "Nora Berg", "public_name": "Team Harbour", "signature": "Yours, N.", "undo_seconds": "9"}
        assert (await client.post(base, data=form)).status_code == 303
        assert (await client.post(base, data={**form, "undo_seconds": "900"})).status_code == 422
        assert (await client.post(f"{base}/channels/{channel.id}", data={"public_name": "Captain"})).status_code == 303
        page = await client.get(base)
    assert 'value="Captain"' in page.text
    async with house.database.transaction() as session:
        member = await session.get_one(Member, agent.member.id)
        assert (member.public_name, member.signature, member.undo_seconds) == ("Team Harbour", "Yours, N.", 9)


async def test_teams_are_made_changed_and_dissolved_and_names_are_unique(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}/settings/teams"
    async with browser(app, admin) as client:
        assert (await client.post(base, data={"name": "Night", "member_ids": [str(admin.member.id), "999"]})).status_code == 303
        again = await client.post(base, data={"name": "Night"})
        assert again.status_code == 422
        assert "Another team has this name." in again.text
        async with house.database.transaction() as session:
            team = await session.scalar(select(Team))
        page = await client.get(base)
        assert re.search(rf'name="member_ids" value="{admin.member.id}" checked', page.text)
        assert (await client.post(f"{base}/{team.id}", data={"name": "Day"})).status_code == 303
        assert (await client.post(f"{base}/{team.id}/removal")).status_code == 303
        assert (await client.post(f"{base}/{team.id}/removal")).status_code == 404
    assert (await kinds(house)).count("team.changed") == 3


async def test_a_supervisor_cannot_enter_a_restricted_channel_through_a_team(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    boss = await person(house, workspace, role=Role.SUPERVISOR)
    async with browser(app, admin) as client, browser(app, boss) as other:
        await client.post(f"/w/{workspace.id}/settings/teams", data={"name": "Legal"})
        async with house.database.transaction() as session:
            channel = await _channel(house, session, admin)
            team = await session.scalar(select(Team))
        form = {"restricted": "1", "team_ids": str(team.id)}
        assert (await client.post(f"/w/{workspace.id}/settings/channels/{channel.id}/access", data=form)).status_code == 303
        refused = await other.post(f"/w/{workspace.id}/settings/teams/{team.id}", data={"name": "Legal", "member_ids": str(boss.member.id)})
        assert refused.status_code == 422
        assert "ask an admin" in refused.text
    async with house.database.transaction() as session:
        assert not await rights.channels(session, boss.access)


async def test_labels_are_made_recoloured_and_deleted(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}/settings/labels"
    async with browser(app, admin) as client:
        assert (await client.post(base, data={"name": "Billing", "colour": "red"})).status_code == 303
        assert (await client.post(base, data={"name": "Billing", "colour": "blue"})).status_code == 422
        assert (await client.post(base, data={"name": "Other", "colour": "url(evil)"})).status_code == 422
        async with house.database.transaction() as session:
            label = await session.scalar(select(Label))
        assert (await client.post(f"{base}/{label.id}", data={"name": "Bills", "colour": "green"})).status_code == 303
        page = await client.get(base)
        assert "Bills" in page.text
        assert (await client.post(f"{base}/{label.id}/removal")).status_code == 303
        assert "No labels yet" in (await client.get(base)).text


async def test_templates_are_written_and_a_refused_form_loses_nothing(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}/settings/templates"
    form = {"name": "Thanks", "shortcut": "thanks", "body": "Thank you, {{contact.name}} <3", "locale": "de", "channel_id": ""}
    async with browser(app, admin) as client:
        assert "{{contact.first_name}}" in (await client.get(f"{base}/new")).text
        assert (await client.post(f"{base}/new", data=form)).status_code == 303
        refused = await client.post(f"{base}/new", data={**form, "name": "Again"})
        assert refused.status_code == 422
        assert "Thank you, {{contact.name}} &lt;3" in refused.text
        async with house.database.transaction() as session:
            template = await session.scalar(select(Template))
        assert (await client.post(f"{base}/{template.id}", data={**form, "shortcut": "danke"})).status_code == 303
        assert "/danke" in (await client.get(base)).text
        assert (await client.post(f"{base}/{template.id}/removal")).status_code == 303


async def test_the_workspace_is_changed_and_every_field_is_checked(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}/settings/workspace"
    form = {
        "name": "Port",
        "locale": "de",
        "timezone": "Europe/Oslo",
        "undo_seconds": "7",
        "episode_days": "3",
        "privacy_url": "https://x.test/p",
    }
    wrong = [
        ("timezone", "Moon/Base"),
        ("undo_seconds", "61"),
        ("episode_days", "0"),
        ("privacy_url", "javascript:alert(1)"),
        ("name", "  "),
    ]
    async with browser(app, admin) as client:
        for field, value in wrong:
            assert (await client.post(base, data={**form, field: value})).status_code == 422, field
        assert (await client.post(base, data=form)).status_code == 303
    async with house.database.transaction() as session:
        row = await session.get_one(Workspace, workspace.id)
        (*_, event) = await events.since(session, 0)
    assert (row.name, row.locale, row.timezone, row.undo_seconds, row.episode_days) == ("Port", "de", "Europe/Oslo", 7, 3)
    assert (event.kind, event.data) == (
        "workspace.changed",
        {"fields": ["name", "locale", "timezone", "undo_seconds", "episode_days", "privacy_url"]},
    )


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


async def test_a_logo_stands_at_the_head_of_the_report_for_members_alone(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    base = f"/w/{workspace.id}"
    stranger = await person(house, await found(house), role=Role.ADMIN)
    async with browser(app, admin) as client:
        assert (await client.get(f"{base}/settings/workspace/logo")).status_code == 404
        assert "/logo?v=" not in (await client.get(f"{base}/metrics/report")).text
        assert (await client.post(f"{base}/settings/workspace/logo", files={"file": ("x.svg", PNG, "image/svg+xml")})).status_code == 303
        (address,) = re.findall(rf"{base}/settings/workspace/logo\?v=[\d.]+", (await client.get(f"{base}/metrics/report")).text)
        shown = await client.get(address)
        assert (shown.content, shown.headers["content-type"]) == (PNG, "image/png")
        for refused in (b"<svg/>", PNG + bytes(200_000), b"GIF89a", b""):
            answer = await client.post(f"{base}/settings/workspace/logo", files={"file": ("x.png", refused, "image/png")})
            assert answer.status_code == 422
        assert (await client.get(address)).content == PNG, "a refused picture changes nothing"
        async with browser(app, stranger) as other:
            assert (await other.get(address)).status_code == 404
        assert (await client.post(f"{base}/settings/workspace/logo/removal")).status_code == 303
        assert (await client.get(address)).status_code == 404


async def test_one_click_removes_the_demonstration_and_nothing_else(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    demo = await found(house, "Demo", is_demo=True)
    visitor = await person(house, demo, role=Role.SUPERVISOR)
    agent = await person(house, workspace, role=Role.AGENT)
    address = f"/w/{workspace.id}/settings/workspace/demo/removal"
    async with browser(app, agent) as client:
        assert (await client.post(address)).status_code == 403
    async with browser(app, admin) as client, browser(app, visitor) as other:
        assert "Remove the demonstration" in (await client.get(f"/w/{workspace.id}/settings/workspace")).text
        assert (await client.post(address)).status_code == 303
        assert "Remove the demonstration" not in (await client.get(f"/w/{workspace.id}/settings/workspace")).text
        assert (await other.get("/account")).status_code == 303, "the account was only there"
    async with house.database.transaction() as session:
        assert [row.id for row in await session.scalars(select(Workspace))] == [workspace.id]


async def test_the_demonstrations_own_supervisor_may_end_it(app: FastAPI, house: House, workspace: Workspace):
    demo = await found(house, "Demo", is_demo=True)
    visitor = await person(house, demo, role=Role.SUPERVISOR)
    async with browser(app, visitor) as client:
        assert (await client.post(f"/w/{demo.id}/settings/workspace/demo/removal")).status_code == 303
    async with house.database.transaction() as session:
        assert [row.id for row in await session.scalars(select(Workspace))] == [workspace.id]


CONFIG = {
    "name": "Port office",
    "config.address": "port@example.org",
    "config.token": "s3cret-token",
    "config.kinds": "a\nb\n",
    "config.port": "99",
}


async def test_a_channel_is_checked_before_it_is_kept_and_its_secret_is_never_shown(
    app: FastAPI, house: House, workspace: Workspace, admin: Person, platform: type[Harbour]
):
    base = f"/w/{workspace.id}/settings/channels"
    async with browser(app, admin) as client:
        form = await client.get(f"{base}/new/harbour")
        assert all(f'name="config.{name}"' in form.text for name in ("address", "token", "kinds", "port", "loud", "mode", "hook_secret"))
        page = await client.post(f"{base}/new/harbour", data=CONFIG)
        assert page.status_code == 200
        assert "The account works and is connected." in page.text
        assert "made-by-the-connector" in page.text, "a secret that the connector made is shown once"
        async with house.database.transaction() as session:
            (channel,) = await channels.list_for(session, admin.access)
        assert (channel.account_id, channel.account_name, channel.state) == ("port@example.org", "The port", ChannelState.CONNECTING)
        assert f"/hooks/{channel.key}" in page.text
        later = await client.get(f"{base}/{channel.id}")
        for text in (page.text, later.text):
            assert "s3cret-token" not in text
        assert "made-by-the-connector" not in later.text
    stored = channels.opened(house.vault, channel)
    assert (stored["token"], stored["kinds"], stored["port"], stored["loud"]) == ("s3cret-token", ["a", "b"], 99, False)
    assert "s3cret" not in channel.config
    assert "token" not in channel.public_config
    assert "hook_secret" not in channel.public_config


async def test_a_check_that_fails_keeps_nothing_and_loses_nothing_of_the_form(
    app: FastAPI, house: House, workspace: Workspace, admin: Person, platform: type[Harbour]
):
    base = f"/w/{workspace.id}/settings/channels"
    platform.problem = AuthError("The port does not know this token.")
    async with browser(app, admin) as client:
        page = await client.post(f"{base}/new/harbour", data=CONFIG)
        assert page.status_code == 422
        assert "The account does not work: The port does not know this token." in page.text
        assert 'value="port@example.org"' in page.text
        assert "s3cret-token" not in page.text
        async with house.database.transaction() as session:
            assert not await channels.list_for(session, admin.access)
        platform.problem = None
        kept = re.search(r'name="kept" value="([^"]+)"', page.text)[1]
        again = await client.post(f"{base}/new/harbour", data={**CONFIG, "config.token": "", "kept": kept})
        assert again.status_code == 200
    async with house.database.transaction() as session:
        (channel,) = await channels.list_for(session, admin.access)
    assert channels.opened(house.vault, channel)["token"] == "s3cret-token"


async def test_a_sealed_secret_opens_in_its_own_workspace_only(
    app: FastAPI, house: House, workspace: Workspace, admin: Person, platform: type[Harbour]
):
    other = await person(house, await found(house, "Elsewhere"), email="other@example.org")
    platform.problem = AuthError("No.")
    async with browser(app, admin) as client, browser(app, other) as stranger:
        page = await client.post(f"/w/{workspace.id}/settings/channels/new/harbour", data=CONFIG)
        kept = re.search(r'name="kept" value="([^"]+)"', page.text)[1]
        platform.problem = None
        form = {**CONFIG, "config.token": "", "kept": kept}
        refused = await stranger.post(f"/w/{other.member.workspace_id}/settings/channels/new/harbour", data=form)
    assert refused.status_code == 422
    assert 'id="config.token-error"' in refused.text


async def test_what_does_not_fit_is_said_at_its_field(app: FastAPI, workspace: Workspace, admin: Person, platform: type[Harbour]):
    async with browser(app, admin) as client:
        page = await client.post(
            f"/w/{workspace.id}/settings/channels/new/harbour", data={**CONFIG, "config.port": "70000", "config.address": ""}
        )
    assert page.status_code == 422
    assert 'id="config.port-error"' in page.text
    assert 'id="config.address-error"' in page.text
    assert platform.checks == 0


async def test_an_empty_secret_keeps_the_stored_one(
    app: FastAPI, house: House, workspace: Workspace, admin: Person, platform: type[Harbour]
):
    async with browser(app, admin) as client:
        await client.post(f"/w/{workspace.id}/settings/channels/new/harbour", data=CONFIG)
        async with house.database.transaction() as session:
            (channel,) = await channels.list_for(session, admin.access)
        address = f"/w/{workspace.id}/settings/channels/{channel.id}"
        before = channels.opened(house.vault, channel)
        changed = {**CONFIG, "name": "Harbour office", "config.token": "", "config.loud": "1"}
        assert (await client.post(address, data=changed)).status_code == 303
        platform.problem = AuthError("No.")
        failed = await client.post(address, data={**changed, "name": "X", "config.token": "another"})
        assert failed.status_code == 422
        assert "another" not in failed.text
    async with house.database.transaction() as session:
        channel = await session.get_one(Channel, channel.id)
    assert channel.name == "Harbour office"
    assert channels.opened(house.vault, channel) == {**before, "loud": True}
    assert (await kinds(house)).count("channel.changed") == 1


async def test_a_channel_is_paused_resumed_checked_restricted_and_disconnected(
    app: FastAPI, house: House, workspace: Workspace, admin: Person, platform: type[Harbour]
):
    agent = await person(house, workspace, role=Role.AGENT)
    async with browser(app, admin) as client:
        await client.post(f"/w/{workspace.id}/settings/channels/new/harbour", data=CONFIG)
        async with house.database.transaction() as session:
            (channel,) = await channels.list_for(session, admin.access)
        address = f"/w/{workspace.id}/settings/channels/{channel.id}"
        for action, state in [("pause", ChannelState.PAUSED), ("resume", ChannelState.CONNECTING)]:
            assert (await client.post(f"{address}/{action}")).status_code == 303
            async with house.database.transaction() as session:
                assert (await session.get_one(Channel, channel.id)).state == state
        async with house.database.transaction() as session:
            (await session.get_one(Channel, channel.id)).state = ChannelState.BROKEN
        platform.problem = AuthError("Still no.")
        assert "Still no." in (await client.post(f"{address}/check")).text
        platform.problem = None
        assert "The account works." in (await client.post(f"{address}/check")).text
        for named, sees in [([], False), ([str(agent.member.id)], True)]:
            await client.post(f"{address}/access", data={"restricted": "1", "member_ids": named})
            async with house.database.transaction() as session:
                assert bool(await rights.channels(session, agent.access)) is sees
        assert (await client.post(f"{address}/removal")).status_code == 303
        assert (await client.get(address)).status_code == 404
    async with house.database.transaction() as session:
        gone = await session.get_one(Channel, channel.id)
        assert (gone.config, gone.state, gone.removed_at is not None) == ("", ChannelState.PAUSED, True)


async def _channel(house: House, session, someone: Person) -> Channel:
    config = HarbourConfig(address="a@example.org", token="t")
    return await channels.add(
        session, house.vault, someone.access, platform="harbour", name="Port", config=config, account=Author("a", "A"), now=house.clock()
    )


async def test_a_certificate_keeps_its_lines(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\nAgEB\n-----END CERTIFICATE-----"
    async with browser(app, admin) as client:
        page = await client.get(f"/w/{workspace.id}/settings/channels/new/email")
    assert re.search(r'<textarea[^>]* name="config.certificate"', page.text)
    given = {"address": "a@example.org", "imap_host": "i.example.org", "smtp_host": "s.example.org", "password": "x", "certificate": pem}
    filled = config_form.read(EmailConfig, {f"config.{name}": value for name, value in given.items()}, {})
    assert isinstance(filled.config, EmailConfig)
    assert filled.config.certificate == pem


async def test_a_chat_shows_its_line_for_the_website_and_can_be_tried(app: FastAPI, house: House, workspace: Workspace, admin: Person):
    async with house.database.transaction() as session:
        stored = await session.get_one(Workspace, workspace.id)
        channel = await Make(session).channel(stored, platform="widget", config=house.vault.encrypt("{}"))
    async with browser(app, admin) as client:
        page = await client.get(f"/w/{workspace.id}/settings/channels/{channel.id}")
        assert f"/widget/{channel.key}.js" in page.text
        (link,) = re.findall(rf'href="([^"]*/widget/{channel.key}/try)"', page.text)
        assert (await client.get(urlsplit(link).path)).status_code == 200


async def test_a_template_in_a_rare_language_keeps_it_when_its_page_is_saved(
    app: FastAPI, house: House, workspace: Workspace, admin: Person
):
    async with house.database.transaction() as session:
        row = Template(workspace_id=workspace.id, name="Hello", shortcut="hi", body="x", locale="gsw", updated_at=house.clock())
        session.add(row)
    base = f"/w/{workspace.id}/settings/templates"
    async with browser(app, admin) as client:
        page = await client.get(f"{base}/{row.id}")
        assert re.findall(r'<option value="([^"]*)" selected>([^<]*)', page.text) == [("gsw", "Swiss German")]
        assert "Swiss German" in (await client.get(base)).text
