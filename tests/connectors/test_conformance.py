"""Every connector, put through the same paces."""

import logging
import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from connectors import http
from inbox.contract import Ambiguous, Capabilities, Connector, EventKind, RateLimited, Receipt, Reply, Transient
from inbox.conversations import lengths, outbox, receive, replies
from inbox.errors import Invalid
from inbox.models import Channel, Conversation, Delivery, Direction, Message, Reaction, Wait
from tests.connectors.adapters import ADAPTERS
from tests.connectors.answers import Answer, platform
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.make import MONDAY, Make

UNICODE = "👩‍👩‍👧 مرحبا \u202eab\u202c e\u0301 <b>&amp;\u00a0\u2028 Zażółć 𝔘𝔫𝔦"


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    return request.param


@pytest.fixture(autouse=True)
def _forbidden() -> Iterator[None]:
    yield
    http.allow([])


class Inbox:
    """A channel of the adapter's platform in an inbox, as the host would fill it."""

    def __init__(self, session: AsyncSession, channel: Channel, adapter: Adapter, folder: Path) -> None:
        self.session, self.channel, self.adapter, self.folder = session, channel, adapter, folder
        self.connector = make_connector(adapter, folder)

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
        own = getattr(self.adapter, "shown_id", str)  # the suite's id, in one that says more, such as which room it is in
        messages = [(own(row[0] or ""), *row[1:]) for row in rows]
        return [*messages, await self.count(Reaction), await self.count(Wait, col(Wait.closed_at).is_(None))]

    async def claimed_reply(self) -> Message:
        conversation = await self.session.scalar(select(Conversation))
        assert conversation is not None
        past = MONDAY - timedelta(hours=1)
        await replies.queue(self.session, conversation, None, body="At nine.", client_key="our-key", now=past)
        (claimed,) = await outbox.claim(self.session, owner="one", now=MONDAY)
        self.session.expunge(claimed)
        return claimed


def make_connector(adapter: Adapter, folder: Path, address: str = NOWHERE) -> Connector:
    kind = connectors.find(adapter.name)
    return kind(kind.Config.model_validate(adapter.config(folder, address)))


@pytest.fixture
async def inbox(session: AsyncSession, make: Make, adapter: Adapter, tmp_path: Path) -> Inbox:
    if not adapter.kinds:
        pytest.skip("nothing comes in through this connector")
    channel = await make.channel(await make.workspace(undo_seconds=0), platform=adapter.name, account_id=adapter.account)
    return Inbox(session, channel, adapter, tmp_path)


@pytest.fixture
def echoing(inbox: Inbox) -> Inbox:
    if not inbox.adapter.echoes:
        pytest.skip("this platform does not tell us what we said ourselves")
    return inbox


def a_reply(text: str = "At nine.") -> Reply:
    return Reply(key="our-key", thread_id="t1", text=text, parent_id="m1", recipient="anna@customer.example")


async def send(adapter: Adapter, folder: Path, answer: Answer | None, text: str = "At nine.") -> Receipt:
    """Send a reply to a platform that answers like this."""
    http.allow(["127.0.0.0/8"])
    async with platform(answer) if answer else nullcontext(NOWHERE) as address:
        connector = make_connector(adapter, folder, address)
        try:
            places = {name: getattr(adapter, name) for name in ("thread_id", "parent_id") if hasattr(adapter, name)}
            return await connector.send(replace(a_reply(text), **places))
        finally:
            await connector.aclose()


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
    if not {said.kind for said in STORY} <= inbox.adapter.kinds:
        pytest.skip("this platform tells of no edits, deletions and reactions")
    story = list(STORY)
    random.Random(seed).shuffle(story)
    for part in [story] if together else [[said] for said in story]:
        await inbox.take(*part)
    state = await inbox.state()
    assert state[0][:3] == ("m1", "When, please?", False)
    assert state[1][:3] == ("m2", "And where?", False)
    assert state[2][2] is True
    assert state[3:] == [1, 2]  # a reaction; Anna and Bernd wait


