"""Messages that are another matter: what goes along, who waits, and how it comes together again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import ConversationKind, Envelope, EventKind, Post, Receipt
from inbox.conversations import assignment, labels, merging, outbox, outgoing, replies, splitting, status, waiting
from inbox.db import Database
from inbox.errors import Conflict, Forbidden, Invalid
from inbox.events import recorded
from inbox.models import (
    Attachment,
    Channel,
    Conversation,
    ConversationLabel,
    Delivery,
    Label,
    LogEvent,
    Message,
    Priority,
    Reaction,
    Reading,
    Role,
    Status,
    Visitor,
    Wait,
)
from inbox.promptness import cuts, waits
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_merging import HOUR, MAIL, Desk, desk, minutes
from tests.inbox.conversations.test_receive import BERND, US, everything, said, take
from tests.make import Make

__all__ = ["desk"]  # the fixture: two mails of Anna's in two conversations, "a1" and, ten minutes later, "b1"

DIRECT: dict[str, Any] = {"conversation_kind": ConversationKind.DIRECT}
THREAD: dict[str, Any] = {"conversation_kind": ConversationKind.COMMENTS, "post": Post("p1")}


async def number(session: AsyncSession, name: str) -> int:
    return (await session.scalars(select(col(Message.id)).where(col(Message.external_id) == name))).one()


async def split(desk: Desk, *names: str, at: float = 60, of: Conversation | None = None) -> Conversation:
    """These messages, by the platform's ids, leave the first conversation."""
    await desk.logged()
    ids = [await number(desk.session, name) for name in names]
    begun = await splitting.split_off(desk.session, desk.access, of or desk.first, ids, now=minutes(at))
    await desk.logged()
    return begun


async def told(desk: Desk, *conversations: Conversation) -> list[tuple[int, float, float | None, str | None]]:
    """The waits of these: which conversation, when each began and ended, in minutes, and how."""
    return [
        (
            [one.id for one in conversations].index(wait.conversation_id),
            (wait.opened_at - minutes(0)).total_seconds() / 60,
            wait.closed_at and (wait.closed_at - minutes(0)).total_seconds() / 60,
            wait.outcome and wait.outcome.value,
        )
        for wait in sorted(await everything(desk.session, Wait), key=lambda wait: (wait.opened_at, wait.id))
        if wait.conversation_id in {one.id for one in conversations}
    ]


async def more(desk: Desk, text: str, name: str, after: float, **values: Any) -> None:
    """Anna writes on in the first thread, unless it is said otherwise."""
    await take(desk.session, desk.channel, said(text, number=name, after=after, **{**MAIL, **values}), later=after + 1)
    await desk.logged()


async def stored(desk: Desk) -> Any:
    """What was said, and who waited; which row tells it is nobody's concern."""
    messages = [row.model_dump(exclude={"strand_id"}) for row in await everything(desk.session, Message)]
    told = sorted(await everything(desk.session, Wait), key=lambda wait: (wait.conversation_id, wait.opened_at))
    return messages, [row.model_dump(exclude={"id"}) for row in told]


async def test_what_is_chosen_becomes_a_conversation_of_its_own_that_whoever_had_it_keeps(session: AsyncSession, make: Make, desk: Desk):
    press = Label(workspace_id=desk.channel.workspace_id, name="Press")
    session.add(press)
    await session.flush()
    await labels.put(session, desk.access, desk.first, [press.id], now=minutes(1))
    await assignment.assign(session, desk.access, desk.first, member_id=desk.me.id, team_id=None, now=minutes(2))
    desk.first.priority = Priority.HIGH
    await more(desk, "And my bottles?", "a2", 300, author=BERND, envelope=Envelope(subject="Bottles"))
    begun = await split(desk, "a2")
    first = await session.get_one(Conversation, desk.first.id, populate_existing=True)
    assert (begun.message_count, begun.snippet, begun.author_name, begun.subject) == (1, "And my bottles?", "Bernd", "Bottles")
    assert (first.message_count, first.snippet, first.last_author) == (1, "Where is it?", "Anna")
    assert (begun.kind, begun.channel_id, begun.status) == (first.kind, first.channel_id, Status.OPEN)
    assert (begun.assignee_id, begun.team_id, begun.priority) == (desk.me.id, None, Priority.HIGH)
    assert begun.contact_id not in (None, first.contact_id)
    assert (begun.split_from, begun.been_in) == ([first.id], [first.id])
    worn = select(col(ConversationLabel.label_id)).where(col(ConversationLabel.conversation_id) == begun.id)
    assert list(await session.scalars(worn)) == [press.id]
    assert await told(desk, first, begun) == [(0, 0, None, None), (1, 5, None, None)]
    await desk.stands()


