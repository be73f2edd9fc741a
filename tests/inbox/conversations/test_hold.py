"""A restored installation waits for a person."""

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.conversations import hold, outbox
from inbox.models import Delivery, Direction, Installation, Message
from tests.make import Make


async def two_replies(session: AsyncSession, make: Make, now: datetime) -> tuple[Message, Message]:
    conversation = await make.conversation(await make.channel(await make.workspace()))
    ours = {"direction": Direction.OUT, "delivery": Delivery.QUEUED, "external_id": None}
    overdue = await make.message(conversation, client_key="a", send_at=now - timedelta(hours=1), **ours)
    other = await make.conversation(await make.channel(await make.workspace()))
    scheduled = await make.message(other, client_key="b", send_at=now + timedelta(hours=1), **ours)
    await session.execute(update(Installation).values(held=True, held_since=now))
    return overdue, scheduled


async def test_what_would_leave_is_listed(session: AsyncSession, make: Make, now: datetime):
    overdue, scheduled = await two_replies(session, make, now)
    assert await hold.since(session) == now
    assert [(one.id, one.overdue) for one in await hold.waiting(session, now=now)] == [(overdue.id, True), (scheduled.id, False)]


async def test_a_reply_that_may_have_been_sent_since_the_backup_is_never_sent_blindly(session: AsyncSession, make: Make, now: datetime):
    overdue, scheduled = await two_replies(session, make, now)
    assert await outbox.claim(session, owner="held", now=now + timedelta(hours=2)) == []
    assert await hold.release(session, send_overdue=False, now=now) == 1
    await session.refresh(overdue)
    await session.refresh(scheduled)
    assert (overdue.delivery, scheduled.delivery) == (Delivery.AMBIGUOUS, Delivery.QUEUED)
    assert [event.kind for event in session.info["events"]] == ["reply.ambiguous"]
    assert await hold.since(session) is None


async def test_somebody_who_knows_that_nothing_was_sent_lets_everything_leave(session: AsyncSession, make: Make, now: datetime):
    overdue, _ = await two_replies(session, make, now)
    assert await hold.release(session, send_overdue=True, now=now) == 0
    assert [message.id for message in await outbox.claim(session, owner="free", now=now)] == [overdue.id]
