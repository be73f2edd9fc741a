"""Ten people under one post: who waits, from when to when, and who is credited. The table was written by hand before the code."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post
from inbox.conversations import receive
from inbox.models import Channel, Conversation, Identity, Message, Metric, Outcome, Wait
from inbox.promptness import waits
from tests.make import MONDAY, Make

LATER = MONDAY + timedelta(hours=2)  # when the last of it has come in
POST = Post(id="post", title="Our new lemonade")


@dataclass(frozen=True)
class Expected:
    """A wait: minutes from Monday 9:00; None where it is still open."""

    name: str
    metric: Metric
    opened: float
    closed: float | None = None
    outcome: Outcome | None = None
    by: str | None = None  # the message that answered
    member: bool = False  # a colleague is credited
    count: int = 1


FIRST, NEXT = Metric.FIRST, Metric.NEXT
ANSWERED, DELETED, HIDDEN = Outcome.ANSWERED, Outcome.DELETED, Outcome.HIDDEN


def event(number: str, name: str, minute: float, text: str, kind: EventKind = EventKind.MESSAGE, **values: object) -> Event:
    author = {"us": Author("us", "Brand", is_self=True), "mira": Author("mira", "Mira", roles=("OWNER",))}.get(name, Author(name, name))
    defaults: dict[str, object] = {"id": f"{kind}-{number}-{minute}", "kind": kind, "message_id": number, "thread_id": "thread"}
    comment = {"post": POST, "conversation_kind": ConversationKind.COMMENTS}
    return Event(**{**defaults, **comment, "at": MONDAY + timedelta(minutes=minute), "author": author, "text": text, **values})  # pyright: ignore


# What happened, by the platform's clock.
HAPPENED = [
    event("a1", "Anna", 0, "Is it vegan?"),  # a root comment: Anna waits
    event("b1", "Bernd", 1, "Where can I buy it?"),
    event("b2", "Bernd", 2, "Anybody?", parent_id="b1"),  # joins his own wait
    event("c1", "Cem", 3, "❤️❤️"),  # nothing is asked
    event("d1", "Dilek", 4, "@emma"),  # tags a friend only
    event("e1", "Emma", 5, "I like the old one better.", parent_id="a1"),  # among customers: nobody of ours is asked
    event("f1", "Finn", 6, "Great stuff"),  # a root comment, changed below
    event("u1", "us", 7, "Yes, all of it is.", parent_id="a1"),  # a native reply: answers Anna, nobody else
    event("g1", "Greta", 8, "My bottle was broken!"),
    event("h1", "Hasan", 9, "Does it contain sugar?"),
    event("a2", "Anna", 10, "Thank you so much!", parent_id="u1"),  # thanks: opens nothing
    event("i1", "Ines", 11, "@brand what about Lübeck?", parent_id="b1", mentions=("us",)),  # names us
    event("u2", "us", 12, "Please write to us.", parent_id="g1", private=True),  # a private reply counts
    event("h1", "Hasan", 13, "", EventKind.DELETE),  # takes the question back
    event("m1", "mira", 14, "At the market, Bernd.", parent_id="b2"),  # a colleague's own account
    event("a3", "Anna", 15, "And the caps too?", parent_id="u1"),  # answers us: Anna waits again
    event("f1", "Finn", 16, "Great stuff, but mine tasted of soap?", EventKind.EDIT),
    event("j1", "Jan", 17, "Buy followers here"),
    event("j1", "Jan", 18, "hide", EventKind.MODERATION),
    event("u3", "us", 19, "The caps too.", parent_id="b1", mentions=("Anna",)),  # flat thread: the name says who is meant
    event("e2", "Emma", 20, "When does the shop open?"),  # still open
    event("d1", "Dilek", 21, "@emma is it sold out?", EventKind.EDIT),  # now she asks: she waits since the edit
]

EXPECTED = [
    Expected("Anna", FIRST, 0, 7, ANSWERED, "u1"),
    Expected("Anna", NEXT, 15, 19, ANSWERED, "u3"),
    Expected("Bernd", FIRST, 1, 14, ANSWERED, "m1", member=True, count=2),
    Expected("Dilek", FIRST, 21),
    Expected("Emma", FIRST, 20),
    Expected("Finn", FIRST, 6),  # he waits since he wrote: any root comment expects an answer
    Expected("Greta", FIRST, 8, 12, ANSWERED, "u2"),
    Expected("Hasan", FIRST, 9, 13, DELETED),
    Expected("Ines", FIRST, 11),
    Expected("Jan", FIRST, 17, 18, HIDDEN),
]


@pytest.fixture
async def channel(make: Make) -> Channel:
    """Mira is a colleague by the channel's staff rule, and has linked her own account."""
    workspace = await make.workspace()
    channel = await make.channel(workspace, staff={"roles": ["OWNER"]})
    mira = await make.member(workspace, name="Mira")
    await make.identity(channel, name="Mira", external_id="mira", member_id=mira.id)
    return channel


