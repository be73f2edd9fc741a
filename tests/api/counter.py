"""A shop where customers ask, are answered, and are asked how it was; time passes by hand."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from api import surveys
from api.deps import House
from inbox.contract import Author, Batch, ConversationKind, Envelope, Event, EventKind, Receipt
from inbox.conversations import outbox, ratings, receive, replies, status
from inbox.models import Channel, Conversation, LogEvent, Member, Message, Rating, Role, Status, Workspace
from inbox.team.rights import Access
from tests.make import MONDAY, Make

numbers = count(1)


class Counter:
    """The shop."""

    workspace: Workspace
    channel: Channel
    member: Member

    def __init__(self, house: House) -> None:
        self.house, self.now = house, MONDAY
        house.clock = lambda: self.now

    async def open(self, *, platform: str = "webhook", **values: Any) -> "Counter":
        async with self.house.database.transaction() as session:
            make = Make(session)
            self.workspace = await make.workspace(name="Bicycle Workshop")
            self.member = await make.member(self.workspace, name="Kim Brandt", public_name="Kim")
            self.channel = await self.connect(make, platform=platform, **values)
        return self

    async def connect(self, make: Make, **values: Any) -> Channel:
        return await make.channel(self.workspace, **{"asks_since": MONDAY - timedelta(days=90), "ask_after": 10, **values})

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    @property
    def access(self) -> Access:
        return Access(self.workspace.id, Role.AGENT, f"member:{self.member.id}", self.member.id)

    async def says(
        self, who: str = "anna", *, thread: str = "", kind: ConversationKind = ConversationKind.DIRECT, channel: Channel | None = None
    ) -> Conversation:
        """A customer writes."""
        number, channel = next(numbers), channel or self.channel
        envelope = Envelope(subject="Gears", sender=f"{who}@example.org") if kind == ConversationKind.EMAIL else None
        event = Event(
            f"e{number}", EventKind.MESSAGE, f"m{number}", thread or f"thread-{who}", self.now, Author(who, who.title()), "Is it ready?",
            conversation_kind=kind, envelope=envelope,
        )  # fmt: skip
        async with self.house.database.transaction() as session:
            await receive.receive(session, channel, Batch([event]), now=self.now, move_cursor=False)
        async with self.house.database.transaction() as session:
            return (
                await session.scalars(
                    select(Conversation)
                    .join(Message, col(Message.conversation_id) == Conversation.id)
                    .where(col(Message.external_id) == event.message_id)
                )
            ).one()

    async def answers(self, conversation: Conversation) -> None:
        """A member's answer, delivered."""
        self.later(minutes=1)
        async with self.house.database.transaction() as session:
            key = f"key-{next(numbers)}"
            conversation = await session.get_one(Conversation, conversation.id)
            await replies.queue(session, conversation, self.member, body="Yes, it is.", client_key=key, now=self.now, send_at=self.now)
        await self.delivers()

    async def delivers(self) -> Sequence[Message]:
        """What is queued leaves."""
        async with self.house.database.transaction() as session:
            claimed = await outbox.claim(session, owner="test", now=self.now)
        for message in claimed:
            async with self.house.database.transaction() as session:
                await outbox.mark_sent(session, message, Receipt(f"sent-{message.id}", self.now), now=self.now)
        return claimed

    async def moves(self, conversation: Conversation, to: Status = Status.RESOLVED, **more: Any) -> None:
        async with self.house.database.transaction() as session:
            await status.move(session, self.access, await session.get_one(Conversation, conversation.id), to, now=self.now, **more)

    async def resolves(self, who: str = "anna", **where: Any) -> Conversation:
        """A customer writes, is answered, and the conversation is resolved."""
        conversation = await self.says(who, **where)
        await self.answers(conversation)
        await self.moves(conversation)
        return conversation

    async def asks(self) -> int:
        return await surveys.ask_due(self.house.database, self.house.settings, clock=lambda: self.now)

    async def asked(self, who: str = "anna", **where: Any) -> Rating:
        """A customer who was asked after a resolution."""
        conversation = await self.resolves(who, **where)
        self.later(minutes=10)
        assert await self.asks() == 1
        return (await self.rows(select(Rating).where(col(Rating.conversation_id) == conversation.id)))[0]

    async def gives(self, rating: Rating, score: int, comment: str = "") -> None:
        async with self.house.database.transaction() as session:
            await ratings.give(session, rating.id, score=score, comment=comment, now=self.now)

    async def rows(self, query: Any) -> Sequence[Any]:
        async with self.house.database.transaction() as session:
            return (await session.scalars(query)).all()

    async def ratings(self) -> Sequence[Rating]:
        return await self.rows(select(Rating).order_by(col(Rating.id)))

    async def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of every event of a kind."""
        return [event.data for event in await self.rows(select(LogEvent).where(col(LogEvent.kind) == kind).order_by(col(LogEvent.id)))]

    def link(self, rating: Rating) -> str:
        return f"/rate/{ratings.token(self.house.vault, rating.id)}"
