"""Where a connector is put to the test: a channel of its platform in an inbox on a real database, and its fake platform."""

import logging
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from connectors import http
from connectors.conformance import NOWHERE, Adapter, Said
from connectors.conformance.answers import Answer, platform
from inbox.contract import Connector, Receipt, Reply
from inbox.conversations import outbox, receive, replies
from inbox.models import Channel, Conversation, Message, Reaction, Wait, Workspace

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # an hour after the suite's story
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Bench:
    """An adapter, a session that is rolled back, and a folder of the check's own."""

    adapter: Adapter
    session: AsyncSession
    folder: Path

    def connector(self, address: str = NOWHERE) -> Connector:
        kind = connectors.find(self.adapter.name)
        return kind(kind.Config.model_validate(self.adapter.config(self.folder, address)))

    async def inbox(self) -> "Inbox":
        workspace = Workspace(name="Brand", undo_seconds=0, created_at=NOW)
        self.session.add(workspace)
        await self.session.flush()
        channel = Channel(
            workspace_id=workspace.id,
            platform=self.adapter.name,
            name=self.adapter.name,
            key=f"conformance {id(self)}",
            account_id=self.adapter.account,
            connected_at=BEFORE,
            created_at=BEFORE,
        )
        self.session.add(channel)
        await self.session.flush()
        return Inbox(self, channel)

    async def send(self, answer: Answer | None, text: str = "At nine.") -> Receipt:
        """Send a reply to a platform that answers like this; None: nobody is there."""
        reply = Reply(key="our-key", thread_id="t1", text=text, parent_id="m1", recipient="anna@customer.example")
        with reachable():
            async with platform(answer) if answer else nullcontext(NOWHERE) as address:
                connector = self.connector(address)
                try:
                    places = {name: getattr(self.adapter, name) for name in ("thread_id", "parent_id") if hasattr(self.adapter, name)}
                    return await connector.send(replace(reply, **places))
                finally:
                    await connector.aclose()


class Inbox:
    """A channel of the adapter's platform, filled as the host would fill it."""

    def __init__(self, bench: Bench, channel: Channel) -> None:
        self.bench, self.adapter, self.session, self.channel = bench, bench.adapter, bench.session, channel
        self.connector = bench.connector()

    async def take(self, *said: Said) -> None:
        batch = await self.adapter.arrive(self.connector, said)
        await receive.receive(self.session, self.channel, batch, now=NOW, move_cursor=False)
        self.session.expunge_all()  # the next look is at what is stored

    async def count(self, table: Any, *conditions: Any) -> int:
        mine = col(table.workspace_id) == self.channel.workspace_id
        return await self.session.scalar(select(func.count()).select_from(table).where(mine, *conditions)) or 0

    async def state(self) -> list[tuple[Any, ...]]:
        """Everything that a person would see of the messages."""
        shown: tuple[Any, ...] = (Message.external_id, Message.body, col(Message.deleted_at).is_not(None), Message.direction)
        mine = select(*shown).where(col(Message.channel_id) == self.channel.id)
        rows = await self.session.execute(mine.order_by(col(Message.external_id)))
        own = getattr(self.adapter, "shown_id", str)  # the suite's id, in one that says more, such as which room it is in
        messages: list[tuple[Any, ...]] = [(own(row[0] or ""), *row[1:]) for row in rows]
        return [*messages, (await self.count(Reaction),), (await self.count(Wait, col(Wait.closed_at).is_(None)),)]

    async def claimed_reply(self) -> Message:
        conversation = await self.session.scalar(select(Conversation).where(col(Conversation.channel_id) == self.channel.id))
        assert conversation is not None, "nothing came in"  # noqa: S101  # this is a test
        past = NOW - timedelta(hours=1)
        await replies.queue(self.session, conversation, None, body="At nine.", client_key="our-key", now=past)
        (claimed,) = await outbox.claim(self.session, owner="one", now=NOW)
        self.session.expunge(claimed)
        return claimed


@contextmanager
def reachable() -> Generator[None]:
    """Fakes of platforms listen on this machine."""
    http.allow(["127.0.0.0/8"])
    try:
        yield
    finally:
        http.allow([])


@contextmanager
def impatient() -> Generator[None]:
    """Nobody waits longer than a moment for an answer."""
    defaults: dict[str, Any] = http.Client.__init__.__kwdefaults__ or {}
    known: Any = http
    before = (known.TIMEOUT, defaults["timeout"])
    known.TIMEOUT = defaults["timeout"] = httpx.Timeout(0.3)
    try:
        yield
    finally:
        known.TIMEOUT, defaults["timeout"] = before


@contextmanager
def overheard() -> Generator[list[str]]:
    """Everything that is logged meanwhile."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    ear, root = Ear(logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
