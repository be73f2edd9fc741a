"""What a channel's page, the inbox, the API and monitoring tell of how well a channel is read, and the way back when it has stopped."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import connectors
from api.commands import checks
from api.commands.checks import Grade
from api.deps import House
from inbox import channels, vitals
from inbox.contract import AuthError, Batch, Capabilities, ConversationKind, Request, Response, Verification
from inbox.conversations import passed_over, receive, reconciliation
from inbox.conversations.reconciliation import Tally
from inbox.models import Channel, ChannelState, Post, Reconciliation, Role, Workspace
from inbox.team import tokens
from tests.api.people import Person, browser, found, person
from tests.api.platform import Harbour, HarbourConfig
from tests.make import MONDAY

REASON = "Harbour radio answered 401: the credentials are not accepted."


class Quay(Harbour):
    """A platform that counts, and whose calls are about nothing that anybody answers."""

    async def counts(self, post_id: str) -> int:
        return 0

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        return Response(), {"": Batch(passed_over={"unknown: foghorn": 2})}


@pytest.fixture(autouse=True)
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(
        connectors, "addresses", lambda: {"harbour": "tests.api.platform:Harbour", "quay": "tests.api.test_channel_upkeep:Quay"}
    )
    connectors.find.cache_clear()
    Harbour.problem = None
    yield
    connectors.find.cache_clear()


@pytest.fixture
async def workspace(house: House) -> Workspace:
    return await found(house)


@pytest.fixture
async def admin(house: House, workspace: Workspace) -> Person:
    return await person(house, workspace)


@pytest.fixture
async def channel(house: House, admin: Person) -> Channel:
    async with house.database.transaction() as session:
        config = HarbourConfig.model_validate({"address": "port@example.org", "token": "old", "kinds": ["ships"], "loud": True})
        channel = await channels.add(
            session, house.vault, admin.access, platform="harbour", name="Harbour", config=config, now=MONDAY - timedelta(days=30)
        )
        channel.state, channel.cursor, channel.account_id = ChannelState.HEALTHY, "17", "port@example.org"
    return channel


@pytest.fixture
async def client(app: FastAPI, admin: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(app, admin) as client:
        yield client


def address(channel: Channel) -> str:
    return f"/w/{channel.workspace_id}/settings/channels/{channel.id}"


async def set_(house: House, channel: Channel, **values: Any) -> None:
    async with house.database.transaction() as session:
        row = await session.get_one(Channel, channel.id)
        for name, value in values.items():
            setattr(row, name, value)


async def row(house: House, channel: Channel) -> Channel:
    async with house.database.transaction() as session:
        return await session.get_one(Channel, channel.id)


async def test_a_channel_whose_token_died_is_reconnected_with_its_secrets_alone_and_goes_on_where_it_stopped(
    house: House, client: httpx.AsyncClient, channel: Channel
):
    await set_(house, channel, state=ChannelState.BROKEN, error=REASON)
    page = (await client.get(address(channel))).text
    assert page.count(REASON) == 1
    form = page[page.index("/reconnect") : page.index("</form>", page.index("/reconnect"))]
    assert 'name="config.token"' in form
    assert 'name="config.address"' not in form
    answer = await client.post(f"{address(channel)}/reconnect", data={"config.token": "new"})
    assert answer.status_code == 303
    mended = await row(house, channel)
    assert (mended.state, mended.error, mended.cursor) == (ChannelState.CONNECTING, None, "17")
    kept = channels.opened(house.vault, mended)
    assert (kept["token"], kept["address"], kept["kinds"], kept["loud"]) == ("new", "port@example.org", ["ships"], True)
    assert "has stopped" not in (await client.get(address(channel))).text


async def test_credentials_that_do_not_work_either_keep_it_stopped_and_what_was_typed(
    house: House, client: httpx.AsyncClient, channel: Channel
):
    await set_(house, channel, state=ChannelState.BROKEN, error=REASON)
    Harbour.problem = AuthError("No.")
    answer = await client.post(f"{address(channel)}/reconnect", data={"config.token": "newer"})
    assert answer.status_code == 422
    assert "The account does not work: No." in answer.text
    assert (await row(house, channel)).state == ChannelState.BROKEN
    assert channels.opened(house.vault, await row(house, channel))["token"] == "old"
    Harbour.problem = None
    sealed = answer.text.split('/reconnect">')[1].split('name="kept" value="')[1].split('"')[0]
    await client.post(f"{address(channel)}/reconnect", data={"config.token": "", "kept": sealed})
    assert channels.opened(house.vault, await row(house, channel))["token"] == "newer"


async def test_credentials_of_another_account_are_refused(house: House, client: httpx.AsyncClient, channel: Channel):
    await set_(house, channel, state=ChannelState.BROKEN, account_id="quay@example.org")
    answer = await client.post(f"{address(channel)}/reconnect", data={"config.token": "new"})
    assert "of another account (The port)" in answer.text
    assert (await row(house, channel)).state == ChannelState.BROKEN


@pytest.mark.parametrize(("role", "told", "led"), [(Role.ADMIN, True, True), (Role.SUPERVISOR, True, False), (Role.AGENT, False, False)])
async def test_the_inbox_says_that_a_channel_has_stopped_to_those_who_can_do_something(
    app: FastAPI, house: House, workspace: Workspace, channel: Channel, role: Role, told: bool, led: bool
):
    await set_(house, channel, state=ChannelState.BROKEN, error=REASON)
    reader = await person(house, workspace, role=role, email="reader@example.org")
    async with browser(app, reader) as client:
        for headers in ({}, {"x-fragment": "list"}):
            page = (await client.get(f"/w/{workspace.id}/inbox", headers=headers)).text
            assert ("Harbour has stopped." in page) is told
            assert (f'href="{address(channel)}"' in page) is led
        await set_(house, channel, state=ChannelState.CONNECTING)
        assert "has stopped" not in (await client.get(f"/w/{workspace.id}/inbox")).text


async def test_the_page_tells_quota_credentials_holes_and_what_was_left_out(house: House, client: httpx.AsyncClient, channel: Channel):
    times = {"quota_resets_at": MONDAY + timedelta(hours=8), "token_expires_at": MONDAY + timedelta(days=9, hours=1)}
    await set_(house, channel, quota_used=8200, quota_limit=10_000, silent_since=MONDAY - timedelta(days=1), **times)
    async with house.database.transaction() as session:
        kept = await session.get_one(Channel, channel.id)
        await receive.receive(session, kept, Batch(gap=True, passed_over={"story_insights": 3}), now=MONDAY, fence=0)
    page = (await client.get(address(channel))).text
    for words in ("8,200 / 10,000", "The credentials end in 9 days.", "not looked into yet", "story_insights", "Nothing has come since"):
        assert words in page
    assert "Not verified against the live service" in page
    await client.post(f"{address(channel)}/gaps", data={"up_to": page.split('name="up_to" value="')[1].split('"')[0]})
    assert "looked into on" in (await client.get(address(channel))).text
    client.headers["accept-language"] = "de"
    german = (await client.get(address(channel))).text
    for words in ("8.200 / 10.000", "laufen in 9 Tagen ab", "nachgesehen am", "Absichtlich ausgelassen", "Nicht am echten Dienst geprüft"):
        assert words in german


async def test_what_people_are_asked_to_do_stands_at_the_top_while_it_is_new_and_not_among_what_was_left_out(
    house: House, client: httpx.AsyncClient, channel: Channel
):
    advice = "Private messages cannot be read just now; it is tried again."
    for age, is_shown in ((timedelta(minutes=30), False), (timedelta(minutes=5), True)):
        async with house.database.transaction() as session:
            kept = await session.get_one(Channel, channel.id)
            told = Batch(passed_over={advice: 1, "poll": 1})
            await receive.receive(session, kept, told, now=house.clock() - age, fence=0)
        page = (await client.get(address(channel))).text
        assert (advice in page, "poll" in page, page.count(advice) < 2) == (is_shown, True, True)
    client.headers["accept-language"] = "de"
    assert "Private Nachrichten lassen sich gerade nicht lesen" in (await client.get(address(channel))).text


async def test_kinds_of_conversation_that_were_never_tried_are_named(
    client: httpx.AsyncClient, workspace: Workspace, channel: Channel, monkeypatch: pytest.MonkeyPatch
):
    part = "Private messages: Not verified against the live service"
    pages = (address(channel), f"/w/{workspace.id}/settings/channels/new/harbour")
    for kinds, is_named in ((frozenset[ConversationKind](), False), (frozenset({ConversationKind.DIRECT}), True)):
        monkeypatch.setattr(Harbour, "capabilities", Capabilities(verified=Verification.SERVER, unverified_kinds=kinds))
        for page in pages:
            assert (part in (await client.get(page)).text) is is_named


async def test_the_form_that_connects_says_what_was_never_tried_against_the_live_service(client: httpx.AsyncClient, workspace: Workspace):
    for page in ("new", "new/harbour"):
        assert "Not verified against the live service" in (await client.get(f"/w/{workspace.id}/settings/channels/{page}")).text


async def test_the_last_comparison_is_shown_with_what_could_not_be_had(house: House, client: httpx.AsyncClient, channel: Channel):
    await set_(house, channel, platform="quay")
    assert f"parley reconcile {channel.id}" in (await client.get(address(channel))).text
    async with house.database.transaction() as session:
        of = {"workspace_id": channel.workspace_id, "channel_id": channel.id}
        posts = [Post(**of, external_id=f"p{number}", title=f"<b>{number}</b>", created_at=MONDAY) for number in range(2)]
        session.add_all(posts)
        await session.flush()
        findings = [{"post": posts[0].id, "theirs": 12, "ours": 11}, {"post": posts[1].id, "problem": "The platform answered 502."}]
        counts = {"posts": 3, "compared": 2, "listed": 40, "known": 38, "fetched": 2, "differing": 1}
        why = "The platform asked to wait for too long."
        times = {"started_at": MONDAY, "finished_at": MONDAY, "lease_until": MONDAY}
        session.add(Reconciliation(**of, days=7, **times, **counts, findings=findings, stopped=why))
    page = (await client.get(address(channel))).text
    for words in ("2 / 3", "The platform counts 12, here are 11.", "The platform answered 502.", why, "&lt;b&gt;0"):
        assert words in page
    assert "Everything that it lists is here" not in page


async def test_somebody_has_it_compared_now_and_the_page_tells_how_that_goes(
    app: FastAPI, house: House, workspace: Workspace, client: httpx.AsyncClient, channel: Channel
):
    assert "Compare now" not in (await client.get(address(channel))).text
    assert (await client.post(f"{address(channel)}/comparison")).status_code == 422  # this platform lists nothing
    await set_(house, channel, platform="quay")
    page = (await client.get(address(channel))).text
    assert "Compare now" in page
    assert "data-progress" not in page
    assert (await client.post(f"{address(channel)}/comparison")).status_code == 303
    page = (await client.get(address(channel))).text
    assert "It will be compared in a moment." in page
    assert "data-progress" in page
    async with house.database.transaction() as session:
        run = await reconciliation.claim(session, await session.get_one(Channel, channel.id), days=7, now=MONDAY)
        await reconciliation.advance(session, run, Tally(posts=3, compared=1))
    assert "1 of 3 posts so far." in (await client.get(address(channel))).text
    assert (await client.post(f"{address(channel)}/comparison")).status_code == 409
    async with house.database.transaction() as session:
        await reconciliation.finish(session, run, Tally(posts=3, compared=3), now=MONDAY, actor="system")
    page = (await client.get(address(channel))).text
    assert "Everything that it lists is here" in page
    assert "data-progress" not in page
    supervisor = await person(house, workspace, role=Role.SUPERVISOR, email="lead@example.org")
    async with browser(app, supervisor) as other:
        assert (await other.post(f"{address(channel)}/comparison")).status_code in {403, 404}


async def test_a_program_of_an_admin_has_it_compared(app: FastAPI, house: House, admin: Person, channel: Channel):
    await set_(house, channel, platform="quay")
    for role, status in ((Role.SUPERVISOR, 403), (Role.ADMIN, 202)):
        async with house.database.transaction() as session:
            token = await tokens.create(session, admin.access, name="Test", role=role, now=MONDAY)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://parley.test", headers=headers) as program:
            assert (await program.put(f"/api/v1/channels/{channel.id}/comparison")).status_code == status
    assert (await row(house, channel)).compare_asked_at is not None


@pytest.mark.parametrize(
    ("told", "hours", "kept"), [("hours", "12", 12), ("never", "", 0), ("habits", "5", None), ("hours", "0", "refused")]
)
async def test_somebody_says_when_it_counts_as_silent(
    house: House, client: httpx.AsyncClient, channel: Channel, told: str, hours: str, kept: int | str | None
):
    await set_(house, channel, silence_hours=7)
    answer = await client.post(f"{address(channel)}/silence", data={"told": told, "hours": hours})
    assert (answer.status_code, (await row(house, channel)).silence_hours) == ((422, 7) if kept == "refused" else (303, kept))


async def test_the_api_tells_the_same(app: FastAPI, house: House, admin: Person, channel: Channel):
    await set_(house, channel, quota_used=5, token_expires_at=MONDAY)
    async with house.database.transaction() as session:
        kept = await session.get_one(Channel, channel.id)
        await receive.receive(session, kept, Batch(gap=True, passed_over={"poll": 3}), now=MONDAY, fence=0)
        token = await tokens.create(session, admin.access, name="Test", role=Role.AGENT, now=MONDAY)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://parley.test", headers=headers) as client:
        told = (await client.get(f"/api/v1/channels/{channel.id}")).json()
    assert (told["quota_used"], told["passed_over"], told["reconciliation"]) == (5, {"poll": 3}, None)
    assert told["gaps"] == [{"since": None, "found_at": "2026-03-02T09:00:00Z", "acknowledged_at": None}]


async def test_monitoring_and_doctor_tell_of_silence_credentials_and_holes(app: FastAPI, house: House, channel: Channel):
    await set_(house, channel, silent_since=MONDAY, token_expires_at=MONDAY + timedelta(days=2), quota_used=5, quota_limit=10)
    async with house.database.transaction() as session:
        kept = await session.get_one(Channel, channel.id)
        await receive.receive(session, kept, Batch(gap=True), now=MONDAY, fence=0)
        seen = await vitals.read(session, now=MONDAY)
    transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 4000))
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test") as client:
        told = (await client.get("/metrics")).text
    of = f'{{channel="{channel.id}",platform="harbour"}}'
    for line in (f"silent{of} 1.0", f"token_seconds{of} 172800.0", f"quota_used{of} 5.0", f"quota_limit{of} 10.0", f"gaps_open{of} 1.0"):
        assert f"parley_channel_{line}" in told
    findings = {finding.seen: finding.grade for finding in checks.work(seen)}
    assert set(findings.values()) == {Grade.NOTE}
    assert [part for part in ("silent", "end in 2 days", "1 gaps") if not any(part in words for words in findings)] == []


async def test_what_a_webhook_leaves_out_is_counted_though_it_brings_nothing_else(app: FastAPI, house: House, channel: Channel):
    await set_(house, channel, platform="quay")
    key = (await row(house, channel)).key
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test") as client:
        answers = [await client.post(f"/hooks/{key}", content=b"{}") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    async with house.database.transaction() as session:
        assert await passed_over.of_all(session, [channel.id]) == {channel.id: {"unknown: foghorn": 6}}
