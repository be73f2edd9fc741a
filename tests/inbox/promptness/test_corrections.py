"""What a person said about a wait can be taken back, and then it is as if it had not been said."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.conversations import status, waiting
from inbox.db import driver
from inbox.errors import Conflict
from inbox.models import Channel, Conversation, Direction, LogEvent, Message, Outcome, Role, Status, Wait
from inbox.pipelines import pipeline
from inbox.promptness import corrections, waits
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import BERND, channel, everything, said, take
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture


def minutes(number: float) -> datetime:
    return MONDAY + timedelta(minutes=number)


def agent(conversation: Conversation) -> Access:
    return Access(workspace_id=conversation.workspace_id, role=Role.AGENT, actor="member:1")


async def logged(session: AsyncSession) -> None:
    """Write what was recorded, as the end of a transaction does."""
    async with pipeline(await driver(session)) as send:
        events.write(session, send)


async def only(session: AsyncSession) -> tuple[Conversation, Message]:
    (conversation,) = await everything(session, Conversation)
    return conversation, (await everything(session, Message))[0]


async def found(session: AsyncSession) -> list[tuple[str | None, float]]:
    """Outcome and minute of the begin of each wait."""
    rows = await everything(session, Wait)
    for row in rows:
        await session.refresh(row)
    return [(row.outcome and row.outcome.value, (row.opened_at - MONDAY).total_seconds() / 60) for row in rows]


async def test_no_answer_needed_taken_back_lets_the_customer_wait_as_long_as_before(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    await waiting.end(session, agent(conversation), conversation, message, now=minutes(30))
    await logged(session)
    assert await found(session) == [("not_needed", 0)]
    await waiting.take_back(session, agent(conversation), conversation, message, now=minutes(31))
    await logged(session)
    assert await found(session) == [(None, 0)]
    await session.refresh(conversation)
    assert (conversation.waiting_since, conversation.waiting_count) == (MONDAY, 1)


async def test_a_message_that_waits_by_hand_is_counted_once_however_often_it_was_said(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Thanks!"))
    conversation, message = await only(session)
    for minute in (5, 6):
        await waits.open_by_hand(session, message, actor="member:1", now=minutes(minute))
        await logged(session)
    (wait,) = await everything(session, Wait)
    assert (wait.opened_at, wait.message_count) == (MONDAY, 1)
    assert await waits.refold(session, [conversation.id], now=minutes(7)) == 0


async def test_a_rebuild_knows_what_was_taken_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    for minute in (10, 20):
        await waiting.end(session, agent(conversation), conversation, message, now=minutes(minute))
        await logged(session)
        await waiting.take_back(session, agent(conversation), conversation, message, now=minutes(minute + 1))
        await logged(session)
    assert await waits.refold(session, [conversation.id], now=minutes(60)) == 0
    await waiting.end(session, agent(conversation), conversation, message, now=minutes(61))
    await logged(session)
    assert await waits.refold(session, [conversation.id], now=minutes(62)) == 0
    assert await found(session) == [("not_needed", 0)]


async def test_a_wait_opened_by_mistake_leaves_no_trace_in_the_figures(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Thanks!"))
    conversation, message = await only(session)
    assert await found(session) == []
    await waiting.begin(session, agent(conversation), conversation, message, now=minutes(30))
    await logged(session)
    assert await found(session) == [(None, 0)]
    await waiting.take_back(session, agent(conversation), conversation, message, now=minutes(31))
    await logged(session)
    assert await everything(session, Wait) == []
    assert await waits.refold(session, [conversation.id], now=minutes(60)) == 0


async def test_only_what_was_said_last_is_taken_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Thanks!"))
    conversation, message = await only(session)
    for minute, work in ((10, waiting.begin), (20, waiting.end), (30, waiting.begin), (31, waiting.take_back)):
        await work(session, agent(conversation), conversation, message, now=minutes(minute))
        await logged(session)
    assert await found(session) == [("not_needed", 0)]


async def test_taking_back_concerns_one_author_only(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"), said("Me too?", author=BERND, after=60))
    conversation, message = await only(session)
    for one in await everything(session, Message):
        await waiting.end(session, agent(conversation), conversation, one, now=minutes(30))
    await logged(session)
    await waiting.take_back(session, agent(conversation), conversation, message, now=minutes(31))
    assert [row.outcome for row in await everything(session, Wait)] == [None, Outcome.NOT_NEEDED]


@pytest.mark.parametrize("move", [Status.RESOLVED, Status.SPAM])
async def test_a_move_taken_back_lets_everybody_wait_on(session: AsyncSession, channel: Channel, move: Status):
    await take(session, channel, said("Hi?"), said("Me too?", author=BERND, after=60))
    conversation, message = await only(session)
    access = agent(conversation)
    await waiting.end(session, access, conversation, message, now=minutes(20))  # decided apart from the move
    await logged(session)
    await status.move(session, access, conversation, move, now=minutes(30))
    await logged(session)
    await session.refresh(conversation)
    await status.take_back(session, access, conversation, now=minutes(31))
    await logged(session)
    await session.refresh(conversation)
    assert (conversation.status, conversation.waiting_count) == (Status.OPEN, 1)
    assert [row.outcome for row in await everything(session, Wait)] == [Outcome.NOT_NEEDED, None]
    assert await waits.refold(session, [conversation.id], now=minutes(60)) == 0
    await status.take_back(session, access, conversation, now=minutes(61))  # the move back ended nobody's wait
    assert await corrections.take_back(session, conversation, actor=access.actor, now=minutes(62), decided_at=minutes(29)) == 0


async def test_what_is_taken_back_is_not_taken_back_again(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    for minute, work in ((10, waiting.end), (20, waiting.take_back), (30, waiting.take_back)):
        await work(session, agent(conversation), conversation, message, now=minutes(minute))
        await logged(session)
    assert [event.kind for event in await everything(session, LogEvent)].count("wait.corrected") == 1


async def test_nothing_said_is_nothing_taken_back(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    await waiting.take_back(session, agent(conversation), conversation, message, now=minutes(1))
    await waiting.begin(session, agent(conversation), conversation, message, now=minutes(2))  # waits already
    assert await found(session) == [(None, 0)]


async def test_a_message_that_waits_opens_a_resolved_conversation_again(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    await status.move(session, agent(conversation), conversation, Status.RESOLVED, now=minutes(30))
    await logged(session)
    await session.refresh(conversation)
    await waiting.begin(session, agent(conversation), conversation, message, now=minutes(40))
    await session.refresh(conversation)
    assert conversation.status == Status.OPEN
    assert conversation.waiting_count == 1


@pytest.mark.parametrize("values", [{"is_history": True}, {"automatic": True}, {"deleted_at": MONDAY}, {"hidden_at": MONDAY}])
async def test_nobody_waits_behind_what_is_history_automatic_or_gone(session: AsyncSession, channel: Channel, values: dict[str, object]):
    await take(session, channel, said("Hi?"))
    conversation, message = await only(session)
    for name, value in values.items():
        setattr(message, name, value)
    with pytest.raises(Conflict):
        await waiting.begin(session, agent(conversation), conversation, message, now=minutes(1))


async def test_our_own_reply_waits_for_nothing(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?"))
    conversation, _ = await only(session)
    ours = await make.message(conversation, direction=Direction.OUT)
    with pytest.raises(Conflict):
        await waiting.begin(session, agent(conversation), conversation, ours, now=minutes(1))
