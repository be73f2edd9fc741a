"""One process that raises and delivers alerts: `python -m tests.load.alerting '{"url": …, "home": …, "clock": FILE, "hook": …}'`.

Its clock goes as the machine's, and as many seconds off as the file says: a clock that somebody puts back or forward while it runs.
"""

import asyncio
import json
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from api import alert_delivery
from connectors import http
from connectors.host import breaches
from connectors.host.accounts import Accounts
from connectors.host.place import Place
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings


async def main(given: dict[str, Any]) -> None:
    settings = Settings(home=given["home"], secret_key=SecretStr("test"), allow_private_networks=("127.0.0.1",))
    http.allow(settings.allow_private_networks)
    offset, stop = Path(given["clock"]), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(offset.read_text() or 0))

    database, vault = Database(given["url"]), open_vault(settings)
    place = Place(database, Files(settings.home), settings, Accounts(vault, settings, database), "one", clock=clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(breaches.run(place, stop))
        tasks.create_task(alert_delivery.run(database, vault, settings, stop, clock=clock))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
