"""Messages about alerts, to a mail server, a webhook and a browser's push service that are played here."""

import base64
import json
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02
from pydantic import SecretStr
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import alert_delivery
from api.alert_delivery import Office
from api.deps import House
from connectors import http
from connectors.outbound import push
from connectors.outbound.hooks import _client as hook_client
from connectors.outbound.push import _client as push_client
from connectors.webhook import signatures
from inbox.errors import Invalid
from inbox.models import (
    AccountSession,
    AlertDelivery,
    AlertSetup,
    Channel,
    Dispatch,
    Member,
    Metric,
    Policy,
    PushSubscription,
    Role,
    Trouble,
    TroubleKind,
    Wait,
    Way,
)
from inbox.promptness import alerting, alerts, targets, troubles
from inbox.team import rights, sessions
from tests.api.letterbox import Letterbox, letterbox
from tests.connectors.served import Fake, serving
from tests.make import MONDAY, Make

SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()
LATER = MONDAY + timedelta(minutes=11)


@dataclass
class Service(Fake):
    """Takes webhooks at /hook and push messages at /push/…; keeps them with their headers."""

    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])
    status: dict[str, int] = field(default_factory=dict[str, int])

    async def respond(self, request: Request) -> Response:
        self.taken.append((request.url.path, dict(request.headers), await request.body()))
        return JSONResponse({}, self.status.get(request.url.path, 200))


@pytest.fixture(autouse=True)
def near() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    hook_client.cache_clear()
    push_client.cache_clear()
    yield
    http.allow([])


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with letterbox() as box:
        yield box


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with serving(service):
        yield service


@dataclass
class Scene:
    """A workspace with an admin, and customers who wait too long."""

    office: Office
    house: House
    admin: Member
    channel: int

    async def wait(self, number: int = 1, *, by: tuple[Way, ...] = (Way.MAIL, Way.PUSH, Way.WEBHOOK)) -> None:
        chain = [{"when": "at", "to": ["supervisors"], "by": [way.value for way in by]}]
        async with self.house.database.transaction() as session:
            make = Make(session)
            where = {"workspace_id": self.admin.workspace_id, "created_at": MONDAY, "changed_at": MONDAY}
            session.add(Policy(**where, name="Usual", targets={"first": {"normal": 600}}, alerts=chain))
            channel = (await session.execute(text("SELECT id FROM channel"))).scalar_one()
            for _ in range(number):
                row = await session.get_one(Channel, channel)
                conversation = await make.conversation(row)
                identity = await make.identity(row, name="Anna")
                values: dict[str, Any] = {"metric": Metric.FIRST, "opened_at": MONDAY, "opened_by": 1, "received_at": MONDAY}
                ids = {"workspace_id": row.workspace_id, "channel_id": row.id, "conversation_id": conversation.id}
                session.add(Wait(**ids, identity_id=identity.id, **values))
                await session.flush()
                await targets.settle(session, row.workspace_id, [conversation.id], now=MONDAY)
        async with self.house.database.transaction() as session:
            await alerts.raise_due(session, now=LATER - timedelta(seconds=30))

    async def deliver(self) -> int:
        return await alert_delivery.deliver_due(self.office)

    async def states(self) -> dict[Way, Dispatch]:
        async with self.house.database.transaction() as session:
            return {row.way: row.state for row in await session.scalars(select(AlertDelivery).order_by(col(AlertDelivery.id)))}


@pytest.fixture
async def scene(house: House, box: Letterbox, service: Service) -> Scene:
    settings = house.settings.model_copy(update={"smtp_url": SecretStr(box.url), "mail_from": "Parley <inbox@example.org>"})
    async with house.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        channel = await make.channel(workspace)
        admin = await make.member(workspace, role=Role.ADMIN)
        setup = AlertSetup(workspace_id=workspace.id, webhook_url=f"{service.address}/hook", webhook_secret=house.vault.encrypt(SECRET))
        session.add(setup)
    return Scene(Office(house.database, house.vault, settings, lambda: LATER), house, admin, channel.id)