async def take(session: AsyncSession, channel: Channel, batches: Sequence[Sequence[Event]]) -> None:
    for number, batch in enumerate(batches):
        await receive.receive(session, channel, Batch(batch), now=LATER + timedelta(seconds=number))


async def found(session: AsyncSession, channel: Channel) -> list[Expected]:
    query = (
        select(Wait, Identity.name, Message.external_id)
        .join(Identity, col(Identity.id) == Wait.identity_id)
        .outerjoin(Message, col(Message.id) == Wait.closed_by)
        .where(col(Wait.channel_id) == channel.id)
        .order_by(col(Identity.name), col(Wait.opened_at))
        .execution_options(populate_existing=True)
    )
    told: list[Expected] = []
    for wait, name, by in (await session.execute(query)).all():
        opened, closed = ((moment - MONDAY).total_seconds() / 60 if moment else None for moment in (wait.opened_at, wait.closed_at))
        assert opened is not None
        told.append(Expected(name, wait.metric, opened, closed, wait.outcome, by, wait.member_id is not None, wait.message_count))
    return told


async def test_each_author_waits_alone_when_everything_comes_one_by_one(session: AsyncSession, channel: Channel):
    await take(session, channel, [[happened] for happened in HAPPENED])
    assert await found(session, channel) == EXPECTED


async def test_the_waits_are_the_same_when_everything_comes_at_once(session: AsyncSession, channel: Channel):
    await take(session, channel, [HAPPENED])
    assert await found(session, channel) == EXPECTED


@pytest.mark.parametrize("seed", range(12))
async def test_the_waits_are_the_same_in_whatever_order_and_batches_everything_comes(session: AsyncSession, channel: Channel, seed: int):
    generator = random.Random(seed)
    shuffled = generator.sample(HAPPENED, len(HAPPENED))
    cuts = sorted(generator.sample(range(1, len(shuffled)), generator.randrange(6)))
    await take(session, channel, [shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)])
    assert await found(session, channel) == EXPECTED


async def test_the_list_row_tells_who_waits(session: AsyncSession, channel: Channel):
    await take(session, channel, [HAPPENED])
    query = select(Conversation).where(col(Conversation.channel_id) == channel.id).execution_options(populate_existing=True)
    (conversation,) = await session.scalars(query)
    assert (conversation.waiting_count, conversation.waiting_since) == (4, MONDAY + timedelta(minutes=6))


async def test_a_rebuild_finds_nothing_to_correct(session: AsyncSession, channel: Channel):
    await take(session, channel, [[happened] for happened in HAPPENED])
    assert await waits.rebuild(session, channel.workspace_id, now=LATER) == 0


async def test_a_rebuild_puts_right_what_is_wrong(session: AsyncSession, channel: Channel):
    await take(session, channel, [HAPPENED])
    for wait in (await session.scalars(select(Wait).where(col(Wait.channel_id) == channel.id))).all():
        await session.delete(wait)
    await session.flush()
    assert await waits.rebuild(session, channel.workspace_id, now=LATER) == len(EXPECTED)
    assert await found(session, channel) == EXPECTED
