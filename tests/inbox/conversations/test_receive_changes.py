"""The way in: what happens to messages after they were written, and replies of ours that come back."""

import random
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Author, ConversationKind, Envelope, Event, EventKind
from inbox.conversations import status
from inbox.models import Channel, Conversation, Delivery, Direction, Message, Outcome, Reaction, Role, Status, Wait, Workspace
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import ANNA, BERND, US, channel, everything, said, take
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture


def changed(kind: EventKind, message: str = "m1", text: str = "", *, after: float = 30, **values: Any) -> Event:
    return said(text, kind=kind, number=f"{kind}-{message}-{after}", message_id=message, after=after, **values)


async def told(session: AsyncSession) -> tuple[Message, Conversation]:
    (message,), (conversation,) = await everything(session, Message), await everything(session, Conversation)
    return message, conversation


def kinds(session: AsyncSession) -> list[str]:
    return [event.kind for event in events.recorded(session)]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_edits_count_by_the_platforms_time_in_whatever_order_they_come(
    session: AsyncSession, channel: Channel, order: tuple[int, ...], together: bool
):
    happened = [
        said("first", number="m1"),
        changed(EventKind.EDIT, text="second", after=10),
        changed(EventKind.EDIT, text="third", after=20),
    ]
    shuffled = [happened[number] for number in order]
    for batch in [shuffled] if together else [[event] for event in shuffled]:
        await take(session, channel, *batch)
    message, conversation = await told(session)
    assert (message.body, message.edited_at, conversation.snippet) == ("third", MONDAY + timedelta(seconds=20), "third")


@pytest.mark.parametrize("first", [True, False])
async def test_a_deleted_message_is_hidden_at_once_and_its_author_waits_no_longer(session: AsyncSession, channel: Channel, first: bool):
    happened = [said("Oh no", number="m1"), changed(EventKind.DELETE, after=40)]
    for event in reversed(happened) if first else happened:
        await take(session, channel, event)
    message, conversation = await told(session)
    (wait,) = await everything(session, Wait)
    assert (message.body, message.deleted_at) == ("Oh no", MONDAY + timedelta(seconds=40))
    assert (conversation.snippet, conversation.waiting_count) == ("", 0)
    assert (wait.outcome, wait.closed_at) == (Outcome.DELETED, MONDAY + timedelta(seconds=40))


async def test_a_deletion_of_what_nobody_saw_is_accepted(session: AsyncSession, channel: Channel):
    await take(session, channel, changed(EventKind.DELETE))
    assert not await everything(session, Message)
    assert not await everything(session, Conversation)


async def test_a_deleted_first_question_leaves_the_second_waiting(session: AsyncSession, channel: Channel):
    await take(session, channel, said("One?", number="m1"), said("Two?", number="m2", after=5))
    await take(session, channel, changed(EventKind.DELETE))
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.message_count) == (None, 2)


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("hide", Outcome.HIDDEN), ("spam", Outcome.SPAM)],
)
async def test_a_moderator_ends_a_wait_and_unhiding_brings_it_back(session: AsyncSession, channel: Channel, what: str, outcome: Outcome):
    await take(session, channel, said("Hm?", number="m1"))
    await take(session, channel, changed(EventKind.MODERATION, text=what, author=None))
    (wait,) = await everything(session, Wait)
    assert wait.outcome == outcome
    await take(session, channel, changed(EventKind.MODERATION, text="unhide", author=None, after=35))
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.opened_at) == (None, MONDAY)
    assert [kind for kind in kinds(session) if kind != "conversation.moved"][-4:] == [
        "message.hidden",
        "wait.closed",
        "message.hidden",
        "wait.opened",
    ]


