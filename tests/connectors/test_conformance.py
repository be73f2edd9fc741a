"""Every connector, put through the same paces."""

import json
import logging
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from connectors import http
from connectors.webhook import Webhook, signatures
from inbox import contract
from inbox.contract import (
    Ambiguous,
    AuthError,
    Batch,
    Capabilities,
    Connector,
    ConnectorError,
    EventKind,
    Permanent,
    RateLimited,
    Receipt,
    Reply,
    Transient,
)
from inbox.conversations import lengths, outbox, receive, replies
from inbox.errors import Invalid
from inbox.models import Channel, Conversation, Delivery, Direction, Message, Reaction, Wait
from tests.connectors.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, platform, says
from tests.connectors.conformance import Adapter, Said
from tests.make import MONDAY, Make

UNICODE = "👩‍👩‍👧 مرحبا \u202eab\u202c e\u0301 <b>&amp;\u00a0\u2028 Zażółć 𝔘𝔫𝔦"
SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"


class WebhookAdapter:
    """The generic webhook, signed as the other system would."""

    name: ClassVar[str] = "webhook"
    secrets: ClassVar[tuple[str, ...]] = (SECRET, SECRET.removeprefix("whsec_"), TOKEN)
    thread: ClassVar[str] = "t1"
    kinds: ClassVar[frozenset[EventKind]] = frozenset(EventKind)
    returns_client_key: ClassVar[bool] = True

    def config(self, address: str = "http://127.0.0.1:9/") -> dict[str, Any]:
        return {"secret": SECRET, "callback_url": address}

    async def arrive(self, connector: Connector, said: Any) -> Batch:
        assert isinstance(connector, Webhook)
        body = json.dumps({"events": [self._entry(one) for one in said]}).encode()
        headers = signatures.headers(signatures.key(SECRET), f"id-{hash(tuple(said))}", MONDAY, body) | {"content-type": "application/json"}
        response, batches = connector.webhook(contract.Request("POST", headers, {}, body, MONDAY))
        assert response.status == 200
        return batches[""]

    def accepts(self, external_id: str) -> Answer:
        return says(200, json.dumps({"id": external_id}).encode())

    def _entry(self, said: Said) -> dict[str, Any]:
        return {
            "type": said.kind,
            "id": said.message_id,
            "event_id": f"{said.kind}:{said.message_id}:{said.seconds}",
            "thread": self.thread,
            "author": {"id": said.by, "name": said.by.title(), "is_self": said.by == "us"},
            "text": said.text,
            "parent": said.parent,
            "client_key": said.client_key,
            "at": said.at.isoformat(),
        }


ADAPTERS = [WebhookAdapter()]


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return request.param


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


class Inbox:
    """A channel of the adapter's platform in an inbox, as the host would fill it."""

    def __init__(self, session: AsyncSession, channel: Channel, adapter: Adapter) -> None:
        self.session, self.channel, self.adapter = session, channel, adapter
        self.connector = make_connector(adapter)

    async def take(self, *said: Said) -> None:
        batch = await self.adapter.arrive(self.connector, said)
        await receive.receive(self.session, self.channel, batch, now=MONDAY, move_cursor=False)
        self.session.expunge_all()  # the next look is at what is stored

    async def count(self, table: Any, *conditions: Any) -> int:
        return await self.session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0

    async def state(self) -> list[tuple[Any, ...]]:
        """Everything that a person would see of the messages."""
        shown = (Message.external_id, Message.body, col(Message.deleted_at).is_not(None), Message.direction)
        rows = await self.session.execute(select(*shown).order_by(col(Message.external_id)))
        return [tuple(row) for row in rows] + [await self.count(Reaction), await self.count(Wait, col(Wait.closed_at).is_(None))]

    async def claimed_reply(self) -> Message:
        conversation = await self.session.scalar(select(Conversation))
        assert conversation is not None
        past = MONDAY - timedelta(hours=1)
        await replies.queue(self.session, conversation, None, body="At nine.", client_key="our-key", now=past)
        (claimed,) = await outbox.claim(self.session, owner="one", now=MONDAY)
        self.session.expunge(claimed)
        return claimed


def make_connector(adapter: Adapter, address: str = "http://127.0.0.1:9/") -> Connector:
    kind = connectors.find(adapter.name)
    return kind(kind.Config.model_validate(adapter.config(address)))


@pytest.fixture
async def inbox(session: AsyncSession, make: Make, adapter: Adapter) -> Inbox:
    channel = await make.channel(await make.workspace(undo_seconds=0), platform=adapter.name)
    return Inbox(session, channel, adapter)


def a_reply(text: str = "At nine.") -> Reply:
    return Reply(key="our-key", thread_id="t1", text=text, parent_id="m1", recipient="anna")


async def test_the_same_delivery_again_changes_nothing(inbox: Inbox):
    for _ in range(3):
        await inbox.take(Said("m1", "When?"))
    assert await inbox.count(Message) == await inbox.count(Wait) == 1


async def test_a_crash_before_the_commit_loses_nothing(inbox: Inbox):
    crash = await inbox.session.begin_nested()
    await inbox.take(Said("m1", "When?"))
    await crash.rollback()
    assert await inbox.count(Message) == 0
    await inbox.take(Said("m1", "When?"))
    assert await inbox.count(Message) == 1


