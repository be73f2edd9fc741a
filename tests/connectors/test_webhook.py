"""The generic webhook: its signatures, its answers, and the whole way from a signed question to a signed answer."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import col

from api.deps import House
from connectors import http, runner
from connectors.host.pace import Pace
from connectors.webhook import Webhook, signatures
from connectors.webhook.connector import WebhookConfig
from inbox.contract import Ambiguous, Attachment, Permanent, Reply
from inbox.conversations import replies
from inbox.models import Conversation, Message, Outcome, Wait
from tests.connectors.answers import platform, says
from tests.make import Make

SECRET = "whsec_" + b64encode(b"x" * 32).decode()


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    http.allow(["127.0.0.1"])
    yield
    http.allow([])


@asynccontextmanager
async def callback(*answers: bytes) -> AsyncIterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A system that takes our answers: its address, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []
    told = list(answers)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}
        got.append((headers, await reader.readexactly(int(headers["content-length"]))))
        body = told.pop(0) if told else b'{"id": "theirs-1"}'
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()

    async with platform(take) as address:
        yield address, got


def connector(address: str = "", **config: Any) -> Webhook:
    return Webhook(WebhookConfig.model_validate({"secret": SECRET, "callback_url": address, **config}))


REPLY = Reply(key="key-1", thread_id="t1", text="At nine – ü", parent_id="m1", recipient="anna", author_name="Mira")


def test_signatures_are_those_of_standard_webhooks():
    """The example of the specification's own libraries."""
    key = signatures.key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = signatures.sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_an_answer_is_signed_and_carries_the_replys_key():
    attached = Attachment("map.txt", "text/plain", content=b"left")
    async with callback(b'{"id": "theirs-1", "at": "2026-03-02T09:00:00Z"}') as (address, got):
        receipt = await connector(address).send(Reply(**{**asdict(REPLY), "attachments": (attached,)}))
    ((headers, body),) = got
    assert signatures.verify([signatures.key(SECRET)], headers, body, datetime.now(UTC))[0] == "key-1"
    given = json.loads(body)
    assert (given["text"], given["thread"], given["parent"], given["author"]) == ("At nine – ü", "t1", "m1", "Mira")
    assert given["attachments"] == [{"name": "map.txt", "media_type": "text/plain", "url": None, "content": b64encode(b"left").decode()}]
    assert (receipt.message_id, receipt.accepted_at) == ("theirs-1", datetime(2026, 3, 2, 9, tzinfo=UTC))


def asdict(reply: Reply) -> dict[str, Any]:
    return {name: getattr(reply, name) for name in Reply.__dataclass_fields__}


async def test_an_empty_answer_is_an_acceptance_too():
    async with platform(says(204, b"")) as address:
        assert (await connector(address).send(REPLY)).message_id == "reply:key-1"


async def test_a_page_instead_of_an_answer_leaves_a_doubt():
    async with platform(says(200, b"<html>sign in</html>")) as address:
        with pytest.raises(Ambiguous):
            await connector(address).send(REPLY)


async def test_only_a_callback_that_knows_repeats_is_asked_again():
    async with callback() as (address, got):
        with pytest.raises(Permanent):
            await connector(address).find_sent(REPLY)
        assert got == []
        assert (await connector(address, idempotent=True).find_sent(REPLY)).message_id == "theirs-1"


async def test_without_a_callback_nothing_can_be_answered():
    with pytest.raises(Permanent, match="no callback"):
        await connector().send(REPLY)


async def test_a_callback_in_a_private_network_is_refused_when_the_channel_is_checked():
    http.allow([])
    with pytest.raises(http.Forbidden):
        await connector("http://127.0.0.1:9/").check()


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"secret": "whsec_short"},
        {"secret": "whsec_" + b64encode(b"short").decode()},
        {"secret": "whsec_not base64!"},
        {"secret": SECRET, "callback_url": "ftp://example.org"},
        {"secret": SECRET, "callback_url": "https://"},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_the_secret(config: dict[str, Any]):
    with pytest.raises(ValidationError) as refused:
        WebhookConfig.model_validate(config)
    assert not config or str(config["secret"]).removeprefix("whsec_") not in str(refused.value.errors(include_input=False))


async def test_a_signed_question_is_answered_by_a_signed_answer_and_the_wait_has_its_length(house: House, client: httpx.AsyncClient):
    asked = datetime.now(UTC) - timedelta(minutes=12)
    house.clock = lambda: datetime.now(UTC)
    accepted = asked + timedelta(minutes=10)
    async with callback(json.dumps({"id": "theirs-1", "at": accepted.isoformat()}).encode()) as (address, got):
        async with house.database.transaction() as session:
            make = Make(session)
            config = house.vault.encrypt(json.dumps({"secret": SECRET, "callback_url": address}))
            channel = await make.channel(await make.workspace(undo_seconds=0), config=config)
        entry = {"type": "message", "id": "m1", "author": {"id": "anna"}, "text": "When?", "at": asked.isoformat(), "language": "pt-BR"}
        body = json.dumps(entry).encode()
        headers = signatures.headers(signatures.key(SECRET), "one", datetime.now(UTC), body) | {"content-type": "application/json"}
        assert (await client.post(f"/hooks/{channel.key}", content=body, headers=headers)).status_code == 200
        async with house.database.transaction() as session:
            conversation = (await session.scalars(select(Conversation))).one()
            assert (conversation.waiting_count, conversation.language) == (1, "pt")
            await replies.queue(session, conversation, None, body="At nine.", client_key="key-1", now=datetime.now(UTC))
        stop = asyncio.Event()
        settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
        host = asyncio.create_task(runner.run(house.database, house.vault, house.files, settings, stop, pace=Pace(look=0.05)))
        try:
            async with asyncio.timeout(30):
                while not await closed(house):  # noqa: ASYNC110  # the host closes it
                    await asyncio.sleep(0.05)
        finally:
            stop.set()
            await host
    (sent,) = got
    assert json.loads(sent[1])["parent"] == "m1"
    async with house.database.transaction() as session:
        wait = (await session.scalars(select(Wait))).one()
        reply = (await session.scalars(select(Message).where(col(Message.client_key) == "key-1"))).one()
    assert wait.closed_at is not None
    assert (wait.outcome, wait.closed_at - wait.opened_at, reply.external_id) == (Outcome.ANSWERED, timedelta(minutes=10), "theirs-1")


async def closed(house: House) -> bool:
    async with house.database.transaction() as session:
        return await session.scalar(select(col(Wait.id)).where(col(Wait.closed_at).is_not(None))) is not None
