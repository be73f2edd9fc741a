"""Mails the figures to those who asked for them. One loop of the work process; `inbox.promptness.schedules` says whose turn it is."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from inbox import pauses
from inbox.contract import ConnectorError
from inbox.db import Database
from inbox.models import WAITS, Installation
from inbox.promptness import satisfaction, schedules
from inbox.promptness.question import Cut, Question
from inbox.promptness.schedules import Due
from inbox.settings import Settings
from inbox.team.rights import Access
from web import render
from web.i18n import language

POLL_SECONDS = 60.0
log = structlog.get_logger()


async def run(database: Database, settings: Settings, stop: asyncio.Event, *, clock: Callable[[], datetime]) -> None:
    """Mail what is due, until `stop`; without a mail server nothing can be."""
    if settings.smtp_url is None:
        return
    while not stop.is_set():
        try:
            await mail_due(database, settings, clock=clock)
        except (SQLAlchemyError, psycopg.Error, OSError) as error:  # a database that restarts
            log.warning("mailing reports waits for the database", error=type(error).__name__)
        await pauses.happens(stop, POLL_SECONDS)


async def mail_due(database: Database, settings: Settings, *, clock: Callable[[], datetime]) -> int:
    """Claim, commit, send outside of any transaction, and write down what became of it; how many letters left."""
    async with database.transaction() as session:
        installation = await session.get(Installation, 1)
        if settings.smtp_url is None or (installation is not None and installation.held):
            return 0
        claimed = await schedules.claim(session, now=clock())
    sent = 0
    for due in claimed:
        errors: list[str] = []
        for access, email in due.readers:
            try:
                await _send(settings, due, email, await _words(database, settings, due, access, clock()))
                sent += 1
            except ConnectorError as refused:
                errors.append(str(refused))
        async with database.transaction() as session:
            await schedules.settle(session, due, error="; ".join(sorted(set(errors))) or None, now=clock())
    return sent


async def _words(database: Database, settings: Settings, due: Due, access: Access, now: datetime) -> str:
    """What one reader is told, by their own rights."""
    from inbox.promptness import metrics  # numpy: only when a report is due

    wanted = [(cut, metric) for cut in (Cut.ALL, Cut.CHANNEL, Cut.TEAM) for metric in WAITS]
    async with database.transaction() as session:
        question = Question(since=due.since, until=due.until, now=now)
        basis = await metrics.basis(session, access, question, member_figures=settings.member_figures)
        found = await metrics.figures(session, access, basis, wanted)
        names = await schedules.names(session, access)
        satisfied = await satisfaction.overall(session, access, satisfaction.Question(due.since, due.until))
    figures = {f"{cut.value}/{metric.value}": told for (cut, metric), told in found.items()}
    given: dict[str, Any] = {
        "satisfaction": satisfied,
        "figures": figures,
        "names": names,
        "due": due,
        "zone": ZoneInfo(due.workspace.timezone),
        "workspace": due.workspace,
    }
    link = f"{settings.public_url}/w/{due.workspace.id}/metrics"
    return render.fragment("metrics/report.txt", due.workspace.locale, link=link, **given)


async def _send(settings: Settings, due: Due, email: str, words: str) -> None:
    from connectors.outbound import mail  # brings everything about e-mail: only where a letter leaves

    if settings.smtp_url is None:
        return
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    subject = language(due.workspace.locale).gettext("How promptly %(workspace)s answered") % {"workspace": due.workspace.name}
    message_id = f"report.{secrets.token_hex(12)}@{domain}"
    await mail.send(settings.smtp_url.get_secret_value(), settings.mail_from, email, subject, words, message_id=message_id)