STORY = (
    Said("m1", "When?", seconds=0),
    Said("m2", "And where?", by="bernd", seconds=1, parent="m1"),
    Said("m1", "When, please?", EventKind.EDIT, seconds=2),
    Said("m3", "Never mind", by="carla", seconds=3),
    Said("m3", "", EventKind.DELETE, by="carla", seconds=4),
    Said("m2", "👍", EventKind.REACTION, by="anna", seconds=5),
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("together", [True, False])
async def test_the_order_of_delivery_makes_no_difference(inbox: Inbox, seed: int, together: bool):
    story = [said for said in STORY if said.kind in inbox.adapter.kinds]
    random.Random(seed).shuffle(story)
    for part in [story] if together else [[said] for said in story]:
        await inbox.take(*part)
    state = await inbox.state()
    assert state[0][:3] == ("m1", "When, please?", False)
    assert state[1][:3] == ("m2", "And where?", False)
    assert state[2][2] is True
    assert state[3:] == [1, 2]  # a reaction; Anna and Bernd wait


async def test_an_echo_that_comes_before_the_receipt_is_our_own_reply(inbox: Inbox):
    await inbox.take(Said("m1", "When?"))
    claimed = await inbox.claimed_reply()
    key = "our-key" if inbox.adapter.returns_client_key else None
    await inbox.take(Said("sent-1", "At nine.", by="us", seconds=10, client_key=key))
    await outbox.mark_sent(inbox.session, claimed, Receipt("sent-1", MONDAY), MONDAY)
    assert await inbox.count(Message, col(Message.direction) == Direction.OUT) == 1
    stored = await inbox.session.scalar(select(Message).where(col(Message.client_key) == "our-key"))
    assert stored is not None
    assert (stored.delivery, stored.external_id, stored.native) == (Delivery.SENT, "sent-1", False)


async def test_an_echo_that_comes_after_the_receipt_changes_nothing(inbox: Inbox):
    await inbox.take(Said("m1", "When?"))
    claimed = await inbox.claimed_reply()
    await outbox.mark_sent(inbox.session, claimed, Receipt("sent-1", MONDAY), MONDAY)
    before = await inbox.state()
    await inbox.take(Said("sent-1", "At nine.", by="us", seconds=10))
    assert await inbox.state() == before


async def test_what_a_colleague_answers_on_the_platform_is_theirs_and_ends_the_wait(inbox: Inbox):
    await inbox.take(Said("m1", "When?"))
    await inbox.take(Said("native-1", "At nine.", by="us", seconds=60, parent="m1"))
    assert await inbox.count(Message, col(Message.native)) == 1
    assert await inbox.count(Wait, col(Wait.closed_at).is_(None)) == 0


async def test_every_character_comes_through_both_ways(inbox: Inbox):
    await inbox.take(Said("m1", UNICODE))
    assert await inbox.session.scalar(select(col(Message.body))) == UNICODE
    async with platform(inbox.adapter.accepts("sent-1")) as address:
        connector = make_connector(inbox.adapter, address)
        assert (await connector.send(a_reply(UNICODE))).message_id == "sent-1"
        await connector.aclose()


TROUBLE: list[tuple[str, Answer, tuple[type[ConnectorError], ...]]] = [
    ("401", says(401), (AuthError,)),
    ("403", says(403), (AuthError,)),
    ("404", says(404), (Permanent,)),
    ("429", says(429, b"", "retry-after: 7"), (RateLimited,)),
    ("500", says(500), (Ambiguous, Transient)),
    ("503", says(503), (Transient,)),
    ("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
    ("hangs up", hangs_up, (Ambiguous,)),
    ("breaks off", breaks_off, (Ambiguous,)),
]


@pytest.mark.parametrize(("answer", "expected"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
async def test_a_send_that_fails_says_truly_how(
    adapter: Adapter, answer: Answer, expected: tuple[type[ConnectorError], ...], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    async with platform(answer) as address:
        connector = make_connector(adapter, address)
        with pytest.raises(expected) as failed:
            await connector.send(a_reply())
        await connector.aclose()
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == 7
    for secret in adapter.secrets:
        assert secret not in f"{failed.value!r}{caplog.text}"


async def test_a_half_open_connection_is_noticed_and_leaves_a_doubt(adapter: Adapter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "TIMEOUT", http.httpx.Timeout(0.3))
    monkeypatch.setitem(http.Client.__init__.__kwdefaults__, "timeout", http.httpx.Timeout(0.3))
    async with platform(hangs) as address:
        connector = make_connector(adapter, address)
        with pytest.raises(Ambiguous):
            await connector.send(a_reply())
        await connector.aclose()


async def test_nobody_is_there_and_nothing_was_sent(adapter: Adapter):
    connector = make_connector(adapter, "http://127.0.0.1:9/")
    with pytest.raises(Transient):
        await connector.send(a_reply())
    await connector.aclose()


def test_a_text_that_is_too_long_is_known_before_it_is_sent(adapter: Adapter):
    capabilities = connectors.find(adapter.name).capabilities
    if capabilities.max_length is None:
        lengths.check("x" * 1_000_000, capabilities)
    else:
        with pytest.raises(Invalid):
            lengths.check("x" * (capabilities.max_length + 1), capabilities)


@pytest.mark.parametrize("platform_name", sorted(connectors.BUILT_IN))
def test_a_connector_has_the_shape_of_the_contract(platform_name: str):
    kind = connectors.find(platform_name)
    assert (kind.name, bool(kind.title), isinstance(kind.capabilities, Capabilities)) == (platform_name, True, True)
    for name in ("check", "stream", "send", "aclose"):
        assert callable(getattr(kind, name))
    for name, field in kind.Config.model_json_schema()["properties"].items():
        assert field.get("title"), f"{platform_name}.{name} has no title for the set-up form"


@pytest.mark.parametrize("platform_name", sorted(connectors.BUILT_IN))
def test_what_sounds_secret_is_kept_as_a_secret(platform_name: str):
    for name, field in connectors.find(platform_name).Config.model_fields.items():
        if name.endswith(("secret", "password", "token", "key")):
            assert SecretStr.__name__ in str(field.annotation), f"{platform_name}.{name} would be shown"
