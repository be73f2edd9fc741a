"""Group rooms: whose messages are one conversation, and which of them expect an answer."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post, Receipt
from inbox.conversations import erasing, incoming, outbox, outgoing, receive, replies
from inbox.models import Channel, Contact, Conversation, Delivery, Direction, Identity, Message, Role, Status, Thread, Wait
from inbox.secrets import Vault
from inbox.team.rights import Access
from tests.make import MONDAY, Make

HELP = Post("help", title="Help", is_room=True)
CAFE = Post("café", title="Café", is_room=True)


class Says(NamedTuple):
    """One message: who, which, answering what, where."""

    by: str
    name: str
    parent: str | None = None
    thread: str = ""
    room: Post = HELP
    to_us: bool = False


def event(says: Says, number: int) -> Event:
    return Event(
        id=f"e-{says.name}",
        kind=EventKind.MESSAGE,
        message_id=says.name,
        thread_id=says.thread,
        at=MONDAY + timedelta(minutes=number),
        author=Author(says.by, says.by.title(), is_self=says.by == "us"),
        text=f"This is {says.name}",
        parent_id=says.parent,
        post=says.room,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=("us",) if says.to_us else (),
    )


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace(undo_seconds=0), account_id="us")


async def take(session: AsyncSession, channel: Channel, *said: Says, after: int = 0, **values: Any) -> None:
    happened = [event(says, after + number) for number, says in enumerate(said)]
    await receive.receive(session, channel, Batch(happened), now=MONDAY + timedelta(hours=2), **values)
    session.expunge_all()


async def conversations(session: AsyncSession) -> list[set[str]]:
    """The messages of each conversation, the oldest conversation first."""
    rows = await session.execute(select(Message.conversation_id, Message.external_id).order_by(col(Message.conversation_id)))
    found: dict[int, set[str]] = {}
    for number, name in rows:
        found.setdefault(number, set()).add(name or "")
    return sorted(found.values(), key=sorted)


async def move(session: AsyncSession, status: Status) -> None:
    """All conversations there are by now."""
    await session.execute(update(Conversation).values(status=status, resolved_at=MONDAY if status == Status.RESOLVED else None))


PLACES = [
    ([Says("anna", "a1"), Says("anna", "a2")], [{"a1", "a2"}]),  # one author
    ([Says("anna", "a1"), Says("bernd", "b1"), Says("anna", "a2")], [{"a1", "a2"}, {"b1"}]),  # two who talk past each other
    ([Says("anna", "a1"), Says("bernd", "b1", "a1"), Says("anna", "a2")], [{"a1", "a2", "b1"}]),  # one answers the other
    ([Says("anna", "a1"), Says("bernd", "b1", "a1"), Says("bernd", "b2")], [{"a1", "b1"}, {"b2"}]),  # and then asks something else
    ([Says("bernd", "b1"), Says("anna", "a1"), Says("bernd", "b2", "a1"), Says("bernd", "b3")], [{"a1", "b2"}, {"b1", "b3"}]),
    ([Says("anna", "a1"), Says("bernd", "b1", "a1"), Says("carla", "c1", "b1")], [{"a1", "b1", "c1"}]),  # a chain of answers
    ([Says("anna", "a1"), Says("anna", "a2", room=CAFE)], [{"a1"}, {"a2"}]),  # another room
    ([Says("anna", "a1"), Says("bernd", "b1", thread="t")], [{"a1"}, {"b1"}]),  # a thread of its own
    ([Says("bernd", "b1", thread="t"), Says("anna", "a1", thread="t")], [{"a1", "b1"}]),
    ([Says("anna", "a1"), Says("bernd", "b1", "a1", thread="t"), Says("carla", "c1", thread="t")], [{"a1", "b1", "c1"}]),  # begun at a1
    ([Says("anna", "a1"), Says("us", "u1", "a1"), Says("bernd", "b1"), Says("us", "u2", "b1")], [{"a1", "u1"}, {"b1", "u2"}]),
    ([Says("us", "u1"), Says("anna", "a1", "u1")], [{"a1", "u1"}]),  # what we begin and somebody answers
    ([Says("bernd", "b1", "gone"), Says("bernd", "b2")], [{"b1", "b2"}]),  # an answer to what nobody knows
]


@pytest.mark.parametrize(("said", "expected"), PLACES)
@pytest.mark.parametrize("together", [True, False])
async def test_in_a_room_an_author_has_one_conversation_and_answers_join_what_they_answer(
    session: AsyncSession, channel: Channel, said: list[Says], expected: list[set[str]], together: bool
):
    for number, part in enumerate([said] if together else [[one] for one in said]):
        await take(session, channel, *part, after=number)
    assert await conversations(session) == expected


async def test_threads_that_answer_each_other_within_a_batch_are_one_conversation(session: AsyncSession, channel: Channel):
    first, second = Says("anna", "a1", thread="t1"), Says("bernd", "b1", thread="t2")
    crossing = [first, second, Says("carla", "c1", "b1", "t1"), Says("dora", "d1", "a1", "t2")]
    await take(session, channel, *crossing)
    assert await conversations(session) == [{"a1", "b1", "c1", "d1"}]


async def test_a_thread_that_flows_into_one_that_flows_on_ends_where_that_does(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("eva", "e1"))
    said = [
        Says("dora", "d1", "e1", "t2"),
        Says("carla", "c1", thread="t2"),
        Says("anna", "a1", "c1", "t1"),
        Says("bernd", "b1", thread="t1"),
    ]
    await take(session, channel, *said, after=5)
    assert await conversations(session) == [{"a1", "b1", "c1", "d1", "e1"}]


@pytest.mark.parametrize("seed", range(5))
async def test_the_order_within_a_batch_makes_no_difference(session: AsyncSession, channel: Channel, seed: int):
    said = [Says("anna", "a1"), Says("bernd", "b1", "a1"), Says("bernd", "b2"), Says("carla", "c1", "b2"), Says("anna", "a2")]
    happened = [event(says, number) for number, says in enumerate(said)]
    random.Random(seed).shuffle(happened)
    await receive.receive(session, channel, Batch(happened), now=MONDAY + timedelta(hours=2))
    assert await conversations(session) == [{"a1", "a2", "b1"}, {"b2", "c1"}]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.OPEN, [{"a1", "a2", "a3"}]),
        (Status.PENDING, [{"a1", "a2", "a3"}]),
        (Status.SNOOZED, [{"a1", "a2", "a3"}]),
        (Status.RESOLVED, [{"a1"}, {"a2", "a3"}]),  # what comes then is about something else
        (Status.SPAM, [{"a1"}, {"a2", "a3"}]),
    ],
)
@pytest.mark.parametrize("together", [True, False])
async def test_what_an_author_says_after_a_conversation_is_over_begins_another_one(
    session: AsyncSession, channel: Channel, status: Status, expected: list[set[str]], together: bool
):
    await take(session, channel, Says("anna", "a1"))
    await move(session, status)
    later = [Says("anna", "a2"), Says("anna", "a3")]
    for number, part in enumerate([later] if together else [[one] for one in later]):
        await take(session, channel, *part, after=10 + number)
    assert await conversations(session) == expected


async def test_an_answer_to_a_resolved_conversation_goes_there_and_the_next_message_does_not(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1"), Says("us", "u1", "a1"))
    await move(session, Status.RESOLVED)
    await take(session, channel, Says("anna", "a2", "u1"), Says("bernd", "b1"), after=10)
    assert await conversations(session) == [{"a1", "a2", "u1"}, {"b1"}]
    statuses = list(await session.scalars(select(col(Conversation.status))))
    assert statuses == [Status.OPEN, Status.OPEN]


async def test_the_same_messages_again_change_nothing_though_the_conversation_is_over(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1"))
    await move(session, Status.RESOLVED)
    await take(session, channel, Says("anna", "a1"))
    assert await conversations(session) == [{"a1"}]


@pytest.mark.parametrize(
    ("settings", "said", "waiting"),
    [
        ({}, [Says("anna", "a1")], 0),  # people talk to each other
        ({}, [Says("anna", "a1", thread="t")], 0),  # in threads too
        ({}, [Says("anna", "a1", to_us=True)], 1),
        ({}, [Says("us", "u1"), Says("anna", "a1", "u1")], 1),  # an answer to us
        ({}, [Says("anna", "a1"), Says("bernd", "b1", "a1")], 0),
        ({"rooms": "every"}, [Says("anna", "a1"), Says("bernd", "b1")], 2),
        ({"rooms": "nothing"}, [Says("anna", "a1", to_us=True)], 0),
        ({"comments": "every"}, [Says("anna", "a1")], 0),  # that is about comments under posts
        ({"help": ["help"]}, [Says("anna", "a1"), Says("anna", "a2", room=CAFE)], 1),
        ({"help": ["t"]}, [Says("anna", "a1", thread="t"), Says("anna", "a2")], 1),
    ],
)
async def test_rooms_expect_an_answer_only_where_we_are_spoken_to_or_help_is_asked(
    session: AsyncSession, channel: Channel, settings: dict[str, Any], said: list[Says], waiting: int
):
    await session.execute(update(Channel).values(expects_answer=settings))
    await session.refresh(channel)
    await take(session, channel, *said)
    assert len(list(await session.scalars(select(Wait).where(col(Wait.closed_at).is_(None))))) == waiting


async def test_a_message_that_is_edited_to_name_us_not_by_a_mention_still_expects_nothing(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1"))
    edit = Event("e2", EventKind.EDIT, "a1", "", MONDAY + timedelta(minutes=5), Author("anna", "Anna"), "This is new")
    await receive.receive(session, channel, Batch([edit]), now=MONDAY + timedelta(hours=2))
    stored = await session.scalar(select(Message).execution_options(populate_existing=True))
    assert stored is not None
    assert (stored.body, stored.expects_since) == ("This is new", None)


async def test_our_answer_goes_to_the_room_under_the_message_answered(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1", to_us=True), Says("bernd", "b1", "a1", thread="t"))
    message = await answer(session, None)
    assert outgoing_facts(await outgoing.draft(session, message)) == ("t", "b1", "help", "bernd")
    first = await session.scalar(select(Message).where(col(Message.external_id) == "a1"))
    assert first is not None
    message = await answer(session, first.id)
    assert outgoing_facts(await outgoing.draft(session, message)) == ("", "a1", "help", "anna")


async def test_without_a_message_to_answer_our_own_goes_to_the_room(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1"))
    await session.execute(update(Message).values(deleted_at=MONDAY))
    assert outgoing_facts(await outgoing.draft(session, await answer(session, None)))[:3] == ("", None, "help")


async def test_the_echo_of_our_answer_is_known_by_what_it_answers_before_the_receipt_comes(session: AsyncSession, channel: Channel):
    await take(session, channel, Says("anna", "a1", to_us=True), Says("bernd", "b1", to_us=True))
    first = await session.scalar(select(Message).where(col(Message.external_id) == "a1"))
    assert first is not None
    queued = await answer(session, first.id, body="This is u1")
    (claimed,) = await outbox.claim(session, owner="one", now=MONDAY + timedelta(minutes=4))
    session.expunge(claimed)
    await take(session, channel, Says("us", "u1", "a1"), after=5)
    await outbox.mark_sent(session, claimed, Receipt("u1", MONDAY + timedelta(minutes=5)), MONDAY + timedelta(minutes=5))
    ours = list(await session.scalars(select(Message).where(col(Message.direction) == Direction.OUT)))
    assert [(message.id, message.delivery, message.external_id) for message in ours] == [(queued.id, Delivery.SENT, "u1")]
    assert len(list(await session.scalars(select(Wait).where(col(Wait.closed_at).is_(None))))) == 1  # Bernd's


async def answer(session: AsyncSession, parent_id: int | None, body: str = "Yes") -> Message:
    conversation = await session.scalar(select(Conversation).order_by(col(Conversation.id)).limit(1))
    assert conversation is not None
    when = MONDAY + timedelta(minutes=3)
    return await replies.queue(session, conversation, None, body=body, client_key=f"key-{parent_id}", now=when, parent_id=parent_id)


def outgoing_facts(draft: outgoing.Draft) -> tuple[str, str | None, str | None, str | None]:
    reply = draft.reply
    return reply.thread_id, reply.parent_id, reply.post_id, reply.recipient


async def test_who_is_erased_is_not_named_by_what_held_their_words_together_either(session: AsyncSession, channel: Channel, tmp_path: Path):
    await take(session, channel, Says("anna", "a1"), Says("bernd", "b1", "a1"), Says("bernd", "b2"))
    anna = await session.scalar(select(Identity).where(col(Identity.external_id) == "anna"))
    assert anna is not None
    contact = await session.get_one(Contact, anna.contact_id)
    access = Access(channel.workspace_id, Role.ADMIN, "system")
    await erasing.erase(session, Vault("test"), tmp_path, access, contact, now=MONDAY + timedelta(hours=3))
    names = list(await session.scalars(select(col(Thread.external_id))))
    assert [name.replace(incoming.IN_ROOM, "/") for name in names] == ["/help/bernd"]