@dataclass
class Browser:
    """A browser that has subscribed, with the private half of its key."""

    key: ec.EllipticCurvePrivateKey
    auth: bytes

    @classmethod
    async def subscribe(cls, scene: Scene, endpoint: str) -> "Browser":
        browser = cls(ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
        point = browser.key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        keys = {"p256dh": base64.urlsafe_b64encode(point).decode(), "auth": base64.urlsafe_b64encode(browser.auth).decode()}
        address = scene.house.vault.encrypt(json.dumps({"endpoint": endpoint, "keys": keys}))
        private, public = push.new_key()
        async with scene.house.database.transaction() as session:
            await alerting.push_key(session, scene.house.vault, {"private": private, "public": public})
            where = {"workspace_id": scene.admin.workspace_id, "member_id": scene.admin.id, "created_at": MONDAY}
            where["session_id"] = (await Make(session).signed_in(scene.admin)).id
            session.add(PushSubscription(**where, endpoint_hash=endpoint[-40:], address=address))
        return browser

    def read(self, body: bytes) -> dict[str, Any]:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


async def test_who_signs_out_in_a_browser_is_told_nothing_there_any_more(scene: Scene, service: Service):
    await Browser.subscribe(scene, f"{service.address}/push/left")
    await Browser.subscribe(scene, f"{service.address}/push/here")
    async with scene.house.database.transaction() as session:
        left = await session.scalar(select(func.min(AccountSession.id)))
        await sessions.revoke(session, left or 0, account_id=scene.admin.account_id, now=MONDAY)
    await scene.wait(by=(Way.PUSH,))
    await scene.deliver()
    assert set(service.requests) == {"POST /push/here"}
    async with scene.house.database.transaction() as session:
        keys = {"p256dh": base64.urlsafe_b64encode(bytes([4, *range(64)])).decode(), "auth": base64.urlsafe_b64encode(bytes(16)).decode()}
        given = {"endpoint": "https://push.example.org/again", "keys": keys}
        for _ in range(2):  # the second time after signing in anew
            at = {"session_id": (await Make(session).signed_in(scene.admin)).id, "device": "", "now": MONDAY}
            await alerting.subscribe(session, rights.of(scene.admin), scene.house.vault, given, **at)
        assert len(await alerting.subscriptions(session, scene.admin.id, now=LATER)) == 2
        assert len(await alerting.subscriptions(session, scene.admin.id, now=MONDAY + timedelta(days=31))) == 0


async def test_browsers_that_were_signed_out_take_nobodys_place_and_a_known_one_needs_none(scene: Scene):
    keys = {"p256dh": base64.urlsafe_b64encode(bytes([4, *range(64)])).decode(), "auth": base64.urlsafe_b64encode(bytes(16)).decode()}

    async def subscribe(session: AsyncSession, number: int) -> None:
        given = {"endpoint": f"https://push.example.org/{number}", "keys": keys}
        at = {"session_id": (await Make(session).signed_in(scene.admin)).id, "device": "", "now": MONDAY}
        await alerting.subscribe(session, rights.of(scene.admin), scene.house.vault, given, **at)

    async with scene.house.database.transaction() as session:
        for number in range(alerting.MOST_BROWSERS):
            await subscribe(session, number)
        await subscribe(session, 0)
        with pytest.raises(Invalid):
            await subscribe(session, 100)
        first = await session.scalar(select(func.min(AccountSession.id)).join(PushSubscription))
        await sessions.revoke(session, first or 0, account_id=scene.admin.account_id, now=MONDAY)
        await subscribe(session, 100)
        assert await session.scalar(select(func.count()).select_from(PushSubscription)) == alerting.MOST_BROWSERS


async def test_a_breach_leaves_by_mail_webhook_and_push_with_nothing_of_what_was_written(scene: Scene, box: Letterbox, service: Service):
    browser = await Browser.subscribe(scene, f"{service.address}/push/one")
    await scene.wait()
    assert await scene.deliver() == 3
    assert set((await scene.states()).values()) == {Dispatch.SENT}
    (letter,) = box.letters
    assert "Anna" in letter["subject"]
    assert f"/w/{scene.admin.workspace_id}/conversations/1" in letter.get_content()
    sent = {path: (headers, body) for path, headers, body in service.taken}
    headers, body = sent["/hook"]
    signatures.verify([signatures.key(SECRET)], headers, body, LATER)
    (alert,) = json.loads(body)["alerts"]
    assert (alert["kind"], alert["conversation"], alert["due_at"]) == ("breach", 1, (MONDAY + timedelta(minutes=10)).isoformat())
    headers, body = sent["/push/one"]
    assert browser.read(body)["url"].endswith("/conversations/1")
    assert (headers["topic"], headers["urgency"], headers["content-encoding"]) == ("c1", "high", "aes128gcm")
    assert Vapid02.verify(headers["authorization"])
    assert await scene.deliver() == 0


async def test_who_is_answered_before_the_message_leaves_is_not_told_of(scene: Scene, box: Letterbox):
    await scene.wait(by=(Way.MAIL,))
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE wait SET closed_at = :at, outcome = 'answered'"), {"at": LATER})
    await scene.deliver()
    assert await scene.states() == {Way.MAIL: Dispatch.DROPPED}
    assert box.letters == []


async def test_a_storm_is_one_mail_that_counts(scene: Scene, box: Letterbox):
    await scene.wait(214, by=(Way.MAIL,))
    await scene.deliver()
    (letter,) = box.letters
    assert letter["subject"] == "214 customers wait too long or soon will, the oldest for 11 min"
    assert "and 194 more" in letter.get_content()


async def test_a_sender_that_died_is_followed_by_one_with_the_same_key(scene: Scene, box: Letterbox, service: Service):
    """It had sent, and could not say so: the receiver knows the repetition."""
    await scene.wait(by=(Way.MAIL, Way.WEBHOOK))
    await scene.deliver()
    lost = "UPDATE alert_delivery SET state = 'sending', lease_until = clock_timestamp() - interval '1 second'"
    async with scene.house.database.transaction() as session:
        await session.execute(text(lost))
    assert await scene.deliver() == 2
    assert len({letter["message-id"] for letter in box.letters}) == 1
    assert len({headers["webhook-id"] for _, headers, _ in service.taken}) == 1
    assert set((await scene.states()).values()) == {Dispatch.SENT}


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_has_gone_is_forgotten(scene: Scene, service: Service, status: int):
    await Browser.subscribe(scene, f"{service.address}/push/gone")
    await Browser.subscribe(scene, f"{service.address}/push/here")
    service.status["/push/gone"] = status
    await scene.wait(by=(Way.PUSH,))
    await scene.deliver()
    assert await scene.states() == {Way.PUSH: Dispatch.SENT}
    async with scene.house.database.transaction() as session:
        assert len(await alerting.subscriptions(session, scene.admin.id, now=LATER)) == 1


async def test_a_webhook_that_leads_into_a_private_network_is_refused(scene: Scene, service: Service):
    http.allow([])
    await scene.wait(by=(Way.WEBHOOK,))
    await scene.deliver()
    assert await scene.states() == {Way.WEBHOOK: Dispatch.FAILED}
    assert service.taken == []


async def test_a_failed_way_is_told_to_admins_by_another(scene: Scene, box: Letterbox, service: Service):
    service.status["/hook"] = 400
    await scene.wait(by=(Way.WEBHOOK,))
    await scene.deliver()
    for _ in range(2):
        async with scene.house.database.transaction() as session:
            await troubles.look(session, free=0.5, backup_days=7, now=LATER)
    await scene.deliver()
    (letter,) = box.letters
    assert letter["subject"].startswith("Alerts cannot be delivered by webhook:")
    service.status.clear()
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE alert_delivery SET state = 'sent' WHERE way = 'webhook'"))
        await troubles.look(session, free=0.5, backup_days=7, now=LATER)
        assert await troubles.current(session, rights.of(scene.admin)) == []


async def test_many_troubles_at_once_are_one_mail(scene: Scene, box: Letterbox):
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE channel SET silent_since = :at"), {"at": MONDAY})
        await session.execute(text("UPDATE installation SET backed_up_at = :at"), {"at": MONDAY - timedelta(days=20)})
        assert await troubles.look(session, free=0.01, backup_days=7, now=LATER) == 3
    await scene.deliver()
    (letter,) = box.letters
    assert letter["subject"] == "Parley itself needs you: 3 things are wrong"
    assert "The newest backup is 20 days old." in letter.get_content()
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE installation SET backed_up_at = NULL"))
        found = await session.scalars(select(Trouble))
        assert {trouble.kind for trouble in found} == {TroubleKind.SILENT, TroubleKind.BACKUP, TroubleKind.DISK}


async def test_nothing_leaves_while_the_installation_is_held(scene: Scene, box: Letterbox):
    await scene.wait(by=(Way.MAIL,))
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE installation SET held = true"))
    assert await scene.deliver() == 0
    assert box.letters == []


async def test_a_subscription_that_is_none_is_refused(scene: Scene):
    for given in (
        None,
        {},
        {"endpoint": "http://push.example.org", "keys": {"p256dh": "x", "auth": "y"}},
        {"endpoint": "https://x", "keys": {}},
    ):
        async with scene.house.database.transaction() as session:
            with pytest.raises(Invalid):
                await alerting.subscribe(session, rights.of(scene.admin), scene.house.vault, given, session_id=1, device="", now=MONDAY)


APPRISE = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it imports all that it knows


@APPRISE
async def test_services_are_told_through_apprise(scene: Scene, service: Service):
    pytest.importorskip("apprise")
    where = service.address.removeprefix("http://")
    async with scene.house.database.transaction() as session:
        setup = await session.get_one(AlertSetup, scene.admin.workspace_id)
        setup.apprise_urls = scene.house.vault.encrypt(f"json://{where}/apprise/one\njson://{where}/apprise/two")
    await scene.wait(by=(Way.APPRISE,))
    await scene.deliver()
    assert await scene.states() == {Way.APPRISE: Dispatch.SENT}
    assert sorted(path for path, _, _ in service.taken) == ["/apprise/one", "/apprise/two"]
    body = json.loads(service.taken[0][2])
    assert body["title"] == "Anna waits: the answer is overdue for 1 min"
    assert f"/w/{scene.admin.workspace_id}/conversations/1" in body["message"]


@APPRISE
async def test_a_service_that_refuses_is_tried_again(scene: Scene, service: Service):
    pytest.importorskip("apprise")
    service.status["/apprise"] = 500
    async with scene.house.database.transaction() as session:
        setup = await session.get_one(AlertSetup, scene.admin.workspace_id)
        setup.apprise_urls = scene.house.vault.encrypt(f"json://{service.address.removeprefix('http://')}/apprise")
    await scene.wait(by=(Way.APPRISE,))
    await scene.deliver()
    assert await scene.states() == {Way.APPRISE: Dispatch.WAITING}


@APPRISE
async def test_a_service_in_a_private_network_is_refused(scene: Scene, service: Service):
    pytest.importorskip("apprise")
    http.allow([])
    async with scene.house.database.transaction() as session:
        setup = await session.get_one(AlertSetup, scene.admin.workspace_id)
        setup.apprise_urls = scene.house.vault.encrypt(f"json://{service.address.removeprefix('http://')}/apprise")
    await scene.wait(by=(Way.APPRISE,))
    await scene.deliver()
    assert await scene.states() == {Way.APPRISE: Dispatch.FAILED}
    assert service.taken == []
