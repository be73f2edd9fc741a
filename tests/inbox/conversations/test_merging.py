"""Two conversations that are one matter: what goes along, who goes on waiting, and how it comes apart again."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Author, ConversationKind, Post
from inbox.conversations import (
    assignment,
    drafts,
    labels,
    listing,
    merging,
    notes,
    outbox,
    replies,
    rows,
    search,
    status,
    timeline,
    views,
    waiting,
)
from inbox.db import Database, driver
from inbox.errors import Conflict, Forbidden, Invalid, NotFound
from inbox.models import (
    Channel,
    Conversation,
    Delivery,
    Episode,
    Label,
    Member,
    Message,
    Outcome,
    Priority,
    Reading,
    Role,
    Status,
    Thread,
    Wait,
)
from inbox.pipelines import pipeline
from inbox.promptness import cuts, waits
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import ANNA, BERND, US, everything, said, take
from tests.make import MONDAY, Make

HOUR = 3600
MAIL: dict[str, Any] = {"conversation_kind": ConversationKind.EMAIL}


def minutes(number: float) -> datetime:
    return MONDAY + timedelta(minutes=number)


@dataclass
class Desk:
    """A channel, somebody who works on it, and two mails of Anna's that became two conversations."""

    session: AsyncSession
    channel: Channel
    me: Member
    access: Access
    first: Conversation
    second: Conversation

    async def merge(self, at: float = 60, **given: Any) -> Conversation:
        """The second goes into the first."""
        into = await merging.merge(self.session, self.access, self.second, self.first.id, now=minutes(at))
        await self.logged()
        return into

    async def split(self, at: float = 90) -> None:
        await merging.split(self.session, self.access, self.second, now=minutes(at))
        await self.logged()

    async def logged(self) -> None:
        async with pipeline(await driver(self.session)) as send:
            events.write(self.session, send)

    async def waits(self) -> list[tuple[str, float, float | None, str | None]]:
        """Where each wait is, when it began and ended, in minutes, and how."""
        names = {self.first.id: "first", self.second.id: "second"}
        return [
            (
                names[wait.conversation_id],
                (wait.opened_at - MONDAY).total_seconds() / 60,
                wait.closed_at and (wait.closed_at - MONDAY).total_seconds() / 60,
                wait.outcome and wait.outcome.value,
            )
            for wait in sorted(await everything(self.session, Wait), key=lambda wait: (wait.opened_at, wait.id))
        ]

    async def reply(self, conversation: Conversation, at: float, **values: Any) -> Message:
        """Somebody answers, and the platform takes it."""
        await self.logged()
        await self.session.refresh(conversation)
        message = await replies.queue(
            self.session, conversation, self.me, body="Here it is.", client_key=f"key{at}{conversation.id}", now=minutes(at), anyway=True,
            **values,
        )  # fmt: skip
        await self.session.flush()
        message.delivery, message.external_id = Delivery.SENT, f"r{message.id}"
        await waits.answered(self.session, message, at=minutes(at), now=minutes(at))
        await self.logged()
        return message

    async def stands(self) -> None:
        """What a rebuild tells is what the tables say, also when it tells it from nothing."""
        await self.logged()
        before = [row.model_dump() for row in await everything(self.session, Wait)]
        episodes = [row.model_dump() for row in await everything(self.session, Episode)]
        assert await waits.rebuild(self.session, self.channel.workspace_id, now=minutes(10_000)) == 0
        assert [row.model_dump() for row in await everything(self.session, Wait)] == before
        assert [row.model_dump() for row in await everything(self.session, Episode)] == episodes


@pytest.fixture
async def desk(session: AsyncSession, make: Make) -> Desk:
    workspace = await make.workspace()
    channel, me = await make.channel(workspace), await make.member(workspace, name="Aylin")
    await take(session, channel, said("Where is it?", number="a1", **MAIL), later=1)
    await take(session, channel, said("Hello?", number="b1", thread_id="t2", after=600, **MAIL), later=601)
    first, second = await everything(session, Conversation)
    desk = Desk(session, channel, me, rights.of(me), first, second)
    await desk.logged()
    return desk


async def shown(desk: Desk) -> tuple[Conversation, Conversation]:
    first, second = await everything(desk.session, Conversation)
    return first, second


