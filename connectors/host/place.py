"""What every part of the host shares in one process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.host.accounts import Accounts
from connectors.host.pace import Pace
from inbox.db import Database
from inbox.files import Files
from inbox.settings import Settings


def _clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Place:
    """One process of the host; `owner` is its name on leases, different at every start."""

    database: Database
    files: Files
    settings: Settings
    accounts: Accounts
    owner: str
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], datetime] = _clock
    looked: asyncio.Event = field(default_factory=asyncio.Event)  # the timer of alerts has just done its work
