"""Replies: written, taken back, tried again, and settled by a person."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Capabilities, ConversationKind, Length, LengthUnit, Receipt
from inbox.conversations import outbox, replies
from inbox.errors import Conflict, Invalid
from inbox.models import Attachment, Conversation, Delivery, Direction, Member, Message, Status
from tests.make import MONDAY, Make

NOW = MONDAY
LATER = NOW + timedelta(minutes=1)
keys = count(1)


class Scene:
    """A conversation with a question in it, and somebody to answer."""

    def __init__(self, session: AsyncSession, make: Make) -> None:
        self.session, self.make = session, make

    async def set(self, *, kind: ConversationKind = ConversationKind.DIRECT, **member: Any) -> "Scene":
        self.workspace = await self.make.workspace()
        self.channel = await self.make.channel(self.workspace)
        self.member: Member = await self.make.member(self.workspace, name="Mira", **member)
        self.anna = await self.make.identity(self.channel)
        self.conversation: Conversation = await self.make.conversation(self.channel, kind=kind, contact_id=self.anna.contact_id)
        self.question: Message = await self.make.message(self.conversation, identity_id=self.anna.id, body="When do you open?")
        return self

    async def write(self, body: str = "At nine.", **more: Any) -> Message:
        more = {"client_key": f"key-{next(keys)}", "now": NOW, **more}
        return await replies.queue(self.session, self.conversation, self.member, body=body, **more)

    async def claim(self, **more: Any) -> list[Message]:
        return list(await outbox.claim(self.session, **{"owner": "one", "now": LATER, **more}))

    async def delivery(self, message: Message) -> Delivery:
        return await self.session.scalar(select(col(Message.delivery)).where(col(Message.id) == message.id))

    async def row(self) -> Conversation:
        return await self.session.get_one(Conversation, self.conversation.id, populate_existing=True)

    def recorded(self) -> list[str]:
        return [event.kind for event in self.session.info.get("events", [])]


@pytest.fixture
async def scene(session: AsyncSession, make: Make) -> Scene:
    return await Scene(session, make).set()


def receipt(external_id: str = "sent-1") -> Receipt:
    return Receipt(external_id, LATER - timedelta(seconds=10), "https://platform.test/sent-1")


async def test_a_queued_reply_leaves_when_the_undo_window_ends(scene: Scene):
    message = await scene.write()
    assert (message.delivery, message.send_at) == (Delivery.QUEUED, NOW + timedelta(seconds=5))
    assert await scene.claim(now=NOW + timedelta(seconds=4)) == []
    assert [reply.id for reply in await scene.claim(now=NOW + timedelta(seconds=5))] == [message.id]


async def test_the_undo_window_is_the_members_own_when_there_is_one(session: AsyncSession, make: Make):
    scene = await Scene(session, make).set(undo_seconds=30)
    assert (await scene.write()).send_at == NOW + timedelta(seconds=30)


async def test_a_reply_goes_to_the_newest_message_and_its_thread_unless_told_otherwise(scene: Scene):
    newer = await scene.make.message(scene.conversation, at=NOW + timedelta(seconds=1), thread_external_id="other")
    message = await scene.write()
    assert (message.parent_id, message.parent_external_id, message.thread_external_id) == (newer.id, newer.external_id, "other")
    message = await scene.write(parent_id=scene.question.id)
    assert message.parent_external_id == scene.question.external_id


async def test_a_double_click_is_one_reply(scene: Scene):
    first = await scene.write(client_key="click")
    second = await scene.write(client_key="click")
    assert first.id == second.id
    assert scene.recorded().count("reply.queued") == 1


async def test_a_key_of_another_conversation_is_refused(scene: Scene, make: Make):
    await scene.write(client_key="click")
    other = await make.conversation(scene.channel)
    with pytest.raises(Conflict) as refused:
        await replies.queue(scene.session, other, scene.member, body="Hello", client_key="click", now=NOW)
    assert refused.value.code == "key_reused"


async def test_the_list_row_shows_a_queued_reply_and_forgets_one_that_was_taken_back(scene: Scene):
    await scene.session.execute(update(Conversation).values(message_count=1, snippet="When do you open?"))
    message = await scene.write("At  nine\nsharp.")
    row = await scene.row()
    assert (row.snippet, row.last_author, row.last_message_id, row.message_count) == ("At nine sharp.", "Mira", message.id, 2)
    await replies.undo(scene.session, message, "member:1", LATER)
    row = await scene.row()
    assert (row.snippet, row.last_message_id, row.message_count) == ("When do you open?", scene.question.id, 1)


async def test_undo_brings_the_text_back_without_its_signature(session: AsyncSession, make: Make):
    scene = await Scene(session, make).set(kind=ConversationKind.EMAIL, signature="Mira from Springfield")
    message = await scene.write("At nine.")
    assert message.body == "At nine.\n\n-- \nMira from Springfield"
    assert await replies.undo(session, message, "member:1", NOW) == "At nine."
    assert await scene.claim() == []


async def test_what_is_on_its_way_cannot_be_taken_back(scene: Scene):
    message = await scene.write()
    await scene.claim()
    with pytest.raises(Conflict) as refused:
        await replies.undo(scene.session, message, "member:1", LATER)
    assert refused.value.code == "on_its_way"
    assert await scene.delivery(message) == Delivery.SENDING


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"body": "  "}, "empty"),
        ({"body": "Hello {{contact.name}}"}, "placeholders"),
        ({"body": "x" * 11, "capabilities": Capabilities(max_length=10)}, "too_long"),
        ({"body": "👩‍👩‍👧" * 4, "capabilities": Capabilities(max_length=10, length_unit=LengthUnit.UTF16)}, "too_long"),
        ({"parent_id": 999_999}, "parent_unknown"),
        ({"attachments": [999_999]}, "attachment_unknown"),
        ({"attachments": [1], "capabilities": Capabilities()}, "no_attachments"),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_it_is_queued(scene: Scene, words: dict[str, Any], code: str):
    with pytest.raises(Invalid) as refused:
        await scene.write(**words)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("kind", "private", "fits"),
    [(ConversationKind.COMMENTS, False, False), (ConversationKind.COMMENTS, True, True), (ConversationKind.DIRECT, False, True)],
)
async def test_a_reply_is_as_long_as_its_kind_of_conversation_allows(
    session: AsyncSession, make: Make, kind: Any, private: bool, fits: bool
):
    scene = await Scene(session, make).set(kind=kind)
    able = Capabilities(max_length=10, other_lengths={ConversationKind.DIRECT: Length(20)})
    written = {"body": "x" * 15, "capabilities": able, "private": private}
    if fits:
        assert (await scene.write(**written)).delivery == Delivery.QUEUED
    else:
        with pytest.raises(Invalid, match="5 too long: 15 of 10"):
            await scene.write(**written)


async def test_a_removed_channel_takes_no_reply(scene: Scene):
    scene.channel.removed_at = NOW
    with pytest.raises(Conflict, match="removed"):
        await scene.write()


async def test_a_reply_stops_when_something_new_came_in_unless_it_is_sent_anyway(scene: Scene):
    newer = await scene.make.message(scene.conversation, body="And on Sundays?")
    with pytest.raises(Conflict) as stopped:
        await scene.write(seen_message_id=scene.question.id)
    assert (stopped.value.code, stopped.value.fields["newer"]) == ("thread_changed", [newer.id])
    assert (await scene.write(seen_message_id=scene.question.id, anyway=True)).delivery == Delivery.QUEUED
    assert (await scene.write(seen_message_id=newer.id)).delivery == Delivery.QUEUED


async def test_a_reply_stops_when_a_colleague_has_answered_meanwhile(scene: Scene):
    first = await scene.write(seen_message_id=scene.question.id)
    assert (await scene.write(seen_message_id=scene.question.id)).delivery == Delivery.QUEUED  # one's own is no news
    colleague = await scene.make.member(scene.workspace, name="Jens")
    answer = {"body": "At nine!", "client_key": "colleague", "seen_message_id": scene.question.id, "now": NOW}
    with pytest.raises(Conflict) as stopped:
        await replies.queue(scene.session, scene.conversation, colleague, **answer)
    assert stopped.value.code == "thread_changed"
    assert stopped.value.fields["newer"][0] == first.id


async def test_a_reply_that_was_taken_back_is_no_news(scene: Scene):
    first = await scene.write()
    await replies.undo(scene.session, first, "member:1", NOW)
    colleague = await scene.make.member(scene.workspace, name="Jens")
    answer = {"body": "At nine!", "client_key": "colleague", "seen_message_id": scene.question.id, "now": NOW}
    assert (await replies.queue(scene.session, scene.conversation, colleague, **answer)).delivery == Delivery.QUEUED


async def test_attachments_go_with_the_reply_and_come_back_with_undo(scene: Scene):
    values = {"workspace_id": scene.workspace.id, "conversation_id": scene.conversation.id, "member_id": scene.member.id}
    file = Attachment(**values, name="map.png", media_type="image/png", created_at=NOW)
    scene.session.add(file)
    await scene.session.flush()
    message = await scene.write(attachments=[file.id])
    with pytest.raises(Invalid):
        await scene.write(attachments=[file.id])
    await replies.undo(scene.session, message, "member:1", NOW)
    assert (await scene.write(attachments=[file.id])).delivery == Delivery.QUEUED


async def test_replies_of_one_conversation_go_out_in_order_and_one_at_a_time(scene: Scene):
    first, second = await scene.write(), await scene.write()
    assert [reply.id for reply in await scene.claim()] == [first.id]
    assert await scene.claim(owner="two") == []
    (sending,) = [first]
    assert await outbox.mark_sent(scene.session, await scene.session.get_one(Message, sending.id), receipt(), LATER)
    assert [reply.id for reply in await scene.claim(owner="two")] == [second.id]


async def test_a_shorter_undo_window_overtakes_no_longer_one(scene: Scene):
    slow = await scene.make.member(scene.workspace, undo_seconds=30)
    first = await replies.queue(scene.session, scene.conversation, slow, body="First", client_key="first", now=NOW)
    second = await scene.write()
    assert second.send_at == first.send_at
    assert [reply.id for reply in await scene.claim()] == [first.id]


async def test_a_reply_for_tomorrow_does_not_hold_up_one_for_now(scene: Scene):
    await scene.write(send_at=NOW + timedelta(days=1))
    today = await scene.write()
    assert [reply.id for reply in await scene.claim()] == [today.id]


async def test_a_doubtful_reply_holds_up_the_next_one_until_it_is_settled(scene: Scene):
    await scene.write()
    second = await scene.write()
    (sending,) = await scene.claim()
    await outbox.mark_ambiguous(scene.session, sending, "No answer.", LATER)
    assert await scene.claim() == []
    await replies.settle(scene.session, sending, False, "member:1", LATER)
    assert [reply.id for reply in await scene.claim()] == [second.id]


@pytest.mark.parametrize("state", ["paused", "removed from sending by a hold"])
async def test_a_paused_channel_and_a_held_installation_send_nothing(scene: Scene, state: str):
    await scene.write()
    change = "UPDATE channel SET state = 'paused'" if state == "paused" else "UPDATE installation SET held = true"
    await scene.session.execute(text(change))
    assert await scene.claim() == []


async def test_a_busy_channel_waits(scene: Scene):
    message = await scene.write()
    assert await scene.claim(busy=[scene.channel.id]) == []
    assert [reply.id for reply in await scene.claim(busy=[scene.channel.id + 1])] == [message.id]


async def test_a_sent_reply_has_the_platforms_id_and_time_and_closes_the_conversation_if_asked(scene: Scene):
    await scene.write(then_resolve=True)
    (sending,) = await scene.claim()
    assert (await scene.row()).status == Status.OPEN
    assert await outbox.mark_sent(scene.session, sending, receipt(), LATER)
    stored = await scene.session.get_one(Message, sending.id, populate_existing=True)
    assert (stored.delivery, stored.external_id, stored.at) == (Delivery.SENT, "sent-1", LATER - timedelta(seconds=10))
    assert (await scene.row()).status == Status.RESOLVED
    assert scene.recorded()[-2:] == ["reply.sent", "conversation.moved"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), LATER),
        (datetime(1, 1, 1, tzinfo=UTC), LATER),
        (NOW - timedelta(minutes=2), NOW - timedelta(minutes=2)),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), LATER),
        (datetime(2026, 3, 2, 9, 0, 30), LATER),  # noqa: DTZ001  # a platform that names no zone
    ],
)
async def test_a_wrong_clock_of_the_platform_neither_loses_the_receipt_nor_turns_a_wait_around(
    scene: Scene, told: datetime, kept: datetime
):
    scene.question.at = NOW - timedelta(minutes=5)
    await scene.write()
    (sending,) = await scene.claim()
    assert await outbox.mark_sent(scene.session, sending, Receipt("sent-1", told), LATER)
    stored = await scene.session.get_one(Message, sending.id, populate_existing=True)
    assert (stored.delivery, stored.at) == (Delivery.SENT, kept)


async def test_a_failed_reply_says_why_and_can_be_sent_again(scene: Scene):
    await scene.write()
    (sending,) = await scene.claim()
    assert await outbox.mark_failed(scene.session, sending, "The account was closed.", LATER)
    assert (await scene.delivery(sending), sending.error) == (Delivery.FAILED, "The account was closed.")
    await replies.retry(scene.session, sending, "member:1", LATER)
    (again,) = await scene.claim()
    assert (again.id, again.attempt, again.client_key) == (sending.id, 2, sending.client_key)


async def test_a_reply_that_may_have_been_sent_is_never_simply_failed_nor_taken_back(scene: Scene):
    await scene.write()
    (sending,) = await scene.claim()
    await outbox.put_back(scene.session, sending, "No answer.", LATER, LATER, uncertain=True)
    with pytest.raises(Conflict):
        await replies.undo(scene.session, sending, "member:1", LATER)
    (again,) = await scene.claim()
    await outbox.mark_failed(scene.session, again, "The account was closed.", LATER)
    assert await scene.delivery(again) == Delivery.AMBIGUOUS


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [(-1, Delivery.AMBIGUOUS), (60, Delivery.SENDING)],  # how long the lease still lasts
)
async def test_a_reply_whose_sender_died_becomes_ambiguous_and_is_never_sent_again_unasked(scene: Scene, seconds: int, outcome: Delivery):
    await scene.write()
    (sending,) = await scene.claim(lease=seconds)
    await outbox.expire_leases(scene.session, LATER)
    assert await scene.delivery(sending) == outcome
    assert await scene.claim(owner="two") == []


async def test_a_late_receipt_of_the_same_attempt_is_the_truth(scene: Scene):
    await scene.write()
    (sending,) = await scene.claim(lease=-1)
    scene.session.expunge(sending)
    await outbox.expire_leases(scene.session, LATER)
    assert await outbox.mark_sent(scene.session, sending, receipt(), LATER)
    assert await scene.delivery(sending) == Delivery.SENT


@pytest.mark.parametrize("owner", ["one", "two"])  # the same process, or another one
async def test_a_late_process_cannot_overwrite_a_newer_attempt(scene: Scene, owner: str):
    await scene.write()
    (old,) = await scene.claim(lease=-1)
    scene.session.expunge(old)
    await outbox.expire_leases(scene.session, LATER)
    lost = await scene.session.get_one(Message, old.id)
    await replies.retry(scene.session, lost, "member:1", LATER)
    (new,) = await scene.claim(owner=owner)
    scene.session.expunge(new)
    for late in (
        outbox.mark_sent(scene.session, old, receipt("old"), LATER),
        outbox.mark_failed(scene.session, old, "Late.", LATER),
        outbox.mark_ambiguous(scene.session, old, "Late.", LATER),
        outbox.put_back(scene.session, old, "Late.", LATER, LATER),
    ):
        assert not await late
    assert (await scene.delivery(new), new.attempt) == (Delivery.SENDING, 2)


@pytest.mark.parametrize(("was_sent", "outcome"), [(True, Delivery.SENT), (False, Delivery.FAILED)])
async def test_a_person_settles_what_nobody_else_knows_once(scene: Scene, was_sent: bool, outcome: Delivery):
    await scene.write()
    (sending,) = await scene.claim()
    await outbox.mark_ambiguous(scene.session, sending, "No answer.", LATER)
    await replies.settle(scene.session, sending, was_sent, "member:1", LATER)
    assert await scene.delivery(sending) == outcome
    with pytest.raises(Conflict):
        await replies.settle(scene.session, sending, was_sent, "member:1", LATER)


async def test_an_echo_that_came_first_and_was_taken_for_a_native_reply_is_folded_into_the_reply(scene: Scene):
    await scene.write()
    (sending,) = await scene.claim()
    await scene.make.message(scene.conversation, direction=Direction.OUT, native=True, external_id="sent-1", delivery=Delivery.SENT)
    assert await outbox.mark_sent(scene.session, sending, receipt("sent-1"), LATER)
    ours = select(func.count()).select_from(Message).where(col(Message.direction) == Direction.OUT)
    assert await scene.session.scalar(ours) == 1
    assert (await scene.session.get_one(Message, sending.id, populate_existing=True)).external_id == "sent-1"


async def test_a_platform_that_gives_one_id_twice_does_not_make_a_sent_reply_fail(scene: Scene):
    await scene.make.message(scene.conversation, direction=Direction.OUT, external_id="sent-1", delivery=Delivery.SENT)
    await scene.write()
    (sending,) = await scene.claim()
    assert await outbox.mark_sent(scene.session, sending, receipt("sent-1"), LATER)
    stored = await scene.session.get_one(Message, sending.id, populate_existing=True)
    assert (stored.delivery, stored.external_id) == (Delivery.SENT, None)


async def test_every_step_of_a_reply_is_in_the_log_without_its_text(scene: Scene):
    await scene.write("A secret word")
    (sending,) = await scene.claim()
    await outbox.mark_sent(scene.session, sending, receipt(), LATER)
    assert [kind for kind in scene.recorded() if kind.startswith("reply.")] == ["reply.queued", "reply.sending", "reply.sent"]
    assert "secret" not in repr(scene.session.info["events"])
    assert all(event.channel_id == scene.channel.id for event in scene.session.info["events"])
    assert set(scene.recorded()) <= set(events.KINDS)
