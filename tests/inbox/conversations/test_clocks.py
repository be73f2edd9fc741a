"""Platforms whose clocks are wrong: what they say is kept and shown, and never makes a wait negative or absurd."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind, EventKind, Receipt
from inbox.conversations import outbox, replies
from inbox.models import Channel, ChannelState, Conversation, Message, Wait
from inbox.promptness import waits
from tests.inbox.conversations.test_receive import US, everything, said, take
from tests.inbox.promptness.test_corrections import logged
from tests.make import MONDAY, Make

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace(), state=ChannelState.HEALTHY)


def minutes(number: float) -> datetime:
    return MONDAY + timedelta(minutes=number)


async def seen(session: AsyncSession) -> list[tuple[float, datetime | None]]:
    """Minute of each message, and what the platform's clock said where that cannot be."""
    return [((row.at - MONDAY).total_seconds() / 60, row.told_at) for row in await everything(session, Message)]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (MONDAY + timedelta(days=400), True),
        (minutes(7), True),
        (minutes(5), False),  # four minutes ahead of ours: nobody's concern
        (EPOCH, True),
        (datetime(1904, 1, 1, tzinfo=UTC), True),
    ],
)
async def test_a_time_that_cannot_be_counts_as_when_it_came_and_is_kept(
    session: AsyncSession, channel: Channel, told: datetime, kept: bool
):
    await take(session, channel, said("Hi?", at=told), later=60)
    assert await seen(session) == [(1, told if kept else None)]
    (wait,) = await everything(session, Wait)
    assert (wait.opened_at, wait.closed_at) == (minutes(1), None)
    (row,) = await everything(session, Channel)
    assert row.lag_seconds == 0
    await logged(session)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(3)) == 0


@pytest.mark.parametrize("values", [{"late": True}, {"fence": 0}])
async def test_what_is_fetched_afterwards_or_comes_with_a_first_sync_stays_history_however_old(
    session: AsyncSession, channel: Channel, values: dict[str, Any]
):
    channel.connected_at = MONDAY - timedelta(hours=1)
    await session.flush()
    await take(session, channel, said("Hi?", at=EPOCH), **values)
    (message,) = await everything(session, Message)
    assert (message.is_history, message.at.year, message.told_at) == (True, 1990, EPOCH)
    assert await everything(session, Wait) == []


async def test_the_stream_of_a_channel_that_was_connected_long_ago_brings_news(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", at=EPOCH), fence=0)
    assert await seen(session) == [(1, EPOCH)]


async def test_an_edit_from_a_wrong_clock_is_an_edit_of_now(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Thanks!", number="a"))
    await take(session, channel, said("Where is it?", number="b", message_id="a", kind=EventKind.EDIT, at=EPOCH), later=120)
    (message,), (wait,) = await everything(session, Message), await everything(session, Wait)
    assert (message.body, message.edited_at, wait.opened_at) == ("Where is it?", minutes(2), minutes(2))


async def test_a_native_answer_that_says_it_is_older_than_the_question_answers_it(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="a"))
    for number, seconds in (("b", -2), ("c", -3600)):
        await take(session, channel, said("Here", author=US, number=number, after=seconds, parent_id="a"), later=120)
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.closed_at) == ("answered", MONDAY)
    assert await seen(session) == [(0, None), (0, None), (0, minutes(-60))]


@pytest.mark.parametrize(
    ("accepted", "closed", "told"),
    [
        (minutes(4), 4, False),
        (minutes(-30), 5, True),  # before the question
        (minutes(600), 5, True),
        (EPOCH, 5, True),
        (minutes(5.5), 5, False),
    ],
)
async def test_a_receipt_that_cannot_be_counts_as_when_it_came(
    session: AsyncSession, channel: Channel, accepted: datetime, closed: float, told: bool
):
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    await replies.queue(session, conversation, None, body="Here", client_key="k", now=minutes(3))
    (claimed,) = await outbox.claim(session, owner="one", now=minutes(4))
    await outbox.mark_sent(session, claimed, Receipt("r", accepted), minutes(5))
    await logged(session)
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.closed_at) == ("answered", minutes(closed))
    assert (await seen(session))[-1] == (closed, accepted if told else None)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(9)) == 0


async def test_an_echo_that_says_it_is_older_than_the_question_ends_its_wait(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    await replies.queue(session, conversation, None, body="Here", client_key="k", now=minutes(3))
    await outbox.claim(session, owner="one", now=minutes(4))
    await take(session, channel, said("Here", author=US, number="r", client_key="k", after=-600), later=250)
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.closed_at) == ("answered", MONDAY)


async def test_each_conversation_of_one_contact_has_waits_of_its_own(session: AsyncSession, channel: Channel):
    """Two mails about two things, and a comment: an answer to one answers that one."""
    mail: dict[str, Any] = {"conversation_kind": ConversationKind.EMAIL}
    await take(session, channel, said("Hi?", number="a", thread_id="one", **mail), said("And?", number="b", thread_id="two", **mail))
    await take(session, channel, said("Is it?", number="c", thread_id="three", conversation_kind=ConversationKind.COMMENTS))
    await take(session, channel, said("Here", author=US, number="d", thread_id="two", after=90, **mail), later=120)
    found = {row.conversation_id: (row.metric.value, row.outcome and row.outcome.value) for row in await everything(session, Wait)}
    assert sorted(found.values(), key=str) == [("first", "answered"), ("first", None), ("first", None)]
    assert len({row.identity_id for row in await everything(session, Wait)}) == 1


async def test_a_question_that_comes_late_keeps_a_wait_open_whose_only_message_was_deleted_since(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="a"))
    gone = said("", number="gone", message_id="a", kind=EventKind.DELETE, after=600)
    await take(session, channel, gone, later=601)
    assert [wait.outcome for wait in await everything(session, Wait)] == ["deleted"]
    await take(session, channel, said("And?", number="b", after=300), later=660)
    (wait,) = await everything(session, Wait)
    assert (wait.opened_at, wait.closed_at, wait.message_count) == (MONDAY, None, 2)
    await logged(session)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(15)) == 0
