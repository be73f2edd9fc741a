"""The way in: messages, conversations, and what is there exactly once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Attachment, Author, Batch, ConversationKind, Envelope, Event, EventKind, Post, Rejected
from inbox.conversations import receive
from inbox.files import Files
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
)
from inbox.models import Attachment as StoredAttachment
from inbox.models import Post as StoredPost
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
