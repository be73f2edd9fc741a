"""The background work of one process: the host of the connectors."""

import asyncio

from connectors import runner
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings


async def work(settings: Settings, database: Database, stop: asyncio.Event) -> None:
    """Read channels, deliver replies and fire timers until `stop` is set."""
    await runner.run(database, open_vault(settings), Files(settings.home), settings, stop)