@pytest.mark.parametrize("together", [True, False])
async def test_a_conversation_that_is_nothing_but_spam_goes_to_spam_and_comes_back(session: AsyncSession, channel: Channel, together: bool):
    happened = [said("Buy coins", number="m1"), changed(EventKind.MODERATION, text="spam", author=None)]
    for batch in [happened] if together else [[event] for event in happened]:
        await take(session, channel, *batch)
    _, conversation = await told(session)
    assert (conversation.status, conversation.waiting_count) == (Status.SPAM, 0)
    moved = [event for event in events.recorded(session) if event.kind == "conversation.moved"]
    assert [(event.data["before"], event.data["status"], event.actor) for event in moved] == [("open", "spam", f"channel:{channel.id}")]
    await take(session, channel, changed(EventKind.MODERATION, text="unhide", author=None, after=35))
    assert (await told(session))[1].status == Status.OPEN


async def test_spam_beside_what_somebody_else_said_leaves_the_conversation_where_it_is(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hm?", number="m1"), said("Buy coins", number="m2", author=BERND, parent_id="m1", after=5))
    await take(session, channel, changed(EventKind.MODERATION, "m2", "spam", author=None))
    (conversation,) = await everything(session, Conversation)
    assert (conversation.status, conversation.waiting_count) == (Status.OPEN, 1)


async def test_what_a_person_called_spam_stays_there_whatever_the_platform_shows(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Buy coins", number="m1"))
    await take(session, channel, changed(EventKind.MODERATION, text="hide", author=None))
    _, conversation = await told(session)
    assert conversation.status == Status.OPEN
    await status.move(
        session,
        Access(workspace_id=channel.workspace_id, role=Role.ADMIN, actor="member:1", member_id=1),
        conversation,
        Status.SPAM,
        now=MONDAY + timedelta(seconds=32),
    )
    await take(session, channel, changed(EventKind.MODERATION, text="unhide", author=None, after=35))
    assert (await told(session))[1].status == Status.SPAM


async def test_reactions_are_one_for_each_person_in_whatever_order_they_come(session: AsyncSession, channel: Channel):
    happened = [
        said(number="m1"),
        changed(EventKind.REACTION, text="👍", after=10, author=BERND),
        changed(EventKind.REACTION, text="❤️", after=11, author=BERND),
        changed(EventKind.REACTION, text="🎉", after=12, author=ANNA),
        changed(EventKind.REACTION, text="", after=13, author=ANNA),
    ]
    for seed in range(8):
        shuffled = random.Random(seed).sample(happened, len(happened))
        async with session.begin_nested() as savepoint:
            for event in shuffled:
                await take(session, channel, event)
            assert [reaction.emoji for reaction in await everything(session, Reaction)] == ["❤️"]
            await savepoint.rollback()


async def test_seen_and_delivered_show_at_our_messages_only(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="m1"), said("Yes.", number="m2", author=US, after=5))
    await take(session, channel, changed(EventKind.DELIVERY, "m2", "delivered"), changed(EventKind.READ, "", after=31))
    theirs, ours = await everything(session, Message)
    assert (theirs.seen_at, theirs.delivered_at) == (None, None)
    assert (ours.delivered_at, ours.seen_at) == (MONDAY + timedelta(seconds=30), MONDAY + timedelta(seconds=31))
    assert kinds(session)[-2:] == ["reply.delivered", "message.seen"]


async def test_a_reply_that_did_not_arrive_answers_nobody(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="m1"), said("Yes.", number="m2", author=US, after=5))
    await take(session, channel, changed(EventKind.DELIVERY, "m2", "550 no such mailbox"))
    _, ours = await everything(session, Message)
    (wait,) = await everything(session, Wait)
    assert (ours.delivery, ours.error, wait.outcome) == (Delivery.FAILED, "550 no such mailbox", None)
    assert "reply.failed" in kinds(session)


