"""Chat answers that leave by mail: only while the visitor is away, each of them once, and their answers come back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import widget_mail
from inbox import events
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import chats, mailings, receive, visitors, visits
from inbox.conversations.visitors import Said
from inbox.db import Database
from inbox.files import Files
from inbox.models import (
    Channel,
    Conversation,
    Delivery,
    Direction,
    Installation,
    LogEvent,
    Mailing,
    Message,
    Visitor,
    VisitorMail,
    Wait,
    Workspace,
)
from inbox.secrets import Vault, open_vault
from inbox.settings import Settings
from tests.api.letterbox import Letterbox, letterbox
from tests.make import Make


@dataclass
class Chat:
    """A visitor who has written, left an address and gone; time passes by hand."""

    database: Database
    settings: Settings
    vault: Vault
    box: Letterbox
    channel: Channel
    visitor: Visitor
    conversation: Conversation
    now: datetime

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def answer(self, body: str) -> int:
        """An answer of the team, sent now."""
        async with self.database.transaction() as session:
            message = await Make(session).message(
                self.conversation, body=body, direction=Direction.OUT, delivery=Delivery.SENT, author_name="Kim", at=self.now
            )
        return message.id

    async def mail(self) -> int:
        return await widget_mail.mail_due(self.database, self.vault, self.settings, clock=lambda: self.now)

    async def states(self) -> list[Mailing]:
        async with self.database.transaction() as session:
            return list(await session.scalars(select(col(VisitorMail.state)).order_by(col(VisitorMail.message_id))))


@pytest.fixture
async def box() -> AsyncIterator[Letterbox]:
    async with letterbox() as box:
        yield box


@pytest.fixture
async def chat(database: Database, settings: Settings, box: Letterbox, now: datetime) -> Chat:
    settings = settings.model_copy(update={"smtp_url": SecretStr(box.url), "mail_from": "Parley <chat@example.org>"})
    vault = open_vault(settings)
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(privacy_url="https://example.org/privacy")
        channel = await make.channel(workspace, platform="widget", key="shop", name="Bicycle Workshop")
        token = visitors.offer_token(vault, channel)
        visitor = await visitors.begin(session, channel, token, locale="en", now=now)
        await visitors.say(session, channel, visitor, Said("first-key", "Do you repair hub gears?"), files=Files(settings.home), now=now)
        await visitors.keep_address(session, visitor, "anna@example.com", now=now)
        await visits.connected(session, visitor, until=now)
        conversation = await session.get_one(Conversation, await visitors.conversation_id(session, visitor))
        await session.refresh(visitor)
    return Chat(database, settings, vault, box, channel, visitor, conversation, now)


async def mailbox(session: AsyncSession, chat: Chat) -> Channel:
    workspace = await session.get_one(Workspace, chat.channel.workspace_id)
    return await Make(session).channel(workspace, platform="email", account_id="workshop@example.net")


async def test_an_answer_is_mailed_a_minute_after_the_visitor_left(chat: Chat):
    await chat.answer("Yes, we do.\n\n> & <b>gladly</b>")
    chat.later(59)
    assert await chat.mail() == 0
    chat.later(2)
    assert await chat.mail() == 1
    [letter] = chat.box.letters
    assert letter["To"] == "anna@example.com"
    assert letter["From"] == "Bicycle Workshop <chat@example.org>"
    assert letter["Subject"] == "Answer from Bicycle Workshop"
    assert letter["Auto-Submitted"] == "no"
    body = letter.get_content()
    for part in ("Yes, we do.", "& <b>gladly</b>", "Kim", "http://parley.test/widget/shop/chat#resume=", "https://example.org/privacy"):
        assert part in body.replace(" \n", " ")
    async with chat.database.transaction() as session:
        [told] = (await session.scalars(select(LogEvent).where(col(LogEvent.kind) == "reply.mailed"))).all()
    assert told.data["state"] == "sent"


async def test_an_answer_is_mailed_once_by_however_many_processes_and_times(chat: Chat):
    await chat.answer("Yes, we do.")
    chat.later(61)
    assert sum(await asyncio.gather(*(chat.mail() for _ in range(8)))) == 1
    for _ in range(3):
        chat.later(600)
        assert await chat.mail() == 0
    assert len(chat.box.letters) == 1


async def test_answers_that_are_due_together_leave_in_one_mail_and_later_ones_continue_it(chat: Chat):
    await chat.answer("Yes, we do.")
    await chat.answer("From Monday on.")
    chat.later(61)
    assert await chat.mail() == 1
    await chat.answer("And on Sundays.")
    chat.later(61)
    assert await chat.mail() == 1
    first, second = chat.box.letters
    assert "From Monday on." in first.get_content()
    assert second["In-Reply-To"] == first["Message-ID"]
    assert second["Subject"] == "Re: Answer from Bicycle Workshop"


@pytest.mark.parametrize("reason", ["connected", "seen", "no address", "deleted", "not sent", "long ago"])
async def test_nothing_is_mailed_to_whom_it_would_not_help(chat: Chat, reason: str):
    message_id = await chat.answer("Yes, we do.")
    chat.later(4 * 86400 if reason == "long ago" else 61)
    async with chat.database.transaction() as session:
        message = update(Message).where(col(Message.id) == message_id)
        if reason == "connected":
            await visits.connected(session, chat.visitor, until=chat.now + visits.CONNECTED)
        elif reason == "seen":
            await session.execute(message.values(seen_at=chat.now))
        elif reason == "no address":
            await session.execute(update(Visitor).values(email=None))
        elif reason == "deleted":
            await session.execute(message.values(deleted_at=chat.now))
        elif reason == "not sent":
            await session.execute(message.values(delivery=Delivery.AMBIGUOUS))
    assert await chat.mail() == 0
    assert chat.box.letters == []


async def test_a_held_installation_mails_nobody(chat: Chat):
    await chat.answer("Yes, we do.")
    chat.later(61)
    async with chat.database.transaction() as session:
        await session.execute(update(Installation).values(held=True))
    assert await chat.mail() == 0


async def test_the_answer_to_a_mail_returns_to_the_chat_and_its_visitor_sees_it(chat: Chat):
    async with chat.database.transaction() as session:
        email = await mailbox(session, chat)
    await chat.answer("Yes, we do.")
    chat.later(61)
    assert await chat.mail() == 1
    [letter] = chat.box.letters
    assert letter["From"] == "Bicycle Workshop <workshop@example.net>"
    mail_id = letter["Message-ID"].strip("<>")
    answer = Event(
        id="mail:1", kind=EventKind.MESSAGE, message_id="answer@example.com", thread_id=mail_id, parent_id=mail_id, at=chat.now,
        author=Author(id="anna@example.com", name="Anna", email="anna@example.com"), text="Great, I come on Monday.",
        conversation_kind=ConversationKind.EMAIL,
    )  # fmt: skip
    async with chat.database.transaction() as session:
        received = await receive.receive(session, email, Batch(events=(answer,)), now=chat.now)
    assert received.conversations == {chat.conversation.id}
    async with chat.database.transaction() as session:
        assert [line.text for line in await chats.transcript(session, chat.visitor)][-1] == "Great, I come on Monday."
        assert len((await session.scalars(select(Wait).where(col(Wait.closed_at).is_(None)))).all()) >= 1


async def test_a_refused_address_is_told_beside_the_answer_and_not_tried_again(chat: Chat):
    chat.box.refusal = "550 no such mailbox"
    message_id = await chat.answer("Yes, we do.")
    chat.later(61)
    assert await chat.mail() == 0
    chat.box.refusal = ""
    chat.later(86400)
    assert await chat.mail() == 0
    assert await chat.states() == [Mailing.FAILED]
    async with chat.database.transaction() as session:
        message = await session.get_one(Message, message_id)
        assert "550" in (message.error or "")
        assert message.delivery == Delivery.SENT  # in the chat it is


async def test_a_server_that_is_busy_is_asked_again_later(chat: Chat):
    chat.box.refusal = "451 try later"
    await chat.answer("Yes, we do.")
    chat.later(61)
    assert await chat.mail() == 0
    assert await chat.states() == [Mailing.WAITING]
    chat.box.refusal = ""
    assert await chat.mail() == 0  # not at once
    chat.later(300)
    assert await chat.mail() == 1
    assert await chat.states() == [Mailing.SENT]


async def test_a_mail_that_may_have_left_is_never_sent_again(chat: Chat):
    chat.box.hangs_up = True
    await chat.answer("Yes, we do.")
    chat.later(61)
    assert await chat.mail() == 0
    assert await chat.states() == [Mailing.AMBIGUOUS]
    chat.box.hangs_up = False
    chat.later(86400)
    assert await chat.mail() == 0
    assert len(chat.box.letters) == 1


async def test_a_process_that_dies_while_mailing_leaves_a_doubt_and_no_second_mail(chat: Chat):
    await chat.answer("Yes, we do.")
    chat.later(61)
    async with chat.database.transaction() as session:
        assert len(await mailings.claim(session, now=chat.now)) == 1  # and then it died
    assert await chat.mail() == 0
    chat.later(600)
    assert await chat.mail() == 0
    assert await chat.states() == [Mailing.AMBIGUOUS]
    assert chat.box.letters == []


async def test_an_address_is_an_event_without_the_address_in_it(chat: Chat):
    async with chat.database.transaction() as session:
        changed = [event for event in await events.since(session, 0) if event.kind == "contact.changed"]
    assert [event.data["fields"] for event in changed] == [["email"]]
    assert "anna@example.com" not in str(changed[0].data)