async def test_an_echo_that_comes_before_the_receipt_is_our_own_reply(echoing: Inbox):
    await echoing.take(Said("m1", "When?"))
    claimed = await echoing.claimed_reply()
    key = "our-key" if echoing.adapter.returns_client_key else None
    await echoing.take(Said(echoing.adapter.sent_id, "At nine.", by="us", seconds=10, client_key=key))
    await outbox.mark_sent(echoing.session, claimed, Receipt(echoing.adapter.sent_id, MONDAY), MONDAY)
    assert await echoing.count(Message, col(Message.direction) == Direction.OUT) == 1
    stored = await echoing.session.scalar(select(Message).where(col(Message.client_key) == "our-key"))
    assert stored is not None
    assert (stored.delivery, stored.external_id, stored.native) == (Delivery.SENT, echoing.adapter.sent_id, False)


async def test_an_echo_that_comes_after_the_receipt_changes_nothing(echoing: Inbox):
    await echoing.take(Said("m1", "When?"))
    claimed = await echoing.claimed_reply()
    await outbox.mark_sent(echoing.session, claimed, Receipt(echoing.adapter.sent_id, MONDAY), MONDAY)
    before = await echoing.state()
    await echoing.take(Said(echoing.adapter.sent_id, "At nine.", by="us", seconds=10))
    assert await echoing.state() == before


async def test_what_a_colleague_answers_on_the_platform_is_theirs_and_ends_the_wait(inbox: Inbox):
    await inbox.take(Said("m1", "When?"))
    await inbox.take(Said("native-1", "At nine.", by="us", seconds=60, parent="m1"))
    assert await inbox.count(Message, col(Message.native)) == 1
    assert await inbox.count(Wait, col(Wait.closed_at).is_(None)) == 0


async def test_every_character_comes_through_both_ways(inbox: Inbox):
    await inbox.take(Said("m1", UNICODE))
    body = await inbox.session.scalar(select(col(Message.body)))
    assert body == (UNICODE.replace("\u00a0", " ") if inbox.adapter.folds_blanks else UNICODE)
    receipt = await send(inbox.adapter, inbox.folder, inbox.adapter.accepts(), UNICODE)
    assert receipt.message_id == inbox.adapter.sent_id


async def test_a_reply_that_the_platform_takes_has_a_receipt_with_its_id(adapter: Adapter, tmp_path: Path):
    assert (await send(adapter, tmp_path, adapter.accepts())).message_id == adapter.sent_id


TROUBLE = [pytest.param(adapter, trouble, id=f"{adapter.name} {trouble.name}") for adapter in ADAPTERS for trouble in adapter.trouble]


@pytest.mark.parametrize(("adapter", "trouble"), TROUBLE)
async def test_a_send_that_fails_says_truly_how(adapter: Adapter, trouble: Trouble, caplog: pytest.LogCaptureFixture, tmp_path: Path):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(trouble.expected) as failed:
        await send(adapter, tmp_path, trouble.answer)
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == trouble.retry_after
    for secret in adapter.secrets:
        assert secret not in f"{failed.value!r}{caplog.text}"


async def test_a_half_open_connection_is_noticed_and_leaves_a_doubt(adapter: Adapter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    if adapter.silence is None:
        pytest.skip("there is no connection on the way out")
    monkeypatch.setattr(http, "TIMEOUT", http.httpx.Timeout(0.3))
    monkeypatch.setitem(http.Client.__init__.__kwdefaults__, "timeout", http.httpx.Timeout(0.3))
    with pytest.raises(Ambiguous):
        await send(adapter, tmp_path, adapter.silence)


async def test_nobody_is_there_and_nothing_was_sent(adapter: Adapter, tmp_path: Path):
    if adapter.silence is None:
        pytest.skip("there is no connection on the way out")
    with pytest.raises(Transient):
        await send(adapter, tmp_path, None)


def test_a_text_that_is_too_long_is_known_before_it_is_sent(adapter: Adapter):
    capabilities = connectors.find(adapter.name).capabilities
    longest = lengths.LONGEST if capabilities.max_length is None else capabilities.max_length
    lengths.check("x" * longest, capabilities)
    with pytest.raises(Invalid):
        lengths.check("x" * (longest + 1), capabilities)


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