async def test_what_was_said_in_one_is_in_the_other_and_what_comes_later_follows(session: AsyncSession, desk: Desk):
    into = await desk.merge()
    assert into.id == desk.first.id
    assert {message.conversation_id for message in await everything(session, Message)} == {into.id}
    await take(session, desk.channel, said("Still nothing", number="b2", thread_id="t2", after=2 * HOUR, **MAIL), later=2 * HOUR)
    first, second = await shown(desk)
    assert (first.message_count, first.snippet) == (3, "Still nothing")
    assert (second.status, second.merged_into) == (Status.MERGED, first.id)
    assert {thread.conversation_id for thread in await everything(session, Thread)} == {first.id}
    await desk.stands()


async def test_who_waits_in_both_waits_once_since_the_earlier_question(session: AsyncSession, desk: Desk):
    assert await desk.waits() == [("first", 0, None, None), ("second", 10, None, None)]
    await desk.merge()
    assert await desk.waits() == [("first", 0, None, None), ("first", 10, 60, "merged")]
    first, second = await shown(desk)
    assert (first.waiting_count, first.waiting_since) == (1, MONDAY)
    assert (second.waiting_count, second.waiting_since) == (0, None)
    (going, _) = await everything(session, Wait)
    assert going.message_count == 2
    await desk.stands()
    await desk.reply(first, 70)
    assert await desk.waits() == [("first", 0, 70, "answered"), ("first", 10, 60, "merged")]
    await desk.stands()


async def test_the_earlier_question_counts_whichever_conversation_goes_on(desk: Desk):
    await merging.merge(desk.session, desk.access, desk.first, desk.second.id, now=minutes(60))
    await desk.logged()
    assert await desk.waits() == [("second", 0, None, None), ("second", 10, 60, "merged")]
    await desk.stands()


async def test_an_answer_in_one_had_answered_nothing_in_the_other(desk: Desk):
    await desk.reply(desk.first, 30)
    await desk.merge()
    assert await desk.waits() == [("first", 0, 30, "answered"), ("first", 10, None, None)]
    await desk.stands()
    await desk.reply(desk.first, 70)
    assert await desk.waits() == [("first", 0, 30, "answered"), ("first", 10, 70, "answered")]
    await desk.stands()


async def test_what_was_decided_in_the_one_goes_on_being_known_and_touches_nothing_of_the_other(desk: Desk):
    (message,) = await desk.session.scalars(select(Message).where(col(Message.conversation_id) == desk.second.id))
    await waiting.end(desk.session, desk.access, desk.second, message, now=minutes(20))
    await desk.logged()
    await desk.merge()
    assert await desk.waits() == [("first", 0, None, None), ("first", 10, 20, "not_needed")]
    await desk.stands()


async def test_who_had_it_is_told_of_each_until_then_and_of_the_one_afterwards(session: AsyncSession, make: Make, desk: Desk):
    colleague = await make.member(await session.get_one(type(await make.workspace()), desk.channel.workspace_id), name="Kim")
    await take(session, desk.channel, said("And mine?", number="b2", thread_id="t2", author=BERND, after=900, **MAIL), later=900)
    await assignment.assign(session, desk.access, desk.second, member_id=colleague.id, team_id=None, now=minutes(20))
    await assignment.assign(session, desk.access, desk.first, member_id=desk.me.id, team_id=None, now=minutes(30))
    await desk.logged()
    await desk.merge(60)
    await desk.reply(desk.first, 70)
    (wait,) = [wait for wait in await everything(session, Wait) if wait.opened_at == minutes(15)]
    told = [(one.kind.value, one.member, one.seconds) for one in cuts.loaded(wait.segments or [])]
    assert told == [("unassigned", None, 300), ("owner", colleague.id, 2400), ("owner", desk.me.id, 600)]
    assert wait.assignee_id == desk.me.id
    await desk.stands()


async def test_what_came_late_and_belongs_before_the_merging_leaves_one_wait(session: AsyncSession, desk: Desk):
    await desk.merge()
    early = said("I asked before", number="b0", thread_id="t2", after=300, **MAIL)
    native = said("Done", number="n1", thread_id="t2", author=US, after=3000, **MAIL)
    await take(session, desk.channel, early, later=2 * HOUR)
    await desk.stands()
    await take(session, desk.channel, native, later=2 * HOUR + 5)
    await desk.stands()
    assert sum(wait.closed_at is None for wait in await everything(session, Wait)) <= 1


