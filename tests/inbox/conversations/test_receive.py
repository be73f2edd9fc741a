"""The way in: messages, conversations, and what is there exactly once."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Attachment, Author, Batch, ConversationKind, Envelope, Event, EventKind, Post, Rejected
from inbox.conversations import dead_letters, receive
from inbox.db import Database
from inbox.errors import Conflict, Invalid
from inbox.files import Files
from inbox.models import Attachment as StoredAttachment
from inbox.models import (
    Channel,
    ChannelState,
    Contact,
    Conversation,
    DeadLetter,
    Delivery,
    Direction,
    Identity,
    Inbound,
    Message,
    Status,
    Thread,
    Wait,
    Workspace,
)
from inbox.models import Post as StoredPost
from inbox.promptness import waits
from tests.make import MONDAY, Make

ANNA = Author(id="anna", name="Anna")
BERND = Author(id="bernd", name="Bernd")
US = Author(id="us", name="Our brand", is_self=True)


def said(text: str = "Hello", *, author: Author | None = ANNA, after: float = 0, **values: Any) -> Event:
    """A message written `after` seconds from Monday morning."""
    number = values.pop("number", None) or f"m{abs(hash((text, author, after))) % 10**9}"
    defaults: dict[str, Any] = {"id": f"e-{number}", "kind": EventKind.MESSAGE, "message_id": number, "thread_id": "t1"}
    return Event(**{**defaults, "at": MONDAY + timedelta(seconds=after), "author": author, "text": text, **values})


async def take(session: AsyncSession, channel: Channel, *happened: Event, later: float = 60, **values: Any) -> receive.Received:
    return await receive.receive(session, channel, Batch(happened), now=MONDAY + timedelta(seconds=later), **values)


async def everything(session: AsyncSession, table: type[Any]) -> Sequence[Any]:
    return (await session.scalars(select(table).order_by(*table.__table__.primary_key).execution_options(populate_existing=True))).all()


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace())


async def test_a_message_begins_a_conversation_with_its_author_and_opens_a_wait(session: AsyncSession, channel: Channel):
    received = await take(session, channel, said("Where is my parcel?"))
    (message,), (conversation,), (wait,) = [await everything(session, table) for table in (Message, Conversation, Wait)]
    (identity,), (contact,) = await everything(session, Identity), await everything(session, Contact)
    assert received == receive.Received({conversation.id}, [message.id], 0)
    assert (message.body, message.direction, message.delivery) == ("Where is my parcel?", Direction.IN, Delivery.RECEIVED)
    assert (message.conversation_id, message.identity_id, message.author_name) == (conversation.id, identity.id, "Anna")
    assert (message.at, message.received_at) == (MONDAY, MONDAY + timedelta(seconds=60))
    assert (conversation.contact_id, identity.contact_id) == (contact.id, contact.id)
    assert (conversation.snippet, conversation.author_name, conversation.last_author) == ("Where is my parcel?", "Anna", "Anna")
    assert (conversation.message_count, conversation.last_message_id, conversation.last_inbound_id) == (1, message.id, message.id)
    assert (conversation.waiting_since, conversation.waiting_count) == (MONDAY, 1)
    assert (wait.identity_id, wait.opened_at, wait.opened_by, wait.closed_at) == (identity.id, MONDAY, message.id, None)


async def test_the_log_tells_what_came_in_order_and_without_a_word_of_it(session: AsyncSession, channel: Channel):
    await take(session, channel, said("secret words"))
    recorded = events.recorded(session)
    kinds = ["conversation.created", "message.received", "wait.opened", "channel.changed"]
    assert [event.kind for event in recorded] == kinds
    assert all(event.channel_id == channel.id for event in recorded)
    assert "secret" not in repr(recorded)
    assert "Anna" not in repr(recorded)


async def test_an_event_that_comes_again_changes_nothing(session: AsyncSession, channel: Channel):
    await take(session, channel, said())
    before = len(events.recorded(session))
    received = await take(session, channel, said(), said())
    assert received == receive.Received(set(), [], 2)
    assert len(await everything(session, Message)) == 1
    assert len(events.recorded(session)) == before


async def test_a_message_that_comes_by_two_events_is_one_message(session: AsyncSession, channel: Channel):
    await take(session, channel, said(number="m1"), said(number="m1", id="by poll"))
    received = await take(session, channel, said(number="m1", id="by webhook"))
    assert received.duplicates == 1
    assert len(await everything(session, Message)) == 1
    assert (await everything(session, Conversation))[0].message_count == 1


async def test_an_answer_joins_its_parents_conversation_in_any_order(session: AsyncSession, channel: Channel):
    answer = said("An answer", number="m2", thread_id="other thread", parent_id="m1", after=5)
    await take(session, channel, answer, said("A question", number="m1", thread_id="t1"))
    later = said("Another", number="m3", thread_id="third thread", parent_id="m2", after=9)
    received = await take(session, channel, later)
    (conversation,) = await everything(session, Conversation)
    assert received.conversations == {conversation.id}
    messages = {message.external_id: message for message in await everything(session, Message)}
    assert messages["m2"].parent_id == messages["m1"].id
    assert messages["m3"].parent_id == messages["m2"].id
    assert {thread.external_id for thread in await everything(session, Thread)} == {"t1", "other thread", "third thread"}
    assert conversation.message_count == 3


async def test_an_answer_that_came_first_is_tied_to_its_parent_when_that_comes(session: AsyncSession, channel: Channel):
    await take(session, channel, said("An answer", number="m2", parent_id="m1", after=5))
    await take(session, channel, said("A question", number="m1"))
    messages = {message.external_id: message for message in await everything(session, Message)}
    assert messages["m2"].parent_id == messages["m1"].id
    (conversation,) = await everything(session, Conversation)
    assert (conversation.last_message_id, conversation.snippet, conversation.message_count) == (messages["m2"].id, "An answer", 2)


async def test_comments_keep_their_post_and_everybody_under_it(session: AsyncSession, channel: Channel):
    post = Post("p1", title="New flavour", text="What do you think?", media=("https://example.org/1.jpg",))
    comment = {"post": post, "conversation_kind": ConversationKind.COMMENTS}
    await take(session, channel, said("Tasty", number="m1", **comment), said("No", number="m2", author=BERND, parent_id="m1", **comment))
    (stored,), (conversation,) = await everything(session, StoredPost), await everything(session, Conversation)
    assert (stored.title, stored.media) == ("New flavour", ["https://example.org/1.jpg"])
    assert (conversation.kind, conversation.post_id, conversation.message_count) == (ConversationKind.COMMENTS, stored.id, 2)
    await take(session, channel, said("Hm", number="m3", post=Post("p1"), conversation_kind=ConversationKind.COMMENTS))
    assert [post.title for post in await everything(session, StoredPost)] == ["New flavour"]


async def test_an_event_that_names_somebody_only_by_id_takes_no_name_away(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hello", author=Author("13", "", None)))
    assert [person.name for person in await everything(session, Identity)] == ["13"]
    await take(session, channel, said("Hello?", author=Author("13", "Bernd", "bernd", "https://example.org/b.png")))
    await take(session, channel, said("Anybody?", author=Author("13", "")))
    assert [(person.name, person.handle, person.avatar) for person in await everything(session, Identity)] == [
        ("Bernd", "bernd", "https://example.org/b.png")
    ]


async def test_people_are_known_by_what_the_platform_last_said_of_them(session: AsyncSession, channel: Channel):
    await take(session, channel, said(number="m1"))
    await take(session, channel, said(number="m2", author=Author("anna", "Anna Berg", handle="anna", avatar="https://example.org/a.png")))
    (identity,) = await everything(session, Identity)
    assert (identity.name, identity.handle, identity.avatar) == ("Anna Berg", "anna", "https://example.org/a.png")


async def test_one_address_is_one_contact_on_every_channel(session: AsyncSession, channel: Channel, make: Make):
    other = await make.channel(await session.get_one(Workspace, channel.workspace_id))
    await take(session, channel, said(author=Author("1", "Anna", email="Anna@example.org")))
    await take(session, other, said(author=Author("2", "Anna B.", email="anna@example.org")))
    assert len(await everything(session, Contact)) == 1
    assert len({identity.contact_id for identity in await everything(session, Identity)}) == 1


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        (Status.RESOLVED, "It broke again", Status.OPEN),
        (Status.SNOOZED, "It broke again", Status.OPEN),
        (Status.PENDING, "Here is the number", Status.OPEN),
        (Status.RESOLVED, "Danke, ihr seid super!!", Status.RESOLVED),  # thanks reopen nothing
        (Status.SPAM, "Buy followers", Status.SPAM),
    ],
)
async def test_a_customer_who_expects_an_answer_brings_the_conversation_back(
    session: AsyncSession, channel: Channel, before: Status, text: str, after: Status
):
    await take(session, channel, said("Hello?"))
    (conversation,) = await everything(session, Conversation)
    conversation.status, conversation.resolved_at = before, MONDAY
    conversation.snoozed_until = MONDAY + timedelta(days=9) if before == Status.SNOOZED else None
    await take(session, channel, said(text, after=10))
    (conversation,) = await everything(session, Conversation)
    assert (conversation.status, conversation.snoozed_until) == (after, None)
    moved = [event.data for event in events.recorded(session) if event.kind == "conversation.moved"]
    assert moved == ([{"status": "open", "before": before.value, "snoozed_until": None}] if after != before else [])


async def test_history_is_stored_and_shown_but_alarms_nobody(session: AsyncSession, channel: Channel):
    old = MONDAY - timedelta(days=400)
    await take(session, channel, said("Long ago", at=old))
    (message,), (conversation,) = await everything(session, Message), await everything(session, Conversation)
    assert message.is_history
    assert (conversation.message_count, conversation.last_message_at) == (1, old)
    assert (conversation.last_inbound_id, conversation.waiting_count) == (None, 0)
    assert not await everything(session, Wait)
    (received,) = [event for event in events.recorded(session) if event.kind == "message.received"]
    assert received.data["history"] is True


async def test_a_message_from_the_future_counts_from_now(session: AsyncSession, channel: Channel):
    await take(session, channel, said(at=MONDAY + timedelta(days=3)))
    (message,) = await everything(session, Message)
    assert message.at == message.received_at == MONDAY + timedelta(seconds=60)


async def test_a_long_name_is_cut_and_what_was_said_is_kept(session: AsyncSession, channel: Channel):
    files = (Attachment("f" * 500 + ".tar.gz", "application/gzip", url="https://example.org/f"),)
    await take(session, channel, said("w" * 5_000, author=Author("a", "n" * 5_000, handle="h" * 5_000), attachments=files))
    (message,), (author,) = await everything(session, Message), await everything(session, Identity)
    (file,) = await everything(session, StoredAttachment)
    assert len(message.body) == 5_000
    assert (len(author.name), len(author.handle), author.name[-1]) == (200, 200, "…")
    assert len(file.name) == 200
    assert file.name.endswith(".tar.gz")


async def test_letters_are_kept_with_their_envelope_their_files_and_nothing_harmful(
    session: AsyncSession, channel: Channel, tmp_path: Path
):
    html = """<p onclick="x()">Hi <img src="https://spy.example/p.gif" alt='"><b'><img src="cid:logo"><script>alert(1)</script></p>"""
    letter = said(
        "Hi",
        html=html,
        quoted="> before",
        conversation_kind=ConversationKind.EMAIL,
        envelope=Envelope(subject="A question", to=("us@example.org",)),
        attachments=(
            Attachment("a.txt", "text/plain", content=b"hello"),
            Attachment("b.png", "image/png", url="https://example.org/b.png"),
        ),
    )
    await take(session, channel, letter, files=Files(tmp_path))
    (message,), (conversation,) = await everything(session, Message), await everything(session, Conversation)
    first, second = await everything(session, StoredAttachment)
    assert (conversation.subject, message.quoted, message.envelope["subject"]) == ("A question", "> before", "A question")
    assert 'data-remote-src="https://spy.example/p.gif"' in message.html
    assert ' src="cid:logo"' in message.html
    assert all(word not in message.html for word in ("onclick", "script", ' src="http'))
    assert Files(tmp_path).path(first.sha256).read_bytes() == b"hello"
    assert (first.size, second.sha256, second.url) == (5, None, "https://example.org/b.png")


@pytest.mark.parametrize(
    "change",
    [
        {"text": "nul \0 and half \ud83d a sign"},
        {"text": "w " * 1_000_000},
        {"text": " ".join(f"{number:x}-{number:x}" for number in range(200_000))},
        {"message_id": "m" * 10_000, "number": "long"},
        {"thread_id": "t\0" * 5_000},
        {"author": Author("a" * 5_000, "\0", handle="\udfff")},
        {"raw": {"\0": ["\ud800", float("nan"), b"bytes", {1: 2}]}},
        {"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
        {"at": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))},
        {"post": Post("p", published_at=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))))},
        {"post": Post("p", published_at=datetime(2026, 3, 2))},  # noqa: DTZ001  # that is the fault
        {"attachments": (Attachment("x", "video/mp4", url="https://example.org/x", size=10**12), Attachment("y", "", size=-1))},
        {"author": Author("a", "n" * 5_000, handle="h" * 5_000, avatar="https://" + "a" * 5_000, email="e" * 5_000)},
        {"html": "<p>" + "x" * 3_000_000},
        {"mentions": ("\0",), "permalink": "\ud800"},
    ],
)
async def test_nothing_that_a_platform_sends_makes_the_insert_fail(session: AsyncSession, channel: Channel, change: dict[str, Any]):
    await take(session, channel, said("before"), said(**change), said("after"))
    assert len(await everything(session, Message)) == 3
    assert not await everything(session, DeadLetter)


async def test_an_event_that_cannot_be_read_is_kept_and_costs_its_neighbours_nothing(session: AsyncSession, channel: Channel):
    naive = said("no zone", at=datetime(2026, 3, 2, 9), raw={"a": 1})  # noqa: DTZ001  # that is the fault
    nothing = said(None, number="none")  # pyright: ignore[reportArgumentType]
    received = await take(session, channel, said("before"), naive, nothing, said("after"))
    assert len(received.messages) == 2
    letters = await everything(session, DeadLetter)
    assert [letter.source for letter in letters] == ["webhook", "webhook"]
    assert letters[0].raw == b'{"a": 1}'
    assert "time zone" in letters[0].reason
    assert [event.kind for event in events.recorded(session)].count("dead_letter.kept") == 2


async def test_an_event_that_the_database_refuses_is_kept_and_costs_its_neighbours_nothing(session: AsyncSession, channel: Channel):
    await session.execute(text("ALTER TABLE message ADD CONSTRAINT refused CHECK (body <> 'refused')"))
    happened = [said(f"word {number}", number=f"m{number}") for number in range(9)]
    refused = said("refused", number="bad", raw={"all": "of it"})
    received = await take(session, channel, *happened[:4], refused, *happened[4:])
    assert [message.body for message in await everything(session, Message)] == [f"word {number}" for number in range(9)]
    assert len(received.messages) == 9
    (letter,) = await everything(session, DeadLetter)
    assert letter.raw == b'{"all": "of it"}'
    (conversation,) = await everything(session, Conversation)
    assert (conversation.message_count, conversation.waiting_count) == (9, 1)
    kinds = [event.kind for event in events.recorded(session)]
    assert kinds.count("message.received") == 9
    assert kinds.count("conversation.created") == 1
    await take(session, channel, *(said(f"more {number}") for number in range(20)))  # the connection is still good
    assert len(await everything(session, Message)) == 29


async def test_what_a_connector_could_not_parse_is_kept_beside_the_rest(session: AsyncSession, channel: Channel):
    batch = Batch([said()], rejected=[Rejected(b"\xff{", "not JSON")])
    await receive.receive(session, channel, batch, now=MONDAY, fence=channel.fence)
    (letter,) = await everything(session, DeadLetter)
    assert (letter.raw, letter.reason, letter.source) == (b"\xff{", "not JSON", "stream")


async def test_a_dead_letter_is_replayed_once(session: AsyncSession, channel: Channel):
    letter = await dead_letters.keep(session, channel, source="webhook", raw=b"{}", reason="unknown", now=MONDAY)
    with pytest.raises(Invalid):
        await dead_letters.replay(session, letter, Batch(rejected=[Rejected(b"{}", "unknown")]), now=MONDAY)
    received = await dead_letters.replay(session, letter, Batch([said()]), now=MONDAY)
    assert len(received.messages) == 1
    assert not await dead_letters.find(session, channel.workspace_id)
    with pytest.raises(Conflict):
        await dead_letters.replay(session, letter, Batch([said()]), now=MONDAY)


async def test_a_stream_moves_the_cursor_and_a_webhook_never_does(session: AsyncSession, channel: Channel):
    batch = Batch([said(after=50)], cursor="17")
    await receive.receive(session, channel, batch, now=MONDAY + timedelta(seconds=60), fence=0)
    await receive.receive(session, channel, Batch([said("hook")], cursor="99"), now=MONDAY, move_cursor=False)
    await session.refresh(channel)
    assert (channel.cursor, channel.state) == ("17", ChannelState.HEALTHY)
    assert (channel.last_event_at, channel.last_success_at) == (MONDAY + timedelta(seconds=50), MONDAY + timedelta(seconds=60))


async def test_a_batch_of_a_lost_lease_stores_nothing(database: Database):
    async with database.transaction() as session:
        channel = await Make(session).channel(await Make(session).workspace(), fence=2)
    with pytest.raises(receive.LeaseLost):
        async with database.transaction() as session:
            await receive.receive(session, channel, Batch([said()], cursor="5"), now=MONDAY, fence=1)
    async with database.transaction() as session:
        assert not await everything(session, Message)
        assert not await everything(session, Inbound)


async def test_a_gap_is_shown_as_a_gap(session: AsyncSession, channel: Channel):
    await receive.receive(session, channel, Batch(gap=True, cursor="9"), now=MONDAY, fence=0)
    await session.refresh(channel)
    assert channel.gap_at == MONDAY
    assert "channel.gap_found" in [event.kind for event in events.recorded(session)]


async def test_parallel_batches_of_the_same_people_and_conversations_all_come_in_once(database: Database):
    async with database.transaction() as session:
        channel = await Make(session).channel(await Make(session).workspace())

    async def write(writer: int) -> None:
        generator = random.Random(writer)
        for turn in range(6):
            batch = [_of_many(generator, f"{writer}-{turn}-{number}") for number in range(25)]
            batch += [_of_many(random.Random(turn * 100 + number), f"shared-{turn}-{number}") for number in range(5)]
            generator.shuffle(batch)
            async with database.transaction() as session:
                await receive.receive(session, channel, Batch(batch), now=MONDAY + timedelta(hours=1), move_cursor=False)

    await asyncio.gather(*(write(writer) for writer in range(8)))
    async with database.transaction() as session:
        messages = await everything(session, Message)
        assert len(messages) == 8 * 6 * 25 + 6 * 5
        for conversation in await everything(session, Conversation):
            own = [message for message in messages if message.conversation_id == conversation.id]
            newest = max(own, key=lambda message: (message.at, message.id))
            assert (conversation.message_count, conversation.last_message_id) == (len(own), newest.id)
        assert await waits.rebuild(session, channel.workspace_id, now=MONDAY + timedelta(hours=2)) == 0


def _of_many(generator: random.Random, number: str) -> Event:
    person = generator.randrange(12)
    author = Author(f"p{person}", f"Person {person}")
    return said("Where is it?", number=number, author=author, thread_id=f"t{generator.randrange(9)}", after=generator.randrange(1000))
