"""The background work of one process: the host of the connectors, messages about alerts, reports, questions to customers,
and the chat's mail to visitors."""

import asyncio
from datetime import UTC, datetime

from api import alert_delivery, report_mail, surveys, widget_mail
from connectors import runner
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings


async def work(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Read channels, deliver replies, fire timers, deliver alerts, ask customers how it was and mail chat answers until `stop` is set."""
    vault = open_vault(settings)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run(database, vault, Files(settings.home), settings, stop))
        tasks.create_task(alert_delivery.run(database, vault, settings, stop, clock=lambda: datetime.now(UTC)))
        tasks.create_task(report_mail.run(database, settings, stop, clock=lambda: datetime.now(UTC)))
        tasks.create_task(surveys.run(database, settings, stop, clock=lambda: datetime.now(UTC)))
        tasks.create_task(widget_mail.run(database, vault, settings, stop, clock=lambda: datetime.now(UTC)))
