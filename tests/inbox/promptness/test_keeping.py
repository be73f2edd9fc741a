"""The waits that a process keeps are those of the database, whatever happens to them."""

import random
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import Author
from inbox.conversations import assignment, labels, priorities, spoken, status
from inbox.db import Database
from inbox.models import Channel, Conversation, Delivery, Direction, Label, Message, Policy, Priority, Role, Status, Workspace
from inbox.models.columns import LAST
from inbox.promptness import history, targets, waits, zones
from inbox.promptness.shelf import Shelf
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import everything, said, take
from tests.make import MONDAY, Make

DAY = timedelta(days=1)
STEPS = 45


class Office:
    """A workspace in which things happen at random, each in a transaction of its own."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.random, self.now = database, random.Random(seed), MONDAY + DAY

    async def open(self) -> None:
        async with self.database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace()
            self.channels: list[Channel] = [await make.channel(workspace) for _ in range(2)]
            self.member = await make.member(workspace, role=Role.ADMIN)
            self.team = await make.team(workspace, self.member)
            self.labels: list[Label] = [await make._add(Label(workspace_id=workspace.id, name=name)) for name in ("a", "b")]
            targets_ = {"first": {"normal": 600, "urgent": 60}, "next": {"normal": 1200}}
            named = {"workspace_id": workspace.id, "name": "Usual", "targets": targets_, "created_at": MONDAY, "changed_at": MONDAY}
            self.policy: Policy = await make._add(Policy(**named))
        self.access = Access(workspace_id=workspace.id, role=Role.ADMIN, actor=f"member:{self.member.id}", member_id=self.member.id)

    async def step(self) -> str:
        """Something happens."""
        self.now += timedelta(seconds=self.random.randrange(1, 900))
        what = self.random.choice(
            [self.write, self.write, self.write, self.answer, self.answer, self.mark, self.assign, self.move, self.tell]
        )
        async with self.database.transaction() as session:
            known: list[Conversation] = list(await everything(session, Conversation))
            if not known:
                what = self.write
            await what(session, self.random.choice(known) if known else None)
        return what.__name__

    async def write(self, session: AsyncSession, conversation: Conversation | None) -> None:
        author = Author(id=self.random.choice("abcdef"), name="Somebody")
        late = self.random.choice([0, 0, 0, 5000, 90_000])  # what is caught up begins before what is known
        after = (self.now - MONDAY).total_seconds() - late
        values = {"author": author, "after": after, "thread_id": f"t{author.id}", "number": f"n{self.random.random()}"}
        await take(
            session,
            self.random.choice(self.channels),
            said(self.random.choice(["Hi?", "Wann kommt mein Paket?"]), **values),
            later=(self.now - MONDAY).total_seconds(),
        )

    async def answer(self, session: AsyncSession, conversation: Any) -> None:
        at = self.now - timedelta(seconds=self.random.randrange(60))
        ours = {"direction": Direction.OUT, "delivery": Delivery.SENT, "at": at, "send_at": at, "received_at": at}
        message = await Make(session).message(conversation, member_id=self.random.choice([None, self.member.id]), **ours)
        await waits.answered(session, message, at=at, now=self.now)

    async def mark(self, session: AsyncSession, conversation: Any) -> None:
        await priorities.set(session, self.access, conversation, self.random.choice(list(Priority)), now=self.now)
        await spoken.choose(session, self.access, conversation, self.random.choice(["", "de", "ckb"]), now=self.now)
        chosen = self.random.sample([label.id for label in self.labels], self.random.randrange(3))
        await labels.put(session, self.access, conversation, chosen, now=self.now)

    async def assign(self, session: AsyncSession, conversation: Any) -> None:
        team = self.random.choice([None, self.team.id])
        member = self.random.choice([None, self.member.id])
        await assignment.assign(session, self.access, conversation, member_id=member, team_id=team, now=self.now)

    async def move(self, session: AsyncSession, conversation: Any) -> None:
        await status.move(session, self.access, conversation, self.random.choice([Status.RESOLVED, Status.OPEN, Status.SPAM]), now=self.now)

    async def tell(self, session: AsyncSession, conversation: Any) -> None:
        """What changes waits from afar: a breach, a policy, a history that turns out to be another one."""
        choice = self.random.randrange(3)
        if choice == 0:
            await targets.breach(session, now=self.now)
        elif choice == 1:
            policy = await session.get_one(Policy, self.policy.id)
            policy.targets = {"first": {"normal": self.random.randrange(60, 5000)}}
            await session.flush()
            await targets.settle_workspace(session, self.access.workspace_id, now=self.now, actor="system")
        else:
            for message in await everything(session, Message):
                if message.conversation_id == conversation.id and message.direction == Direction.OUT:
                    message.at -= timedelta(seconds=self.random.randrange(120))
            await session.flush()
            await waits.refold(session, [conversation.id], now=self.now)


async def told(office: Office, shelf: Shelf | None) -> history.History:
    async with office.database.transaction() as session:
        period = {"since": MONDAY - DAY, "until": office.now + DAY, "now": office.now}
        return await history.load(session, office.access, shelf=shelf, **period)


def same(kept: history.History, read: history.History) -> None:
    for name in history.NAMES:
        np.testing.assert_array_equal(getattr(kept, name), getattr(read, name), err_msg=name)
    for label in {*kept.labels, *read.labels}:
        nothing = np.zeros(len(read), dtype=np.bool_)
        np.testing.assert_array_equal(kept.labels.get(label, nothing), read.labels.get(label, nothing))


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_is_what_is_there_after_whatever_happened(database: Database, seed: int):
    office, shelf = Office(database, seed), Shelf()
    await office.open()
    before = await told(office, shelf)
    for _ in range(STEPS):
        what = await office.step()
        frozen = before.take(slice(None))
        copies = {name: getattr(before, name).copy() for name in history.NAMES}
        now = await told(office, shelf)
        same(now, await told(office, None))
        assert all(np.array_equal(copies[name], getattr(frozen, name), equal_nan=True) for name in ("closed", "outcome", "id")), what
        before = now
    assert len(before) > 5


async def test_a_question_of_the_same_waits_reads_none_of_them_again(database: Database):
    office, shelf = Office(database, 1), Shelf()
    await office.open()
    for _ in range(12):
        await office.step()
    first = await told(office, shelf)
    async with database.transaction() as session:
        await session.execute(text("UPDATE wait SET native = NOT native"))  # behind the log's back: nobody may do this
    assert np.array_equal((await told(office, shelf)).native, first.native)
    shelf.kept.clear()
    assert not np.array_equal((await told(office, shelf)).native, first.native)


async def test_a_log_that_no_longer_reaches_back_makes_it_read_everything_anew(database: Database):
    office, shelf = Office(database, 2), Shelf()
    await office.open()
    for _ in range(12):
        await office.step()
    first = await told(office, shelf)
    async with database.transaction() as session:  # at least two events, of which the first will be missing
        for _ in range(2):
            await office.write(session, None)
    async with database.transaction() as session:
        await session.execute(text("UPDATE wait SET native = NOT native"))
        await session.execute(text("DELETE FROM event WHERE id < (SELECT max(id) FROM event)"))
    assert not np.array_equal((await told(office, shelf)).native[: len(first)], first.native)


async def test_what_a_rebuild_corrects_is_corrected_in_what_is_kept(database: Database):
    office, shelf = Office(database, 6), Shelf()
    await office.open()
    for _ in range(25):
        await office.step()
    right = await told(office, shelf)
    shelf.kept.clear()
    async with database.transaction() as session:
        wrong = "due_at = due_at + interval '1 hour', breached_at = NULL, business_seconds = business_seconds + 1"
        await session.execute(text(f"UPDATE wait SET {wrong} WHERE closed_at IS NOT NULL"))
    assert not np.array_equal((await told(office, shelf)).business, right.business)
    async with database.transaction() as session:
        assert await waits.rebuild(session, office.access.workspace_id, now=office.now)
    np.testing.assert_array_equal((await told(office, shelf)).business, right.business)
    same(await told(office, shelf), await told(office, None))


async def test_the_waits_kept_for_long_without_a_question_are_dropped(database: Database):
    office, shelf = Office(database, 3), Shelf()
    await office.open()
    await office.step()
    await told(office, shelf)
    assert shelf.kept
    shelf._sweep()  # asked for since the last one
    assert shelf.kept
    shelf._sweep()
    assert not shelf.kept


async def test_what_is_too_much_to_keep_is_told_all_the_same(database: Database):
    office, shelf = Office(database, 4), Shelf(most=0)
    await office.open()
    for _ in range(6):
        await office.step()
    assert len(await told(office, shelf)) == len(await told(office, None)) > 0
    assert not shelf.kept


async def test_only_the_waits_of_channels_that_the_member_may_see_are_told(database: Database):
    office, shelf = Office(database, 5), Shelf()
    await office.open()
    for _ in range(20):
        await office.step()
    every = await told(office, shelf)
    async with database.transaction() as session:
        hidden = await session.get_one(Channel, office.channels[0].id)
        hidden.restricted = True
        agent = await Make(session).member(await session.get_one(Workspace, office.access.workspace_id))
        office.access = Access(workspace_id=office.access.workspace_id, role=Role.AGENT, actor="member:0", member_id=agent.id)
    seen = await told(office, shelf)
    assert set(seen.channel.tolist()) == {office.channels[1].id}
    assert set(every.channel.tolist()) == {channel.id for channel in office.channels}


def test_the_moment_that_never_comes_is_after_every_other():
    assert zones.number(LAST) < history.OPEN
