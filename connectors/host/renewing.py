"""Secrets that a platform has given anew while a channel was read: kept in the place of the former ones."""

import json
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import update
from sqlmodel import col

from connectors.host.place import Place
from inbox.contract import Connector, Renews
from inbox.conversations.leases import Lease
from inbox.models import Channel

log = structlog.get_logger()


async def keep(place: Place, lease: Lease, channel: Channel, connector: Connector) -> None:
    """Store them, unless somebody has changed the channel's settings or reads it meanwhile: then theirs count."""
    renewed: Mapping[str, str] = connector.renewed if isinstance(connector, Renews) else {}
    if not renewed:
        return
    vault = place.accounts.vault
    before: dict[str, Any] = json.loads(vault.decrypt(channel.config))
    after = {**before, **renewed}
    if after == before:
        return
    try:
        connector.Config.model_validate(after)
    except ValidationError:
        log.error("a platform gave a secret that its own connector does not take", channel=channel.id, platform=connector.name)
        return
    sealed = vault.encrypt(json.dumps(after))
    mine = (col(Channel.id) == channel.id, col(Channel.fence) == lease.fence, col(Channel.config) == channel.config)
    async with place.database.transaction() as session:
        stored = await session.scalar(update(Channel).where(*mine).values(config=sealed).returning(col(Channel.id)))
    if stored is not None:
        channel.config = sealed
