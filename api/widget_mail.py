"""Mails the chat's answers to visitors who have gone. One loop of the work process; `inbox.conversations.mailings` says what is due."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import formataddr, parseaddr

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from api.widget_access import config_of
from inbox import pauses
from inbox.contract import Ambiguous, ConnectorError, Permanent
from inbox.conversations import mailings, visitors
from inbox.conversations.mailings import Letter
from inbox.db import Database
from inbox.models import Installation, Workspace
from inbox.secrets import Vault
from inbox.settings import Settings
from web import render
from web.i18n import language

POLL_SECONDS = 10.0  # an answer waits a minute anyway
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A letter that can leave without another look at the database."""

    letter: Letter
    sender: str
    mail_id: str
    subject: str
    text: str
    headers: dict[str, str]


async def run(database: Database, vault: Vault, settings: Settings, stop: asyncio.Event, *, clock: Callable[[], datetime]) -> None:
    """Mail what is due, until `stop`. Without a mail server there is nothing to do: no visitor is asked for an address."""
    if settings.smtp_url is None:
        return
    while not stop.is_set():
        try:
            await mail_due(database, vault, settings, clock=clock)
        except (
            SQLAlchemyError,
            psycopg.Error,
            OSError,
        ) as error:  # a database that restarts; what was claimed and not settled becomes ambiguous
            log.warning("mailing chat answers waits for the database", error=str(error))
        await pauses.happens(stop, POLL_SECONDS)


async def mail_due(database: Database, vault: Vault, settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """Claim, commit, send outside of any transaction, and write down what became of it; how many mails left."""
    async with database.transaction() as session:
        installation = await session.get(Installation, 1)
        if settings.smtp_url is None or (installation is not None and installation.held):
            return 0
        await mailings.expire_leases(session, now=clock())
        claimed = await mailings.claim(session, now=clock())
        waiting = [await _prepare(session, vault, settings, letter, now=clock()) for letter in claimed]
    return sum([await _send(database, settings.smtp_url.get_secret_value(), prepared, clock) for prepared in waiting])


async def _prepare(session: AsyncSession, vault: Vault, settings: Settings, letter: Letter, *, now: datetime) -> Prepared:
    visitor, channel = letter.visitor, letter.channel
    mailbox = await mailings.mailbox(session, visitor.workspace_id)
    workspace = await session.get_one(Workspace, visitor.workspace_id)
    title = config_of(vault, channel).title or channel.name
    address = mailbox.account_id if mailbox else parseaddr(settings.mail_from)[1]
    signature = vault.sign("mailed", *map(str, letter.message_ids))
    mail_id = f"chat.{letter.messages[0].id}.{signature[:16]}@{address.rpartition('@')[2] or 'localhost'}"
    if mailbox is not None:
        await mailings.expect_answers(session, letter, mailbox, mail_id)
    link = visitors.resume_link(vault, channel, visitor, now=now)
    say = language(visitor.locale).gettext
    return Prepared(
        letter=letter,
        sender=formataddr((title, address)),
        mail_id=mail_id,
        subject=("Re: " if letter.earlier else "") + say("Answer from %(title)s") % {"title": title},
        text=render.fragment(
            "widget/mail.txt",
            visitor.locale,
            messages=letter.messages,
            files=letter.files,
            title=title,
            answerable=mailbox is not None,
            link=f"{settings.public_url}/widget/{channel.key}/chat#resume={link}",
            privacy=workspace.privacy_url,
        ),
        headers=_headers(letter),
    )


def _headers(letter: Letter) -> dict[str, str]:
    """A person wrote it, so an out-of-office may answer; mail programs show the mails of one chat together."""
    earlier = [f"<{mail_id}>" for mail_id in letter.earlier]
    return {"Auto-Submitted": "no", **({"In-Reply-To": earlier[-1], "References": " ".join(earlier)} if earlier else {})}


async def _send(database: Database, smtp_url: str, prepared: Prepared, clock: Callable[[], datetime]) -> int:
    from connectors.outbound import mail  # brings everything about e-mail: only where a letter leaves

    letter, failure = prepared.letter, None
    try:
        await mail.send(
            smtp_url,
            prepared.sender,
            letter.visitor.email or "",
            prepared.subject,
            prepared.text,
            message_id=prepared.mail_id,
            headers=prepared.headers,
        )
    except ConnectorError as error:
        failure = error
    async with database.transaction() as session:
        match failure:
            case None:
                await mailings.mark_sent(session, letter, prepared.mail_id, now=clock())
            case Ambiguous():
                await mailings.mark_ambiguous(session, letter, str(failure), now=clock())
            case Permanent():
                await mailings.mark_failed(session, letter, str(failure), now=clock())
            case _:
                await mailings.release(session, letter, str(failure), now=clock())
    return failure is None
