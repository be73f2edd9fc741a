"""One process that runs the host with the fake connectors: `python -m tests.load.worker '{"url": …, "home": …, "pace": {…}}'`."""

import asyncio
import json
import signal
import sys
from typing import Any

from pydantic import SecretStr

import connectors
from connectors import runner
from connectors.host.pace import Pace
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings

KINDS = {"plain": "Plain", "askable": "Askable", "idempotent": "Idempotent"}


async def main(given: dict[str, Any]) -> None:
    for platform, name in KINDS.items():
        connectors.BUILT_IN[platform] = f"tests.load.fakes:{name}"
    settings = Settings(home=given["home"], secret_key=SecretStr("test"), allow_private_networks=("127.0.0.1",))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database(given["url"])
    await runner.run(database, open_vault(settings), Files(settings.home), settings, stop, pace=Pace(**given["pace"]))
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