async def test_one_wait_of_one_author_becomes_two(desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    assert await told(desk, desk.first) == [(0, 0, None, None)]
    begun = await split(desk, "a2")
    assert await told(desk, desk.first, begun) == [(0, 0, None, None), (1, 5, None, None)]
    assert (begun.waiting_since, begun.waiting_count) == (minutes(5), 1)
    await desk.stands()


async def test_an_answer_that_stays_behind_answers_nothing_there(desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    await desk.reply(desk.first, 30)
    begun = await split(desk, "a2")
    assert await told(desk, desk.first, begun) == [(0, 0, 30, "answered"), (1, 5, None, None)]
    await desk.stands()
    await desk.reply(begun, 70)
    assert await told(desk, desk.first, begun) == [(0, 0, 30, "answered"), (1, 5, 70, "answered")]
    await desk.stands()


async def test_an_answer_that_goes_along_leaves_who_stays_waiting(desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    reply = await desk.reply(desk.first, 30)
    begun = await split(desk, "a2", reply.external_id or "")
    assert await told(desk, desk.first, begun) == [(0, 0, None, None), (1, 5, 30, "answered")]
    await desk.stands()


async def test_splitting_off_and_merging_back_leaves_everybody_as_they_were(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    reply = await desk.reply(desk.first, 30)
    await more(desk, "Still there?", "a3", 40 * 60)
    await waiting.end(session, desk.access, desk.first, await session.get_one(Message, await number(session, "a3")), now=minutes(50))
    await more(desk, "Hello?", "a4", 52 * 60)
    await desk.stands()
    before = await stored(desk)
    for chosen in (["a2"], ["a1"], ["a1", "a3"], ["a2", reply.external_id or ""], ["a3", "a4"], ["a4"]):
        begun = await split(desk, *chosen)
        await desk.stands()
        await merging.merge(session, desk.access, begun, desk.first.id, now=minutes(61))
        await desk.stands()
        assert await stored(desk) == before, chosen
    into = await session.get_one(Conversation, desk.first.id, populate_existing=True)
    assert (into.message_count, into.waiting_count, into.waiting_since) == (5, 1, minutes(52))


async def test_what_was_merged_back_can_be_taken_out_again(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    await desk.reply(desk.first, 30)
    begun = await split(desk, "a2")
    apart = await told(desk, desk.first, begun)
    await merging.merge(session, desk.access, begun, desk.first.id, now=minutes(61))
    await desk.logged()
    await merging.split(session, desk.access, begun, now=minutes(62))
    assert await told(desk, desk.first, begun) == apart
    await desk.stands()


async def test_what_was_decided_by_hand_before_holds_for_both_and_afterwards_for_one(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    message = await session.get_one(Message, await number(session, "a2"))
    await waiting.end(session, desk.access, desk.first, message, now=minutes(20))
    begun = await split(desk, "a2")
    assert await told(desk, desk.first, begun) == [(0, 0, 20, "not_needed"), (1, 5, 20, "not_needed")]
    await desk.stands()
    await session.refresh(message)
    await waiting.take_back(session, desk.access, begun, message, now=minutes(65))  # said of the one: the other stands
    assert await told(desk, desk.first, begun) == [(0, 0, 20, "not_needed"), (1, 5, None, None)]
    await desk.stands()
    await waiting.end(session, desk.access, begun, message, now=minutes(70))
    assert await told(desk, desk.first, begun) == [(0, 0, 20, "not_needed"), (1, 5, 70, "not_needed")]
    await desk.stands()


async def test_that_a_message_waits_goes_where_the_message_goes(session: AsyncSession, desk: Desk):
    await take(session, desk.channel, said("Nice", number="c1", thread_id="c", **THREAD), later=60)
    answer = said("Mine is broken", number="c2", thread_id="c", parent_id="c1", author=BERND, after=120, **THREAD)
    await take(session, desk.channel, answer, later=121)
    thread = (await everything(session, Conversation))[-1]
    message = await session.get_one(Message, await number(session, "c2"))
    await waiting.begin(session, desk.access, thread, message, now=minutes(10))
    begun = await split(desk, "c2", of=thread)
    assert await told(desk, begun) == [(0, 2, None, None)]
    await desk.stands()
    await session.refresh(message)
    await waiting.take_back(session, desk.access, begun, message, now=minutes(70))
    assert await told(desk, begun) == []
    await desk.stands()


async def test_who_had_it_when_is_told_of_both(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    await assignment.assign(session, desk.access, desk.first, member_id=desk.me.id, team_id=None, now=minutes(20))
    begun = await split(desk, "a2")
    await assignment.assign(session, desk.access, desk.first, member_id=None, team_id=None, now=minutes(65))
    await desk.reply(begun, 70)
    (wait,) = [wait for wait in await everything(session, Wait) if wait.conversation_id == begun.id]
    cut = [(one.kind.value, one.member, one.seconds) for one in cuts.loaded(wait.segments or [])]
    assert cut == [("unassigned", None, 900), ("owner", desk.me.id, 3000)]
    assert wait.assignee_id == desk.me.id
    await desk.stands()


async def test_what_comes_later_goes_where_what_it_answers_went(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    begun = await split(desk, "a2")
    await more(desk, "The green ones", "a3", 2 * HOUR, parent_id="a2")
    await more(desk, "The parcel is here", "a4", 2 * HOUR + 60)
    where = {message.external_id: message.conversation_id for message in await everything(session, Message)}
    assert (where["a3"], where["a4"]) == (begun.id, desk.first.id)
    await desk.stands()


async def test_what_happens_to_it_on_the_platform_finds_it(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    begun = await split(desk, "a2")
    repeated = await take(session, desk.channel, said("And my bottles?", number="a2", after=300, **MAIL), later=4000)
    assert repeated.duplicates == 1

    async def happens(kind: EventKind, text: str, after: float) -> None:
        values = {"kind": kind, "message_id": "a2", "id": f"{kind}{text}", **MAIL}
        await take(session, desk.channel, said(text, after=after, number="x", **values), later=after)

    await happens(EventKind.EDIT, "And my green bottles?", 4100)
    await happens(EventKind.REACTION, "👍", 4200)
    await session.refresh(begun)
    assert (begun.snippet, len(await everything(session, Reaction))) == ("And my green bottles?", 1)
    await happens(EventKind.DELETE, "", 4300)
    assert await told(desk, desk.first, begun) == [(0, 0, None, None), (1, 5, 4300 / 60, "deleted")]
    changed = {event.conversation_id for event in recorded(session) if event.kind.startswith(("message.", "reaction."))}
    assert changed == {begun.id}
    await desk.stands()


async def test_an_answer_from_there_reaches_the_place_that_it_came_from(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300, envelope=Envelope(subject="Parcel", references=("<root>",)))
    begun = await split(desk, "a2")
    message = await desk.reply(begun, 70)
    reply = (await outgoing.draft(session, message)).reply
    assert (reply.thread_id, reply.parent_id, reply.recipient) == ("t1", "a2", "anna")
    assert reply.envelope is not None
    assert (reply.envelope.subject, reply.envelope.references) == ("Re: Parcel", ("<root>", "a2"))
    await session.execute(delete(Message).where(col(Message.external_id) == "a2"))
    later = await replies.queue(session, begun, desk.me, body="Sorry", client_key="k", now=minutes(80), anyway=True)
    assert later.thread_external_id == "t1"


async def sending(desk: Desk, begun: Conversation) -> Message:
    """An answer in a chat leaves, and its receipt is not here yet."""
    await replies.queue(desk.session, begun, desk.me, body="With us.", client_key="k", now=minutes(70), anyway=True)
    (message,) = await outbox.claim(desk.session, owner="one", now=minutes(71))
    await desk.logged()
    return message


async def chat(desk: Desk) -> tuple[Conversation, Conversation]:
    """A chat of Anna's, and what was split off from it."""
    await more(desk, "Where is it?", "d1", 60, thread_id="d", **DIRECT)
    await more(desk, "And my bottles?", "d2", 120, thread_id="d", **DIRECT)
    chat = (await everything(desk.session, Conversation))[-1]
    return chat, await split(desk, "d2", of=chat)


async def test_an_answer_that_comes_back_is_known_in_the_one_that_was_split_off(session: AsyncSession, desk: Desk):
    whole, begun = await chat(desk)
    await sending(desk, begun)
    await take(session, desk.channel, said("With us.", number="r9", thread_id="d", author=US, after=71 * 60, **DIRECT), later=71 * 60 + 5)
    assert [(row.external_id, row.native) for row in await everything(session, Message) if row.direction == "out"] == [("r9", False)]
    assert await told(desk, whole, begun) == [(0, 1, None, None), (1, 2, 71, "answered")]
    await desk.stands()


async def test_an_answer_taken_for_a_colleagues_answers_nobody_in_the_other_one(session: AsyncSession, desk: Desk):
    whole, begun = await chat(desk)
    message = await sending(desk, begun)
    await take(session, desk.channel, said("WITH us!", number="r9", thread_id="d", author=US, after=71 * 60, **DIRECT), later=71 * 60 + 5)
    assert (await told(desk, whole))[0][3] == "answered"
    await desk.logged()
    assert await outbox.mark_sent(session, message, Receipt("r9", minutes(71)), minutes(72))
    assert await told(desk, whole, begun) == [(0, 1, None, None), (1, 2, 71, "answered")]
    await desk.stands()


async def test_who_looks_into_the_chat_has_seen_the_answers_from_there(session: AsyncSession, desk: Desk):
    _, begun = await chat(desk)
    message = await desk.reply(begun, 70)
    read = said("", kind=EventKind.READ, message_id="", id="seen", number="seen", thread_id="d", after=75 * 60, **DIRECT)
    await take(session, desk.channel, read, later=75 * 60)
    await session.refresh(message)
    assert message.seen_at == minutes(75)


async def test_files_and_queued_answers_go_along_in_their_order(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    theirs = await number(session, "a2")
    session.add(Attachment(workspace_id=desk.channel.workspace_id, conversation_id=desk.first.id, message_id=theirs, name="photo",
                           media_type="image/png", created_at=minutes(5)))  # fmt: skip
    queued = [
        await replies.queue(session, desk.first, desk.me, body=f"Answer {n}", client_key=f"k{n}", now=minutes(20 + n), anyway=True)
        for n in range(3)
    ]
    await desk.logged()
    begun = await splitting.split_off(session, desk.access, desk.first, [theirs, queued[0].id, queued[2].id], now=minutes(60))
    assert [file.conversation_id for file in await everything(session, Attachment)] == [begun.id]
    left: list[int] = []
    while claimed := await outbox.claim(session, owner="one", now=minutes(70)):
        left += [message.id for message in claimed]
        for message in claimed:
            message.delivery = Delivery.SENT
        await session.flush()
    assert [one for one in left if one != queued[1].id] == [queued[0].id, queued[2].id]


async def test_who_had_read_it_has_read_it(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    newest = await number(session, "a2")
    session.add(Reading(workspace_id=desk.channel.workspace_id, conversation_id=desk.first.id, member_id=desk.me.id, message_id=newest,
                        at=minutes(12)))  # fmt: skip
    begun = await split(desk, "a2")
    mine = select(col(Reading.message_id)).where(col(Reading.conversation_id) == begun.id)
    assert await session.scalar(mine) == begun.last_inbound_id


async def test_of_one_that_went_into_it_the_words_stay_its_own(session: AsyncSession, desk: Desk):
    first = await session.get_one(Message, await number(session, "a1"))
    await waiting.end(session, desk.access, desk.first, first, now=minutes(20))  # not said of the other, which waits on
    await desk.merge()
    begun = await split(desk, "b1", at=70)
    assert await told(desk, desk.first, begun) == [(0, 0, 20, "not_needed"), (1, 10, None, None)]
    await desk.stands()
    with pytest.raises(Conflict, match="merge those back first"):
        await desk.split(75)
    await merging.merge(session, desk.access, begun, desk.first.id, now=minutes(80))
    await desk.stands()
    await desk.split(85)
    assert await told(desk, desk.first, desk.second) == [(0, 0, 20, "not_needed"), (1, 10, None, None)]
    await desk.stands()


async def test_of_what_was_split_off_some_can_be_split_off_again(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    await more(desk, "And my crate?", "a3", 360)
    await desk.reply(desk.first, 30)
    begun = await split(desk, "a2", "a3")
    again = await split(desk, "a3", at=65, of=begun)
    assert again.split_from == [begun.id, desk.first.id]
    apart = [(0, 0, 30, "answered"), (1, 5, None, None), (2, 6, None, None)]
    assert await told(desk, desk.first, begun, again) == apart
    await desk.stands()
    await merging.merge(session, desk.access, again, desk.first.id, now=minutes(70))
    assert await told(desk, desk.first, begun, again) == apart[:2]  # answered with the rest, as if it had never left
    await desk.stands()


async def test_the_log_of_both_says_what_happened(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    theirs = await number(session, "a2")
    begun = await splitting.split_off(session, desk.access, desk.first, [theirs], now=minutes(60))
    told = [(event.conversation_id, event.kind, event.data) for event in recorded(session) if event.kind.startswith("conversation.")]
    assert told == [
        (desk.first.id, "conversation.divided", {"messages": 1, "into": begun.id}),
        (begun.id, "conversation.created", {"kind": "email"}),
        (begun.id, "conversation.divided", {"messages": 1, "out_of": desk.first.id, "assignee": None, "team": None, "priority": "normal"}),
    ]  # fmt: skip


async def test_a_rebuild_leaves_alone_what_was_split_off_from_one_that_is_older_than_the_log(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    begun = await split(desk, "a2")
    await session.execute(delete(LogEvent).where(col(LogEvent.at) < minutes(55)))
    ids, older = await waits.rebuildable(session, desk.channel.workspace_id)
    assert (begun.id in ids, older) == (False, 3)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ([], "Choose the messages"),
        (["a1", "a2"], "Nothing would be left"),
        (["b1"], "not in this conversation"),
        (["a1", "b1"], "not in this conversation"),
    ],
)
async def test_what_cannot_be_split_off_says_why(session: AsyncSession, desk: Desk, chosen: list[str], words: str):
    await more(desk, "And my bottles?", "a2", 300)
    with pytest.raises((Conflict, Invalid), match=words):
        await split(desk, *chosen)
    assert len(await everything(session, Conversation)) == 2


async def test_an_answer_alone_is_nobodys_conversation(desk: Desk):
    reply = await desk.reply(desk.first, 30)
    with pytest.raises(Invalid, match="message of a customer"):
        await split(desk, reply.external_id or "")


async def _merged(desk: Desk) -> None:
    await merging.merge(desk.session, desk.access, desk.first, desk.second.id, now=minutes(50))


async def _spam(desk: Desk) -> None:
    await status.move(desk.session, desk.access, desk.first, Status.SPAM, now=minutes(50))


async def _erased(desk: Desk) -> None:
    desk.first.erased_at = minutes(50)


async def _review(desk: Desk) -> None:
    desk.first.kind = ConversationKind.REVIEW


async def _visited(desk: Desk) -> None:
    place = {"workspace_id": desk.channel.workspace_id, "channel_id": desk.channel.id}
    desk.session.add(Visitor(**place, external_id="v1", locale="en", created_at=minutes(1)))


async def _doubtful(desk: Desk) -> None:
    message = await replies.queue(desk.session, desk.first, desk.me, body="Here", client_key="k", now=minutes(20), anyway=True)
    message.delivery = Delivery.AMBIGUOUS


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (_merged, "was merged"),
        (_spam, "spam"),
        (_erased, "erased"),
        (_review, "A review"),
        (_visited, "one chat"),
        (_doubtful, "may have been"),
    ],
)
async def test_where_nothing_can_be_split_off_it_says_why(desk: Desk, before: Callable[[Desk], Any], words: str):
    await more(desk, "And my bottles?", "a2", 300)
    await before(desk)
    await desk.session.flush()
    with pytest.raises(Conflict, match=words):
        await split(desk, "a2")


async def test_from_one_message_nothing_can_be_split_off_and_that_is_told_at_once(session: AsyncSession, desk: Desk):
    with pytest.raises(Conflict, match="only one message"):
        await splitting.check(session, desk.access, desk.first)
    await more(desk, "And my bottles?", "a2", 300)
    await splitting.check(session, desk.access, desk.first)


async def test_a_viewer_splits_nothing_off(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    viewer = Access(desk.channel.workspace_id, Role.VIEWER, "member:9", member_id=desk.me.id)
    with pytest.raises(Forbidden):
        await splitting.split_off(session, viewer, desk.first, [await number(session, "a2")], now=minutes(60))


async def test_a_resolved_one_stays_resolved_and_what_leaves_it_is_open(session: AsyncSession, desk: Desk):
    await more(desk, "And my bottles?", "a2", 300)
    await desk.reply(desk.first, 30)
    await status.move(session, desk.access, desk.first, Status.RESOLVED, now=minutes(40))
    begun = await split(desk, "a2")
    assert (desk.first.status, begun.status) == (Status.RESOLVED, Status.OPEN)
    await desk.stands()
    await take(session, desk.channel, said("Well?", number="a3", parent_id="a2", after=20 * 24 * HOUR, **MAIL), later=20 * 24 * HOUR + 5)
    await desk.stands()


async def test_what_is_split_off_twice_at_once_goes_once_and_what_comes_meanwhile_is_kept(database: Database):
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        channel, me = await make.channel(workspace), await make.member(workspace)
        await take(session, channel, said("One", number="a1", **MAIL), said("Two", number="a2", after=5, **MAIL))
        (first,) = await everything(session, Conversation)
        wanted = await number(session, "a2")

    async def go() -> bool:
        try:
            async with database.transaction() as session:
                here = await session.get_one(Conversation, first.id)
                await splitting.split_off(session, rights.of(me), here, [wanted], now=minutes(60))
        except Invalid:
            return False
        return True

    async def come(number: int) -> None:
        async with database.transaction() as session:
            here = await session.get_one(Channel, channel.id)
            given = {"parent_id": "a2"} if number % 2 else {}
            await take(session, here, said(f"More {number}", number=f"b{number}", after=60 + number, **given, **MAIL), later=3601)

    done = await asyncio.gather(*(come(n) for n in range(4)), go(), *(come(n) for n in range(4, 8)), go(), *(come(n) for n in range(8, 12)))
    assert sorted(one for one in done if one is not None) == [False, True]
    async with database.transaction() as session:
        where = {message.external_id: message.conversation_id for message in await everything(session, Message)}
        assert len(where) == 14
        assert {where[f"b{n}"] for n in range(0, 12, 2)} == {where["a1"]}
        assert await waits.rebuild(session, channel.workspace_id, now=minutes(100)) == 0