async def test_merging_and_taking_out_again_leaves_everything_as_it_was(session: AsyncSession, make: Make, desk: Desk):
    press, refund = (
        Label(workspace_id=desk.channel.workspace_id, name="Press"),
        Label(workspace_id=desk.channel.workspace_id, name="Refund"),
    )
    session.add_all([press, refund])
    await session.flush()
    await labels.put(session, desk.access, desk.first, [press.id], now=minutes(11))
    await labels.put(session, desk.access, desk.second, [press.id, refund.id], now=minutes(11))
    await notes.add(session, desk.access, desk.second, body="VIP", client_key=None, now=minutes(12))
    await drafts.save(session, desk.access, desk.second, body="Dear Anna", mode="reply", options={}, now=minutes(13))
    await desk.reply(desk.first, 30)

    async def state() -> Any:
        tables = ("message", "wait", "thread", "note", "draft", "conversation_label", "episode")
        return {table: (await session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3"))).all() for table in tables} | {
            "conversation": [row.model_dump(exclude={"been_in"}) for row in await everything(session, Conversation)]
        }

    before = await state()
    await desk.merge(60)
    found = await rows.load(session, [desk.first.id])
    assert {name for name, _ in found[desk.first.id].labels} == {"Press", "Refund"}
    assert [note.body for note in await notes.every(session, desk.first)] == ["VIP"]
    await desk.split(61)
    assert await state() == before
    await desk.stands()


async def test_what_came_in_its_threads_since_leaves_with_it(session: AsyncSession, desk: Desk):
    into = await desk.merge()
    await take(session, desk.channel, said("More", number="b2", thread_id="t2", after=4000, **MAIL), later=4000)
    await take(session, desk.channel, said("And more", number="a2", thread_id="t1", after=4001, **MAIL), later=4001)
    theirs = await session.scalar(select(col(Message.id)).where(col(Message.external_id) == "b1"))
    await desk.reply(into, 70, parent_id=theirs)
    await desk.split()
    where = {message.external_id: message.conversation_id for message in await everything(session, Message)}
    reply = next(name for name in where if name and name.startswith("r"))
    assert (where["a1"], where["a2"]) == (desk.first.id, desk.first.id)
    assert (where["b1"], where["b2"], where[reply]) == (desk.second.id, desk.second.id, desk.second.id)
    assert await desk.waits() == [("first", 0, None, None), ("second", 10, 70, "answered")]
    await desk.stands()


async def test_chains_come_apart_from_their_end(session: AsyncSession, desk: Desk):
    await take(session, desk.channel, said("A third", number="c1", thread_id="t3", author=BERND, after=700, **MAIL), later=701)
    third = (await everything(session, Conversation))[2]
    await desk.logged()
    await merging.merge(session, desk.access, third, desk.second.id, now=minutes(40))
    await desk.logged()
    await desk.merge(60)
    await desk.stands()
    with pytest.raises(Conflict, match="take that back first"):
        await merging.split(session, desk.access, third, now=minutes(61))
    assert (await rights.conversation(session, desk.access, third.id)).id == desk.first.id
    assert await rights.check(session, desk.access, third.id) == desk.first.id
    await desk.split(62)
    where = {message.external_id: message.conversation_id for message in await everything(session, Message)}
    assert where == {"a1": desk.first.id, "b1": desk.second.id, "c1": desk.second.id}
    await desk.stands()
    await merging.split(session, desk.access, third, now=minutes(63))
    assert {message.conversation_id for message in await everything(session, Message)} == {desk.first.id, desk.second.id, third.id}
    await desk.stands()


async def test_it_leaves_all_lists_counts_and_searches(session: AsyncSession, desk: Desk):
    await desk.merge()
    for key in views.PLAIN:
        page = await views.page(session, desk.access, views.parse(key))
        assert desk.second.id not in [row.id for row in page.rows]
    assert sum(tally.count for tally in await views.tally(session, desk.channel.workspace_id)) == 1
    assert [row.id for row in (await listing.page(session, desk.access, listing.Filters())).rows] == [desk.first.id]
    assert [row.id for row in await search.find(session, desk.access, "Anna")] == [desk.first.id]
    assert [row.id for row in await search.find(session, desk.access, "Hello")] == [desk.first.id]
    row = (await rows.load(session, [desk.second.id]))[desk.second.id]
    assert not any(views.holds(views.parse(key), row, desk.me.id) for key in views.PLAIN)


async def test_both_say_in_the_log_what_happened_and_the_one_that_goes_on_shows_it(session: AsyncSession, desk: Desk):
    into = await merging.merge(session, desk.access, desk.second, desk.first.id, now=minutes(60))
    told = {event.conversation_id: event.data for event in events.recorded(session) if event.kind == "conversation.merged"}
    assert told == {desk.second.id: {"into": into.id}, into.id: {"merged": desk.second.id, "messages": 1}}
    assert [event.data["outcome"] for event in events.recorded(session) if event.kind == "wait.closed"] == ["merged"]
    await desk.logged()
    lines = [entry.event.kind for entry in (await timeline.load(session, into)).entries if entry.event is not None]
    assert "conversation.merged" in lines


async def test_episodes_are_told_as_of_one_matter(session: AsyncSession, desk: Desk):
    await status.move(session, desk.access, desk.second, Status.RESOLVED, now=minutes(20))
    await desk.logged()
    await desk.merge()
    first, second = await everything(session, Episode)
    assert (first.is_void, first.resolved_at, second.is_void) == (False, None, True)
    await status.move(session, desk.access, desk.first, Status.RESOLVED, now=minutes(80))
    await desk.logged()
    first, _ = await everything(session, Episode)
    assert (first.began_at, first.first_resolved_at) == (MONDAY, minutes(80))
    await desk.stands()


async def test_who_has_read_both_has_read_the_one(session: AsyncSession, desk: Desk):
    for conversation in (desk.first, desk.second):
        session.add(Reading(workspace_id=desk.channel.workspace_id, conversation_id=conversation.id, member_id=desk.me.id,
                            message_id=conversation.last_inbound_id or 0, at=minutes(12)))  # fmt: skip
    await session.flush()
    into = await desk.merge()
    reading = await session.scalar(select(Reading).where(col(Reading.conversation_id) == into.id).execution_options(populate_existing=True))
    assert reading is not None
    assert reading.message_id == into.last_inbound_id


async def test_queued_replies_go_along_and_leave_in_their_order(session: AsyncSession, desk: Desk):
    queued = [
        await replies.queue(session, conversation, desk.me, body=f"Answer {n}", client_key=f"k{n}", now=minutes(20 + n), anyway=True)
        for n, conversation in enumerate((desk.second, desk.first, desk.second))
    ]
    await desk.logged()
    await desk.merge()
    left: list[int] = []
    for _ in queued:
        (claimed,) = await outbox.claim(session, owner="one", now=minutes(70))
        left.append(claimed.id)
        claimed.delivery = Delivery.SENT
        await session.flush()
    assert left == [message.id for message in queued]


@pytest.mark.parametrize(("delivery", "words"), [(Delivery.SENDING, "being sent"), (Delivery.AMBIGUOUS, "may have been sent")])
async def test_a_reply_that_is_with_the_platform_has_to_come_back_first(session: AsyncSession, desk: Desk, delivery: Delivery, words: str):
    message = await replies.queue(session, desk.second, desk.me, body="Here", client_key="k", now=minutes(20), anyway=True)
    message.delivery = delivery
    await session.flush()
    with pytest.raises(Conflict, match=words):
        await desk.merge()
    assert (await shown(desk))[1].status is Status.OPEN


async def test_one_that_is_gone_takes_no_change_by_whoever_held_it_before(session: AsyncSession, desk: Desk):
    await desk.merge()
    _, gone = await shown(desk)
    now = minutes(70)
    for attempt in (
        replies.queue(session, gone, desk.me, body="Here", client_key="k", now=now),
        notes.add(session, desk.access, gone, body="Note", client_key=None, now=now),
        status.move(session, desk.access, gone, Status.RESOLVED, now=now),
        assignment.assign(session, desk.access, gone, member_id=desk.me.id, team_id=None, now=now),
        labels.put(session, desk.access, gone, [], now=now),
        merging.merge(session, desk.access, gone, desk.first.id, now=now),
    ):
        with pytest.raises((Conflict, Invalid)):
            await attempt
    assert gone.priority == Priority.NORMAL


async def test_what_is_not_alike_or_not_open_stays_apart(session: AsyncSession, make: Make, desk: Desk):
    private: dict[str, Any] = {"conversation_kind": ConversationKind.DIRECT}
    await take(session, desk.channel, said("psst", number="d1", thread_id="d1", **private), later=1000)
    await take(session, desk.channel, said("psst", number="d2", thread_id="d2", author=BERND, **private), later=1000)
    annas, bernds = (await everything(session, Conversation))[2:]
    for source, target, words in ((annas, desk.first, "same channel"), (annas, bernds, "two people"), (annas, annas, "itself")):
        with pytest.raises((Conflict, Invalid), match=words):
            await merging.merge(session, desk.access, source, target.id, now=minutes(60))
    await status.move(session, desk.access, desk.first, Status.RESOLVED, now=minutes(61))
    with pytest.raises(Conflict, match="not open"):
        await desk.merge(62)
    with pytest.raises(Conflict, match="not merged"):
        await desk.split(63)
    with pytest.raises(Invalid, match="no status"):
        await status.move(session, desk.access, desk.second, Status.MERGED, now=minutes(64))


async def test_only_who_may_act_and_sees_both_merges(session: AsyncSession, make: Make, desk: Desk):
    viewer = Access(desk.channel.workspace_id, Role.VIEWER, "member:9", member_id=desk.me.id)
    with pytest.raises(Forbidden):
        await merging.merge(session, viewer, desk.second, desk.first.id, now=minutes(60))
    foreign = await make.conversation(await make.channel(await make.workspace()))
    with pytest.raises(NotFound):
        await merging.merge(session, desk.access, desk.second, foreign.id, now=minutes(60))


async def test_offered_are_open_ones_of_the_same_person_or_under_the_same_post(session: AsyncSession, desk: Desk):
    assert [row.id for row in await merging.offered(session, desk.access, desk.second)] == [desk.first.id]
    for number, author in enumerate((ANNA, BERND, Author(id="cleo", name="Cleo"))):
        await take(session, desk.channel, said("Nice?", number=f"p{number}", thread_id=f"p{number}", author=author, post=Post(id="post"),
                                               conversation_kind=ConversationKind.COMMENTS), later=1000)  # fmt: skip
    anna, bernd, cleo = (await everything(session, Conversation))[2:]
    await status.move(session, desk.access, cleo, Status.RESOLVED, now=minutes(30))
    assert [row.id for row in await merging.offered(session, desk.access, anna)] == [bernd.id]
    into = await merging.merge(session, desk.access, bernd, anna.id, now=minutes(31))
    assert into.post_id == anna.post_id
    await desk.logged()
    assert [(wait.conversation_id, wait.outcome) for wait in await everything(session, Wait)][2:4] == [(anna.id, None), (anna.id, None)]
    await desk.stands()
    assert Outcome.MERGED not in {wait.outcome for wait in await everything(session, Wait)}


async def test_two_that_are_merged_into_each_other_at_once_are_merged_once(database: Database):
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        channel, me = await make.channel(workspace), await make.member(workspace)
        await take(session, channel, said("One", number="a1", **MAIL), said("Two", number="b1", thread_id="t2", after=5, **MAIL))
        first, second = await everything(session, Conversation)

    async def go(source: int, target: int) -> bool:
        try:
            async with database.transaction() as session:
                conversation = await session.get_one(Conversation, source)
                await merging.merge(session, rights.of(me), conversation, target, now=minutes(60))
        except (Conflict, Invalid):
            return False
        return True

    done = await asyncio.gather(go(first.id, second.id), go(second.id, first.id), go(first.id, second.id))
    assert sum(done) == 1
    async with database.transaction() as session:
        assert len({message.conversation_id for message in await everything(session, Message)}) == 1
        assert sorted(row.status for row in await everything(session, Conversation)) == [Status.MERGED, Status.OPEN]
        assert sum(wait.closed_at is None for wait in await everything(session, Wait)) == 1


async def test_what_comes_in_while_it_goes_is_in_the_one_that_goes_on(database: Database):
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        channel, me = await make.channel(workspace), await make.member(workspace)
        await take(session, channel, said("One", number="a1", **MAIL), said("Two", number="b1", thread_id="t2", after=5, **MAIL))
        first, second = await everything(session, Conversation)

    async def come(number: int) -> None:
        async with database.transaction() as session:
            here = await session.get_one(Channel, channel.id)
            await take(session, here, said(f"More {number}", number=f"b{number}", thread_id="t2", after=60 + number, **MAIL), later=3601)

    async def go() -> None:
        async with database.transaction() as session:
            await merging.merge(session, rights.of(me), await session.get_one(Conversation, second.id), first.id, now=minutes(60))

    await asyncio.gather(*(come(number) for number in range(2, 8)), go(), *(come(number) for number in range(8, 14)))
    async with database.transaction() as session:
        assert {message.conversation_id for message in await everything(session, Message)} == {first.id}
        assert await waits.rebuild(session, channel.workspace_id, now=minutes(100)) == 0
