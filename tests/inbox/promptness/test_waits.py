"""What the other rooms do to waits: answers from here, and decisions of people."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.models import Channel, Conversation, Delivery, Direction, Message, Metric, Outcome, Wait
from inbox.promptness import waits
from tests.inbox.conversations.test_receive import BERND, channel, everything, said, take
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture

COMMENT = {"conversation_kind": ConversationKind.COMMENTS}


def minutes(number: float) -> datetime:
    return MONDAY + timedelta(minutes=number)


async def reply(session: AsyncSession, make: Make, at: datetime, **values: Any) -> Message:
    (conversation,) = await everything(session, Conversation)
    ours = {"direction": Direction.OUT, "delivery": Delivery.SENT, "at": at, "send_at": at, "received_at": at}
    return await make.message(conversation, **{**ours, **values})


async def found(session: AsyncSession) -> list[tuple[str | None, float | None]]:
    """Outcome and minute of the end of each wait."""
    return [
        (wait.outcome and wait.outcome.value, wait.closed_at and (wait.closed_at - MONDAY).total_seconds() / 60)
        for wait in await everything(session, Wait)
    ]


async def test_a_reply_ends_the_wait_at_the_time_the_platform_took_it_and_credits_who_wrote_it(
    session: AsyncSession, channel: Channel, make: Make
):
    await take(session, channel, said("Hi?"))
    message = await reply(session, make, minutes(3), member_id=None)
    await waits.answered(session, message, at=minutes(2.5), now=minutes(4))
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.closed_at, wait.closed_by) == (Outcome.ANSWERED, minutes(2.5), message.id)
    (conversation,) = await everything(session, Conversation)
    assert (conversation.waiting_since, conversation.waiting_count) == (None, 0)


async def test_a_message_written_while_a_reply_was_on_its_way_goes_on_waiting(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?"))
    message = await reply(session, make, minutes(3))
    await take(session, channel, said("And another thing", after=240), later=300)
    await waits.answered(session, message, at=minutes(3), now=minutes(5))
    assert await found(session) == [("answered", 3), (None, None)]
    assert [wait.metric for wait in await everything(session, Wait)] == [Metric.FIRST, Metric.NEXT]


@pytest.mark.parametrize("crosses", [True, False])
async def test_what_nobody_could_read_before_the_reply_was_written_goes_on_waiting(
    session: AsyncSession, channel: Channel, make: Make, crosses: bool
):
    """The reply is written at minute 3 and accepted at minute 5; the second question is asked at minute 4."""
    await take(session, channel, said("Hi?"))
    message = await reply(session, make, minutes(3))
    second = said("And another thing", after=240)
    if not crosses:
        await take(session, channel, second, later=245)
    await waits.answered(session, message, at=minutes(5), now=minutes(5))
    if crosses:
        await take(session, channel, second, later=400)
    assert await found(session) == [("answered", 5), (None, None)]
    first, waiting = await everything(session, Wait)
    assert (first.message_count, waiting.opened_at, waiting.metric) == (1, minutes(4), Metric.NEXT)
    (conversation,) = await everything(session, Conversation)
    assert (conversation.waiting_since, conversation.waiting_count) == (minutes(4), 1)
    assert await waits.rebuild(session, conversation.workspace_id, now=minutes(9)) == 0


async def test_what_was_there_when_the_reply_was_written_is_answered_by_it(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?"))
    await take(session, channel, said("And another thing", after=120), later=130)
    message = await reply(session, make, minutes(3))
    await waits.answered(session, message, at=minutes(5), now=minutes(5))
    assert await found(session) == [("answered", 5)]


async def test_a_colleague_who_answers_in_the_platforms_own_app_has_read_what_stood_there(
    session: AsyncSession, channel: Channel, make: Make
):
    await take(session, channel, said("Hi?"), said("And another thing", after=120), later=200)
    message = await reply(session, make, minutes(3), native=True, received_at=minutes(1))
    await waits.answered(session, message, at=minutes(3), now=minutes(4))
    assert await found(session) == [("answered", 3)]


@pytest.mark.parametrize("everybody", [True, False])
async def test_a_reply_to_one_never_hides_another_unless_it_is_for_all(
    session: AsyncSession, channel: Channel, make: Make, everybody: bool
):
    await take(session, channel, said("Is it?", number="a", **COMMENT), said("Was it?", number="b", author=BERND, after=1, **COMMENT))
    first, _ = await everything(session, Message)
    message = await reply(session, make, minutes(3), parent_id=first.id, answers_all=everybody)
    await waits.answered(session, message, at=minutes(3), now=minutes(3))
    assert await found(session) == [("answered", 3), ("answered", 3) if everybody else (None, None)]


async def test_an_automatic_reply_answers_nobody(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?"))
    message = await reply(session, make, minutes(3), automatic=True)
    await waits.answered(session, message, at=minutes(3), now=minutes(3))
    assert await found(session) == [(None, None)]


async def test_a_person_ends_waits_without_an_answer_and_a_rebuild_agrees(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="a", **COMMENT), said("Hm?", number="b", author=BERND, after=1, **COMMENT))
    (conversation,) = await everything(session, Conversation)
    anna = (await everything(session, Wait))[0].identity_id
    assert await waits.close(session, conversation, Outcome.NOT_NEEDED, actor="member:1", now=minutes(5), identity_id=anna) == 1
    assert await found(session) == [("not_needed", 5), (None, None)]
    assert await waits.close(session, conversation, Outcome.SPAM, actor="member:1", now=minutes(6)) == 1
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(7)) == 0
    assert await found(session) == [("not_needed", 5), ("spam", 6)]


async def test_a_person_opens_a_wait_where_none_was_expected(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Thanks!"))
    (message,) = await everything(session, Message)
    await waits.open_by_hand(session, message, actor="member:1", now=minutes(9))
    (wait,) = await everything(session, Wait)
    assert (wait.opened_at, wait.by_hand, wait.closed_at) == (MONDAY, True, None)
    await waits.answered(session, await reply(session, make, minutes(10)), at=minutes(10), now=minutes(10))
    await waits.open_by_hand(session, message, actor="member:1", now=minutes(11))
    assert [wait.opened_at for wait in await everything(session, Wait)] == [MONDAY, minutes(11)]
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(12)) == 0
