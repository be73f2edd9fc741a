"""Alerts that somebody writes nonsense into, or that would tell what is not for their reader."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from api import alert_delivery
from connectors.outbound import push
from inbox.errors import Invalid
from inbox.models import Channel, Dispatch, Member, PushSubscription, Role, Way, Workspace
from inbox.promptness import alerting, notices, troubles
from inbox.secrets import Vault
from inbox.team import rights
from tests.api.letterbox import Letterbox
from tests.api.test_alert_delivery import LATER, Browser, Scene, Service, box, near, scene, service
from tests.make import MONDAY, Make

__all__ = ["box", "near", "scene", "service"]  # the fixtures

POINT, SECRET = base64.urlsafe_b64encode(bytes([4, *range(64)])).decode(), base64.urlsafe_b64encode(bytes(16)).decode()
GOOD = {"endpoint": "https://push.example.org/x", "keys": {"p256dh": POINT, "auth": SECRET}}


@pytest.mark.parametrize(
    "given",
    [
        {**GOOD, "endpoint": "https://["},
        {**GOOD, "endpoint": "https://"},
        {**GOOD, "endpoint": "https://x:99999/"},
        {**GOOD, "endpoint": "https://x/\n"},
        {**GOOD, "endpoint": "https://x/\ud800"},
        {**GOOD, "endpoint": "file:///etc/passwd"},
        {**GOOD, "keys": {"p256dh": "", "auth": ""}},
        {**GOOD, "keys": {"p256dh": POINT, "auth": ""}},
        {**GOOD, "keys": {"p256dh": POINT[:-4], "auth": SECRET}},
        {**GOOD, "keys": {"p256dh": "\ud800", "auth": SECRET}},
        {**GOOD, "keys": {"p256dh": "!" * 88, "auth": SECRET}},
        {**GOOD, "keys": ["p256dh", "auth"]},
        [GOOD],
        "x",
    ],
)
async def test_what_no_browser_says_is_no_subscription(scene: Scene, given: Any):
    async with scene.house.database.transaction() as session:
        with pytest.raises(Invalid):
            await alerting.subscribe(session, rights.of(scene.admin), scene.house.vault, given, session_id=1, device="", now=MONDAY)


async def keep(scene: Scene, given: Any, vault: Vault | None = None) -> None:
    """A subscription as it may lie in the database, whoever wrote it."""
    private, public = push.new_key()
    async with scene.house.database.transaction() as session:
        await alerting.push_key(session, scene.house.vault, {"private": private, "public": public})
        where = {"workspace_id": scene.admin.workspace_id, "member_id": scene.admin.id, "created_at": MONDAY}
        where["session_id"] = (await Make(session).signed_in(scene.admin)).id
        address = (vault or scene.house.vault).encrypt(json.dumps(given))
        session.add(PushSubscription(**where, endpoint_hash=str(hash(address)), address=address))


@pytest.mark.parametrize(
    "given",
    [
        {**GOOD, "endpoint": "https://["},
        {**GOOD, "keys": {"p256dh": POINT, "auth": ""}},
        {**GOOD, "keys": {"p256dh": "", "auth": SECRET}},
        {**GOOD, "keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        GOOD,  # no point of the curve
    ],
)
async def test_a_browser_that_cannot_be_written_to_does_not_end_the_work(scene: Scene, box: Letterbox, given: Any):
    await keep(scene, given)
    await scene.wait(by=(Way.PUSH, Way.MAIL))
    assert await scene.deliver() == 2
    assert await scene.states() == {Way.PUSH: Dispatch.FAILED, Way.MAIL: Dispatch.SENT}


async def test_a_secret_of_another_key_does_not_end_the_work(scene: Scene, box: Letterbox):
    await keep(scene, GOOD, Vault("another"))
    await scene.wait(by=(Way.PUSH, Way.MAIL))
    assert await scene.deliver() == 2
    assert await scene.states() == {Way.PUSH: Dispatch.FAILED, Way.MAIL: Dispatch.SENT}


async def test_nor_does_an_error_that_nobody_thought_of(scene: Scene, box: Letterbox, monkeypatch: pytest.MonkeyPatch):
    async def strange(*given: object, **more: object) -> None:
        raise RuntimeError("of some library")

    monkeypatch.setattr(alert_delivery, "_hook", strange)
    await scene.wait(by=(Way.WEBHOOK, Way.MAIL))
    await scene.deliver()
    assert await scene.states() == {Way.WEBHOOK: Dispatch.FAILED, Way.MAIL: Dispatch.SENT}


@pytest.mark.parametrize(
    "url", ["https://[", "https://x:99999/", "http://", "ftp://x", "https://x/\x00", "https://x/" + "y" * 3000, "x", "//x"]
)
async def test_what_is_no_address_is_no_webhook(scene: Scene, url: str):
    async with scene.house.database.transaction() as session:
        with pytest.raises(Invalid):
            await alerting.change_setup(
                session, rights.of(scene.admin), scene.house.vault, webhook_url=url, apprise_urls="", storm_limit=5, now=MONDAY
            )


@pytest.mark.parametrize(
    "step",
    [
        {"when": []},
        {"when": {}},
        {"when": "at", "then": {"priority": ["high"]}},
        {"when": "at", "then": {"priority": {"x": 1}}},
        {"when": "at", "then": {"assign": ["team:1"]}},
        {"when": "after", "amount": 10**400},
        {"when": "after", "amount": float("nan")},
        {"when": "after", "amount": True},
    ],
)
async def test_a_chain_of_other_shapes_is_refused(scene: Scene, step: dict[str, Any]):
    await scene.wait()
    async with scene.house.database.transaction() as session:
        chain = [{"to": ["team"], "by": ["app"], **step}]
        with pytest.raises(Invalid):
            await alerting.change_chain(session, rights.of(scene.admin), 1, chain, now=MONDAY)


async def hide(scene: Scene) -> Member:
    """The channel becomes restricted; a supervisor who could see it, and was told, cannot any more."""
    async with scene.house.database.transaction() as session:
        (await session.get_one(Channel, scene.channel)).restricted = True
        await session.execute(text("UPDATE channel SET silent_since = :at, name = 'The board'"), {"at": MONDAY})
        return (await session.scalars(select(Member).where(col(Member.role) == Role.SUPERVISOR))).one()


@pytest.fixture
async def supervisor(scene: Scene) -> Member:
    async with scene.house.database.transaction() as session:
        return await Make(session).member(await session.get_one(Workspace, scene.admin.workspace_id), role=Role.SUPERVISOR)


async def test_who_may_not_see_the_channel_any_more_is_not_written_to(scene: Scene, box: Letterbox, supervisor: Member):
    await scene.wait(by=(Way.MAIL,))
    await hide(scene)
    await scene.deliver()
    async with scene.house.database.transaction() as session:
        rows = await session.execute(text("SELECT member_id, state FROM alert_delivery"))
        assert {row[0]: row[1] for row in rows} == {scene.admin.id: Dispatch.SENT, supervisor.id: Dispatch.DROPPED}
    assert len(box.letters) == 1


async def test_nor_is_there_a_number_on_their_bell_or_a_line_on_their_page(scene: Scene, supervisor: Member):
    await scene.wait(by=(Way.APP,))
    await hide(scene)
    async with scene.house.database.transaction() as session:
        access = rights.of(supervisor)
        seen = await rights.channels(session, access)
        assert await notices.unseen(session, [supervisor.id], seen, now=LATER) == {}
        assert await notices.unseen(session, [scene.admin.id], {scene.channel}, now=LATER) == {scene.admin.id: 1}
        assert await notices.list_mine(session, access, now=LATER) == []
        assert await troubles.look(session, free=1.0, backup_days=0, now=LATER) == 1
        assert await troubles.current(session, access) == []
        assert len(await troubles.current(session, rights.of(scene.admin))) == 1


async def test_who_waits_on_a_restricted_channel_is_not_told_to_addresses_that_nobody_knows_the_readers_of(scene: Scene, service: Service):
    await scene.wait(by=(Way.WEBHOOK,))
    await hide_if_alone(scene)
    await scene.deliver()
    ((_, _, body),) = service.taken
    assert b"Anna" not in body
    assert b"Somebody" in body


async def hide_if_alone(scene: Scene) -> None:
    async with scene.house.database.transaction() as session:
        (await session.get_one(Channel, scene.channel)).restricted = True


async def test_a_removed_member_hears_of_nothing_that_was_still_to_leave(scene: Scene, box: Letterbox, supervisor: Member):
    await Browser.subscribe(scene, "https://push.example.org/one")
    await scene.wait(by=(Way.MAIL,))
    async with scene.house.database.transaction() as session:
        (await session.get_one(Member, supervisor.id)).removed_at = LATER
    await scene.deliver()
    assert len(box.letters) == 1
    assert supervisor.id != scene.admin.id
