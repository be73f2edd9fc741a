"""The main job by e-mail, through dovecot and opensmtpd: a customer's mail, the team's answer, the customer's mailbox, the wait."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import TypeVar

import pytest
from sqlalchemy import Select, select
from sqlmodel import col

from api.deps import House
from connectors import http, runner
from connectors.host.pace import Pace
from inbox import channels
from inbox.contract import ConversationKind
from inbox.conversations import replies
from inbox.models import Conversation, Delivery, Message, Outcome, Role, Wait
from inbox.team import rights
from tests.make import Make
from tests.servers.mailservers import MailServers

T = TypeVar("T")
pytestmark = pytest.mark.servers


@pytest.fixture
async def working(house: House) -> AsyncIterator[House]:
    """The host at work, as in `parley serve`."""
    house.clock = lambda: datetime.now(UTC)
    http.allow(["127.0.0.1"])
    stop = asyncio.Event()
    settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    host = asyncio.create_task(runner.run(house.database, house.vault, house.files, settings, stop, pace=Pace(look=0.1)))
    yield house
    stop.set()
    await host
    http.allow([])


async def first(house: House, query: Select[T]) -> T:
    """The first row of a query as soon as there is one."""
    async with asyncio.timeout(60):
        while True:
            async with house.database.transaction() as session:
                found = await session.scalar(query.limit(1))
            if found is not None:
                return found
            await asyncio.sleep(0.1)


def letter(sender: str, to: str, subject: str, text: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = f"<{secrets.token_hex(8)}@customer.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


async def test_a_customers_mail_is_answered_into_the_customers_mailbox_and_the_wait_closes(working: House, mailservers: MailServers):
    shop, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    async with working.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(undo_seconds=0)
        member = await make.member(workspace, role=Role.ADMIN, name="Mira")
        config = mailservers.config(shop)
        await channels.add(session, working.vault, rights.of(member), platform="email", name="Post", config=config, now=working.clock())
    question = letter(f"Anna <{anna}>", shop, "Opening hours", "Are you open on Sunday?")
    await asyncio.to_thread(mailservers.send, question, anna, shop)
    conversation = await first(working, select(Conversation).where(col(Conversation.waiting_count) == 1))
    assert (conversation.kind, conversation.subject, conversation.author_name) == (ConversationKind.EMAIL, "Opening hours", "Anna")

    async with working.database.transaction() as session:
        await replies.queue(session, conversation, member, body="Yes, from ten.", client_key="k1", now=working.clock())
    (answer,) = await asyncio.to_thread(mailservers.wait_for, anna)
    assert answer["In-Reply-To"] == question["Message-ID"]
    assert "Yes, from ten." in answer.get_content()
    sent = await first(working, select(Message).where(col(Message.delivery) == Delivery.SENT))
    wait = await first(working, select(Wait).where(col(Wait.closed_at).is_not(None)))
    assert (wait.outcome, wait.member_id, wait.closed_by, wait.closed_at) == (Outcome.ANSWERED, member.id, sent.id, sent.at)
    assert timedelta() < sent.at - wait.opened_at < timedelta(minutes=5)

    await asyncio.sleep(1.1)  # IMAP tells whole seconds, and no customer answers within one
    more = letter(f"Anna <{anna}>", shop, "Re: Opening hours", "And on Monday?", In_Reply_To=str(answer["Message-ID"]))
    await asyncio.to_thread(mailservers.send, more, anna, shop)
    again = await first(working, select(Wait).where(col(Wait.closed_at).is_(None)))
    assert again.conversation_id == conversation.id