async def test_a_native_reply_is_adopted_and_ends_the_wait(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?", number="m1"))
    await take(session, channel, said("Hello Anna", number="m2", author=US, after=20))
    _, ours = await everything(session, Message)
    (wait,) = await everything(session, Wait)
    assert (ours.direction, ours.native, ours.delivery) == (Direction.OUT, True, Delivery.SENT)
    assert (wait.outcome, wait.closed_by, wait.closed_at) == (Outcome.ANSWERED, ours.id, MONDAY + timedelta(seconds=20))
    assert (wait.native, wait.member_id) == (True, None)


async def test_a_colleagues_own_account_answers_and_is_credited(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?", number="m1"))
    member = await make.member(await session.get_one(Workspace, channel.workspace_id))
    await make.identity(channel, external_id="mira", name="Mira", member_id=member.id)
    await take(session, channel, said("Yes.", number="m2", author=Author("mira", "Mira"), after=20))
    (wait,) = await everything(session, Wait)
    assert (wait.outcome, wait.member_id) == (Outcome.ANSWERED, member.id)


async def reply(session: AsyncSession, make: Make, delivery: Delivery, **values: Any) -> Message:
    """A reply on its way to Anna."""
    (conversation,) = await everything(session, Conversation)
    at = MONDAY + timedelta(seconds=10)
    ours = {"direction": Direction.OUT, "external_id": None, "delivery": delivery, "body": "Here you are.\nBye", "at": at, "send_at": at}
    return await make.message(conversation, **{**ours, "received_at": at, "client_key": "key-1", "thread_external_id": "t1", **values})


@pytest.mark.parametrize("delivery", [Delivery.SENDING, Delivery.AMBIGUOUS, Delivery.FAILED])
@pytest.mark.parametrize("key", ["key-1", None])
async def test_an_echo_that_comes_before_the_receipt_settles_the_reply(
    session: AsyncSession, channel: Channel, make: Make, delivery: Delivery, key: str | None
):
    if key is None and delivery == Delivery.FAILED:
        return  # by its words alone only what may be on its way is recognised
    await take(session, channel, said("Hi?", number="m1"))
    ours = await reply(session, make, delivery)
    await take(
        session, channel, said("Here  you are. Bye", number="m9", author=US, after=12, client_key=key, permalink="https://x.example/9")
    )
    _, stored = await everything(session, Message)
    (wait,) = await everything(session, Wait)
    assert (stored.id, stored.external_id, stored.delivery) == (ours.id, "m9", Delivery.SENT)
    assert (stored.at, stored.permalink, stored.native) == (MONDAY + timedelta(seconds=12), "https://x.example/9", False)
    assert (wait.outcome, wait.closed_by, wait.closed_at) == (Outcome.ANSWERED, ours.id, MONDAY + timedelta(seconds=12))
    assert "reply.sent" in kinds(session)


async def test_an_echo_after_the_receipt_is_the_same_message(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?", number="m1"))
    await reply(session, make, Delivery.SENT, external_id="m9")
    before = kinds(session)
    received = await take(session, channel, said("Here you are.", number="m9", author=US, after=12))
    assert (received.messages, received.duplicates) == ([], 1)
    assert kinds(session) == before


async def test_other_words_in_the_same_thread_are_another_message(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?", number="m1"))
    await reply(session, make, Delivery.SENDING)
    await take(session, channel, said("I am on my phone", number="m9", author=US, after=12))
    assert [message.native for message in await everything(session, Message)] == [False, False, True]


async def test_send_and_close_closes_when_the_echo_is_the_first_to_tell(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?", number="m1"))
    await reply(session, make, Delivery.SENDING, then_resolve=True)
    await take(session, channel, said("x", number="m9", author=US, after=12, client_key="key-1"))
    (conversation,) = await everything(session, Conversation)
    assert conversation.status == Status.RESOLVED


async def test_a_visitors_client_key_cannot_stand_in_for_a_reply(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said("Hi?", number="m1"))
    ours = await reply(session, make, Delivery.SENDING)
    await take(session, channel, said("I know your key", number="m2", after=12, client_key="key-1"))
    found = {message.id: message for message in await everything(session, Message)}
    assert len(found) == 3
    assert found[ours.id].delivery == Delivery.SENDING


async def test_automatic_mail_opens_no_wait_and_closes_none(session: AsyncSession, channel: Channel):
    letter = {"conversation_kind": ConversationKind.EMAIL, "envelope": Envelope(automatic=True)}
    await take(session, channel, said("Out of office", number="m1", **letter))
    assert not await everything(session, Wait)
    await take(session, channel, said("A question", number="m2", after=1), said("We got it", number="m3", author=US, after=2, **letter))
    (wait,) = await everything(session, Wait)
    assert wait.outcome is None
