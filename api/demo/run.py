"""`parley demo`: what happens between the migrated database and the first request."""

import asyncio
from datetime import UTC, datetime

from api.demo import seed
from api.deps import House
from inbox.db import Database
from inbox.errors import Unusable
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings


def prepare(settings: Settings) -> str:
    """Seed the demonstration when it is not there yet, and return the line with the link that signs in."""
    return asyncio.run(_prepare(settings))


async def _prepare(settings: Settings) -> str:
    if settings.database_url is None:
        raise Unusable("The demonstration needs the database's address.")
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    vault = open_vault(settings)
    house = House(settings=settings, database=database, vault=vault, files=Files(settings.home))
    try:
        workspace_id = await seed.ensure(house, now=datetime.now(UTC))
    finally:
        await database.close()
    link = f"{settings.public_url}/demo/{workspace_id}/{vault.sign('demo', str(workspace_id))}"
    return f"The demonstration community is waiting. Open this link, it signs you in:\n\n    {link}\n"
