"""Mail on its way into the inbox: what the parser makes of it is what the inbox can store."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from connectors.email import parse
from connectors.email.config import EmailConfig
from inbox.conversations import receive
from inbox.models import Conversation, Message, Wait
from tests.make import MONDAY, Make

CONFIG = EmailConfig(address="support@shop.example", imap_host="i", smtp_host="s", password="secret")
QUESTION = "From: Anna <anna@customer.example>\nMessage-ID: <q@x>\nSubject: Lamp\n\nIs it broken?\n\n-- \nAnna\n"
VACATION = "From: Anna <anna@customer.example>\nMessage-ID: <v@x>\nIn-Reply-To: <q@x>\nAuto-Submitted: auto-replied\n\nI am away.\n"
NATIVE = "From: support@shop.example\nMessage-ID: <a@shop.example>\nIn-Reply-To: <q@x>\nReferences: <q@x>\n\nNo.\n"


async def test_a_question_waits_until_a_colleague_answers_from_another_mail_program(session: AsyncSession, make: Make):
    channel = await make.channel(await make.workspace(), platform="email", connected_at=MONDAY - timedelta(days=1))
    sources = [
        parse.Source(QUESTION.encode(), MONDAY),
        parse.Source(VACATION.encode(), MONDAY + timedelta(minutes=1)),
        parse.Source(NATIVE.encode(), MONDAY + timedelta(minutes=5), sent=True),
    ]
    batch = parse.batch(sources, CONFIG, '{"INBOX": {}}')
    await receive.receive(session, channel, batch, now=MONDAY + timedelta(minutes=6))

    [conversation] = (await session.scalars(select(Conversation).where(col(Conversation.channel_id) == channel.id))).all()
    messages = (
        await session.scalars(select(Message).where(col(Message.conversation_id) == conversation.id).order_by(col(Message.at)))
    ).all()
    assert [(message.body, message.quoted) for message in messages] == [("Is it broken?", "-- \nAnna"), ("I am away.", ""), ("No.", "")]
    [wait] = (await session.scalars(select(Wait).where(col(Wait.conversation_id) == conversation.id))).all()
    assert wait.closed_at is not None
    assert wait.closed_at - wait.opened_at == timedelta(minutes=5)
    assert conversation.subject == "Lamp"
