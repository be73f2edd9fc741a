"""A workspace to which anything may happen, in any order: for tests of what must hold whatever happened."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post, Receipt
from inbox.conversations import assignment, labels, merging, outbox, priorities, receive, replies, splitting, status, waiting
from inbox.db import driver
from inbox.errors import ParleyError
from inbox.models import (
    Calendar,
    CalendarVersion,
    Channel,
    ChannelState,
    Conversation,
    Delivery,
    Direction,
    Label,
    Member,
    Message,
    Policy,
    Priority,
    Status,
    Team,
)
from inbox.pipelines import pipeline
from inbox.promptness import targets
from inbox.team import rights
from tests.make import MONDAY, Make

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WORDS = ("Where is my parcel?", "Thanks!", "🧡🧡", "And the other one", "lecker!!", "Is anybody there?", "@friend", "No.")
KINDS = (ConversationKind.DIRECT, ConversationKind.COMMENTS, ConversationKind.EMAIL, ConversationKind.REVIEW, ConversationKind.COMMENTS)
AUTHORS = [Author(id=f"author{number}", name=f"Author {number}") for number in range(7)]
US = Author(id="us", name="Our brand", is_self=True)
ERA = 400  # events, after which other threads are talked in
LATE = (0, 0, 0, 0, 1, 5, 60, 600, 3600, 20_000)  # seconds by which a message comes late


class World:
    """What there is, and what may happen next. Everything follows from the seed."""

    def __init__(self, session: AsyncSession, seed: int) -> None:
        self.session, self.dice, self.now = session, random.Random(seed), MONDAY
        self.number = 0
        self.said: list[Event] = []
        self.merged: list[int] = []
        self.divided: list[tuple[int, int]] = []  # what was split off, and from where
        self.written: list[tuple[str, str]] = []  # what happened, for a failure's report
        self.channel: Channel
        self.members: list[Member]
        self.teams: list[Team]
        self.labels: list[Label]
        self.policies: list[Policy]
        self.calendar: Calendar

    async def begin(self) -> "World":
        make = Make(self.session)
        workspace = await make.workspace()
        self.channel = await make.channel(workspace, state=ChannelState.HEALTHY)
        self.members = [await make.member(workspace) for _ in range(3)]
        self.teams = [await make.team(workspace, self.members[0]), await make.team(workspace)]
        self.labels = [Label(workspace_id=workspace.id, name=name) for name in ("Press", "Refund")]
        self.calendar = Calendar(workspace_id=workspace.id, name="Office", created_at=MONDAY)
        self.session.add_all([*self.labels, self.calendar])
        await self.session.flush()
        await self._opens(None)
        given: dict[str, Any] = {"workspace_id": workspace.id, "created_at": MONDAY, "changed_at": MONDAY}
        self.policies = [
            Policy(name="Press", conditions={"label": [self.labels[0].id]}, targets={"first": {"normal": 60}}, **given),
            Policy(name="Team", conditions={"team": [self.teams[0].id]}, targets={"first": {"normal": 900}, "next": {"normal": 300}},
                   position=1, calendar_id=self.calendar.id, **given),
            Policy(name="Usual", targets={"first": {"normal": 3600, "urgent": 600}}, position=2, calendar_id=self.calendar.id, **given),
        ]  # fmt: skip
        self.session.add_all(self.policies)
        await self.batch()
        await self.written_down()
        return self

    async def happen(self) -> int:
        """Let something happen, and time pass; how many operations it was."""
        self.now += timedelta(seconds=self.dice.choice((1, 3, 20, 90, 400, 400, 1500, 90_000 if self.dice.random() < 0.05 else 7)))
        work, _ = self.dice.choices(DEEDS, [weight for _, weight in DEEDS])[0]
        try:
            async with self.session.begin_nested():
                done = await work(self)
                await self.session.flush()
        except ParleyError as refused:  # what people try in vain
            self.session.info.pop("events", None)
            self.written.append((work.__name__, f"refused: {refused}"))
            return 1
        self.written.append((work.__name__, str(self.now)))
        await self.written_down()
        return done or 1

    async def written_down(self) -> None:
        """Write the log, as the end of a transaction does."""
        await self.session.flush()
        async with pipeline(await driver(self.session)) as send:
            events.write(self.session, send)

    async def batch(self) -> int:
        happened = [self._event() for _ in range(self.dice.randint(1, 8))]
        self.dice.shuffle(happened)
        await receive.receive(self.session, self.channel, Batch(happened), now=self.now)
        self.said += [event for event in happened if event.kind is EventKind.MESSAGE]
        return len(happened)

    async def reply(self) -> None:
        conversation = await self._conversation()
        parents = await self._messages(col(Message.conversation_id) == conversation.id, col(Message.direction) == Direction.IN)
        if not parents:
            return
        self.number += 1
        later = timedelta(seconds=self.dice.choice((5, 30, 4000)))
        await replies.queue(
            self.session, conversation, self.dice.choice([*self.members, None]), body=f"Answer {self.number}",
            client_key=f"key{self.number}", now=self.now, parent_id=self.dice.choice(parents).id, answers_all=self.dice.random() < 0.1,
            send_at=self.now + later if self.dice.random() < 0.2 else None, then_resolve=self.dice.random() < 0.2, anyway=True,
        )  # fmt: skip

    async def send(self) -> int:
        """Replies leave; the platform takes them, or not, and tells its own time for it."""
        claimed = await outbox.claim(self.session, owner="one", now=self.now)
        for message in claimed:
            self.now += timedelta(seconds=self.dice.choice((0, 1, 8)))
            self.number += 1
            accepted = self.now - timedelta(seconds=self.dice.choice((0, 0, 2, 100, -500, 90_000)))
            fate = self.dice.random()
            if fate < 0.75:
                await outbox.mark_sent(self.session, message, Receipt(f"r{self.number}", accepted), self.now)
            elif fate < 0.85:
                await outbox.put_back(self.session, message, "Busy", self.now + timedelta(seconds=30), self.now)
            elif fate < 0.95:
                await outbox.mark_failed(self.session, message, "Refused", self.now)
            else:
                await outbox.mark_ambiguous(self.session, message, "Time-out", self.now)
        return len(claimed)

    async def decide_reply(self) -> None:
        troubled = await self._messages(col(Message.delivery).in_([Delivery.QUEUED, Delivery.FAILED, Delivery.AMBIGUOUS]))
        if not troubled:
            return
        message, actor = self.dice.choice(troubled), f"member:{self.members[0].id}"
        if message.delivery == Delivery.QUEUED:
            await replies.undo(self.session, message, actor, self.now)
        elif message.delivery == Delivery.FAILED or self.dice.random() < 0.5:
            await replies.retry(self.session, message, actor, self.now)
        else:
            await replies.settle(self.session, message, self.dice.random() < 0.5, actor, self.now)

    async def assign(self) -> None:
        member, team = self.dice.choice([*self.members, None]), self.dice.choice([*self.teams, None])
        await assignment.assign(
            self.session, self._access(), await self._conversation(), member_id=member and member.id, team_id=team and team.id, now=self.now
        )

    async def take(self) -> None:
        await assignment.take(self.session, self._access(), await self._conversation(), now=self.now)

    async def move(self) -> None:
        to = self.dice.choice(list(Status))
        until = self.now + timedelta(hours=3) if to == Status.SNOOZED else None
        await status.move(self.session, self._access(), await self._conversation(), to, now=self.now, until=until)

    async def move_back(self) -> None:
        await status.take_back(self.session, self._access(), await self._conversation(), now=self.now)

    async def merge(self) -> None:
        """Two that may be one: of the same kind, so that it is seldom refused."""
        conversation = await self._conversation()
        alike = select(Conversation).where(
            col(Conversation.kind) == conversation.kind, col(Conversation.id) != conversation.id, col(Conversation.status) == Status.OPEN
        )
        found = (await self.session.scalars(alike.order_by(col(Conversation.id).desc()).limit(10))).all()
        if found:
            await merging.merge(self.session, self._access(), conversation, self.dice.choice(found).id, now=self.now)
            self.merged.append(conversation.id)

    async def split(self) -> None:
        if self.merged:
            gone = await self.session.get_one(Conversation, self.dice.choice(self.merged[-5:]), populate_existing=True)
            await merging.split(self.session, self._access(), gone, now=self.now)

    async def divide(self) -> None:
        """Some messages become a conversation of their own, most often with what answers them."""
        conversation = await self._conversation()
        found = await self._messages(col(Message.conversation_id) == conversation.id, col(Message.delivery) != Delivery.UNDONE)
        chosen = {message.id for message in self.dice.sample(found, min(len(found), self.dice.choice((1, 1, 2, 3, 5))))}
        if self.dice.random() < 0.7:
            chosen |= {message.id for message in found if message.parent_id in chosen and message.direction == Direction.OUT}
        begun = await splitting.split_off(self.session, self._access(), conversation, sorted(chosen), now=self.now)
        self.divided.append((begun.id, conversation.id))

    async def unite(self) -> None:
        """What was split off goes back to where it was."""
        if self.divided:
            begun, into = self.dice.choice(self.divided[-5:])
            gone = await self.session.get_one(Conversation, begun, populate_existing=True)
            await merging.merge(self.session, self._access(), gone, into, now=self.now)
            self.merged.append(begun)

    async def say(self) -> None:
        """A person says that a message waits, needs no answer, or that this was a mistake."""
        conversation = await self._conversation()
        messages = await self._messages(col(Message.conversation_id) == conversation.id, col(Message.direction) == Direction.IN)
        if messages:
            work = self.dice.choice((waiting.begin, waiting.end, waiting.take_back))
            await work(self.session, self._access(), conversation, self.dice.choice(messages), now=self.now)

    async def sort(self) -> None:
        conversation = await self._conversation()
        if self.dice.random() < 0.5:
            await priorities.set(self.session, self._access(), conversation, self.dice.choice(list(Priority)), now=self.now)
        else:
            worn = [label.id for label in self.labels if self.dice.random() < 0.4]
            await labels.put(self.session, self._access(), conversation, worn, now=self.now)

    async def agree(self) -> None:
        """A policy or the calendar changes."""
        if self.dice.random() < 0.3:
            await self._opens(self.now)
        else:
            policy = self.dice.choice(self.policies)
            policy.is_on = self.dice.random() < 0.8
            policy.targets = {"first": {"normal": self.dice.choice((60, 1800, 9000))}, "next": {"normal": self.dice.choice((60, 4000))}}
            policy.calendar_id = self.dice.choice((None, self.calendar.id))
            policy.changed_at = self.now
        await self.session.flush()
        await targets.settle_workspace(self.session, self.channel.workspace_id, now=self.now, actor="member:1")

    async def grow_late(self) -> int:
        return await targets.breach(self.session, now=self.now)

    def _event(self) -> Event:
        self.number += 1
        fate, at = self.dice.random(), self.now - timedelta(seconds=self.dice.choice(LATE))
        if self.dice.random() < 0.02:
            at = self.dice.choice((self.now + timedelta(days=400), self.now + timedelta(minutes=2), datetime(1970, 1, 1, tzinfo=UTC)))
        known = self.dice.choice(self.said[-40:]) if self.said else None
        if known is not None and fate < 0.12:
            kind = self.dice.choice((EventKind.EDIT, EventKind.DELETE, EventKind.MODERATION, EventKind.MODERATION))
            text = self.dice.choice(("hide", "unhide", "spam")) if kind is EventKind.MODERATION else self.dice.choice(WORDS)
            return Event(
                id=f"e{self.number}", kind=kind, message_id=known.message_id, thread_id=known.thread_id, at=at, author=known.author,
                text=text, conversation_kind=known.conversation_kind,
            )  # fmt: skip
        thread = self.number // ERA * 60 + self.dice.randrange(12)
        kind, in_room = KINDS[thread % len(KINDS)], thread % 60 == 6
        parent = self.dice.choice([one for one in self.said if one.thread_id == f"t{thread}"][-5:] or [None])
        author = US if self.dice.random() < 0.12 else self.dice.choice(AUTHORS[: 1 + thread % 4])
        mentions = (self.dice.choice((US, *AUTHORS)).id,) if self.dice.random() < 0.2 else ()
        return Event(
            id=f"e{self.number}", kind=EventKind.MESSAGE, message_id=f"m{self.number}", thread_id=f"t{thread}", at=at, author=author,
            text=self.dice.choice(WORDS), conversation_kind=kind, mentions=mentions,
            parent_id=parent.message_id if parent is not None and self.dice.random() < 0.5 else None,
            post=Post(id=f"p{thread}", is_room=in_room) if kind is ConversationKind.COMMENTS else None,
        )  # fmt: skip

    async def _opens(self, since: datetime | None) -> None:
        hours = {day: [[f"{self.dice.randint(6, 9):02}:30", f"{self.dice.randint(12, 20):02}:00"]] for day in DAYS}
        version = {"workspace_id": self.channel.workspace_id, "calendar_id": self.calendar.id, "created_at": self.now}
        self.session.add(CalendarVersion(**version, valid_from=since, definition={"tz": "Europe/Berlin", "hours": hours}))

    def _access(self) -> rights.Access:
        return rights.of(self.dice.choice(self.members))

    async def _conversation(self) -> Conversation:
        newest = select(Conversation).order_by(col(Conversation.id).desc()).limit(15)
        return self.dice.choice((await self.session.scalars(newest.execution_options(populate_existing=True))).all())

    async def _messages(self, *where: Any) -> Sequence[Message]:
        query = select(Message).where(*where).order_by(col(Message.id).desc()).limit(10).execution_options(populate_existing=True)
        return (await self.session.scalars(query)).all()


# Each with how often it happens.
DEEDS: Sequence[tuple[Any, int]] = (
    (World.batch, 30), (World.reply, 12), (World.send, 16), (World.decide_reply, 4), (World.assign, 8), (World.take, 2), (World.move, 8),
    (World.move_back, 3), (World.merge, 5), (World.split, 2), (World.divide, 5), (World.unite, 2),
    (World.say, 8), (World.sort, 6), (World.agree, 2), (World.grow_late, 8),
)  # fmt: skip
