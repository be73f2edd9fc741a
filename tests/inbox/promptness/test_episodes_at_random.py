"""Whatever happens, in whatever order: episodes kept live are those that a rebuild tells from messages and events."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import Batch, ConversationKind, Event, EventKind
from inbox.conversations import assignment, labels, priorities, receive, status, timers, waiting
from inbox.models import (
    Channel,
    Conversation,
    Delivery,
    Direction,
    Episode,
    Label,
    Message,
    Move,
    Policy,
    Priority,
    Role,
    Status,
    Team,
    Workspace,
)
from inbox.promptness import episodes, targets, waits
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import ANNA, BERND, US, channel, everything
from tests.inbox.promptness.test_corrections import logged
from tests.inbox.promptness.test_targets import policy
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

OPERATIONS = 500  # for each of two seeds
THREADS = 9
STORY = {"id", "policy_id", "target_seconds", "due_at", "breached_at", "late_on_policy", "caught_up_late"}  # not told by the log


class History:
    """Things that happen in a workspace, one after the other, as chance has it."""

    def __init__(self, session: AsyncSession, channel: Channel, team: Team, label: Label, chance: random.Random) -> None:
        self.session, self.channel, self.team, self.label, self.chance = session, channel, team, label, chance
        self.now, self.said = MONDAY, 0
        self.access = Access(workspace_id=channel.workspace_id, role=Role.ADMIN, actor="member:1")
        self.deeds: dict[Callable[[], Awaitable[None]], int] = {
            self.say: 30, self.answer: 15, self.move: 20, self.resolve: 12, self.wake: 8, self.take_back: 6, self.remove: 4,
            self.need_nothing: 4, self.need_an_answer: 4, self.rank: 4, self.mark: 3, self.give: 4, self.promise: 2, self.look: 6,
        }  # fmt: skip

    async def go_on(self) -> None:
        await self.chance.choices(list(self.deeds), list(self.deeds.values()))[0]()
        await logged(self.session)
        self.now += timedelta(seconds=self.chance.choice([1, 30, 600, 4000, 90_000, 400_000]))

    async def say(self) -> None:
        """A customer or a colleague writes on the platform; some of it reaches us late."""
        happened: list[Event] = []
        for _ in range(self.chance.choice([1, 1, 1, 3])):
            self.said += 1
            thread = self.chance.randrange(THREADS)
            written = self.now - timedelta(seconds=self.chance.choice([0, 0, 5, 900, 800_000]))
            happened.append(
                Event(
                    id=f"e{self.said}", kind=EventKind.MESSAGE, message_id=f"m{self.said}", thread_id=f"t{thread}",
                    at=max(written, MONDAY), author=self.chance.choice([ANNA, ANNA, BERND, US]),
                    text=self.chance.choice(["Where is it?", "It is broken", "Thanks!"]),
                    conversation_kind=ConversationKind.COMMENTS if thread % 3 == 0 else ConversationKind.DIRECT,
                )
            )  # fmt: skip
        await receive.receive(self.session, self.channel, Batch(happened), now=self.now, move_cursor=False)

    async def answer(self) -> None:
        if conversation := await self._conversation():
            ours: dict[str, Any] = {"direction": Direction.OUT, "delivery": Delivery.SENT, "at": self.now, "received_at": self.now}
            message = await Make(self.session).message(conversation, **ours, answers_all=self.chance.random() < 0.5)
            await waits.answered(self.session, message, at=self.now, now=self.now)

    async def move(self) -> None:
        to = self.chance.choice([Status.OPEN, Status.PENDING, Status.PENDING, Status.SNOOZED, Status.SNOOZED, Status.SPAM])
        await self._move(to)

    async def resolve(self) -> None:
        await self._move(Status.RESOLVED)

    async def wake(self) -> None:
        await timers.wake_snoozed(self.session, self.now)

    async def take_back(self) -> None:
        if conversation := await self._conversation():
            await status.take_back(self.session, self.access, conversation, now=self.now)

    async def remove(self) -> None:
        """A customer deletes a message, or a moderator hides it."""
        kind, text = self.chance.choice([(EventKind.DELETE, ""), (EventKind.MODERATION, "hide"), (EventKind.MODERATION, "unhide")])
        self.said += 1
        gone = f"m{self.chance.randint(1, self.said)}"
        event = Event(id=f"e{self.said}", kind=kind, message_id=gone, thread_id="t0", at=self.now, author=ANNA, text=text)
        await receive.receive(self.session, self.channel, Batch([event]), now=self.now, move_cursor=False)

    async def need_nothing(self) -> None:
        if message := await self._message():
            await waiting.end(self.session, self.access, await self._of(message), message, now=self.now)

    async def need_an_answer(self) -> None:
        if message := await self._message():
            await waiting.begin(self.session, self.access, await self._of(message), message, now=self.now)

    async def rank(self) -> None:
        if conversation := await self._conversation():
            await priorities.set(self.session, self.access, conversation, self.chance.choice(list(Priority)), now=self.now)

    async def mark(self) -> None:
        if conversation := await self._conversation():
            await labels.put(self.session, self.access, conversation, self.chance.choice([[], [self.label.id]]), now=self.now)

    async def give(self) -> None:
        if conversation := await self._conversation():
            team = self.chance.choice([None, self.team.id])
            await assignment.assign(self.session, self.access, conversation, member_id=None, team_id=team, now=self.now)

    async def promise(self) -> None:
        for one in await everything(self.session, Policy):
            one.is_on = self.chance.random() < 0.7
        await self.session.flush()
        await targets.settle_workspace(self.session, self.channel.workspace_id, now=self.now, actor="member:1")

    async def look(self) -> None:
        await targets.breach(self.session, now=self.now)
        await episodes.breach(self.session, now=self.now, limit=1000)

    async def _move(self, to: Status) -> None:
        if conversation := await self._conversation():
            until = self.now + timedelta(seconds=self.chance.choice([60, 5000, 500_000]))
            await status.move(self.session, self.access, conversation, to, now=self.now, until=until)

    async def _conversation(self) -> Conversation | None:
        mine = col(Conversation.channel_id) == self.channel.id
        place = col(Conversation.id) - select(func.min(Conversation.id)).where(mine).scalar_subquery()  # the same in every run
        return await self.session.scalar(
            select(Conversation)
            .where(mine)
            .order_by(func.md5(func.concat(place, self.chance.random())))
            .limit(1)
            .execution_options(populate_existing=True)
        )

    async def _message(self) -> Message | None:
        theirs = (col(Message.direction) == Direction.IN, col(Message.deleted_at).is_(None), col(Message.hidden_at).is_(None))
        query = select(Message).where(*theirs).order_by(func.md5(func.concat(col(Message.external_id), self.chance.random()))).limit(1)
        return await self.session.scalar(query)

    async def _of(self, message: Message) -> Conversation:
        return await self.session.get_one(Conversation, message.conversation_id, populate_existing=True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_rebuild_tells_the_episodes_that_were_kept(session: AsyncSession, channel: Channel, make: Make, seed: int):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    team, label = await make.team(workspace), Label(workspace_id=workspace.id, name="Press")
    session.add(label)
    await session.flush()
    await policy(session, channel, name="Press", conditions={"label": [label.id]}, targets={"resolution": {"normal": 4000}})
    await policy(session, channel, position=1, targets={"resolution": {"normal": 90_000, "urgent": 600}, "first": {"normal": 600}})
    history = History(session, channel, team, label, random.Random(seed))
    for _ in range(OPERATIONS):
        await history.go_on()
    await history.look()
    await logged(session)
    kept, moved = await everything(session, Episode), await _moves(session)
    _check(kept, history.now)
    assert {one.is_void for one in kept} == {False, True}
    assert max(one.reopened_count for one in kept) > 2
    assert max(one.ordinal for one in kept) > 2
    assert await waits.rebuild(session, workspace.id, now=history.now) == 0
    before = _stories(kept)
    for table in (Episode, Move):
        await session.execute(delete(table))
    assert await waits.rebuild(session, workspace.id, now=history.now) > 0
    assert (_stories(await everything(session, Episode)), await _moves(session)) == (before, moved)


def _check(kept: list[Episode], now: datetime) -> None:
    """What holds for every episode."""
    for one in kept:
        rests = [(datetime.fromisoformat(since), until and datetime.fromisoformat(until), state) for since, until, state in one.rests]
        assert all(until is not None for _, until, _ in rests[:-1]), "only the last may last"
        assert all(earlier <= later for (_, earlier, _), (later, _, _) in pairwise(rests)), "in order and apart"
        paused = sum((until - since).total_seconds() for since, until, state in rests if until and state in ("pending", "snoozed"))
        assert one.paused_seconds == pytest.approx(paused)
        if one.is_void:
            continue
        if one.resolved_at is not None:
            assert one.began_at <= one.first_resolved_at <= one.resolved_at
            assert 0 <= one.first_business_seconds <= one.business_seconds
            assert one.business_seconds <= (one.resolved_at - one.began_at).total_seconds()
        elif one.paused_since is not None:
            assert one.due_at is None or one.due_at <= one.paused_since
        elif one.due_at is not None and one.due_at < now:
            assert one.breached_at == one.due_at or one.late_on_policy


def _stories(rows: list[Episode]) -> list[dict[str, Any]]:
    """What the log tells: business time goes by a policy that may have been another since."""
    other = {*STORY, "business_seconds", "first_business_seconds"}
    return sorted(
        (row.model_dump(exclude=other) for row in rows if not row.is_void), key=lambda row: (row["conversation_id"], row["ordinal"])
    )


async def _moves(session: AsyncSession) -> list[tuple[Any, ...]]:
    query = select(Move.conversation_id, Move.at, Move.status, Move.assignee_id, Move.team_id, Move.priority)
    return [tuple(row) for row in await session.execute(query.order_by(col(Move.conversation_id), col(Move.id)))]
