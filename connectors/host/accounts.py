"""Connectors made from stored channels, kept as long as the settings they were made from."""

import asyncio
import json
from collections import Counter

import structlog
from pydantic import BaseModel, ValidationError

import connectors
from connectors import http
from connectors.host.renewing import Stored
from inbox import channels
from inbox.contract import Connector, Permanent, Renews
from inbox.db import Database
from inbox.errors import NotFound, Unusable
from inbox.models import Channel
from inbox.secrets import Vault
from inbox.settings import Settings

log = structlog.get_logger()
PATIENCE = 3.0  # seconds that a connector may take to close: others wait for it


class Misconfigured(Permanent):
    """The channel's settings cannot be used: a person has to mend them."""


def connect(channel: Channel, vault: Vault, settings: Settings, database: Database) -> Connector:
    """The connector of a channel. Raises Misconfigured with a sentence that holds no secret."""
    http.allow(settings.allow_private_networks)
    kind, config = configured(channel, vault)
    connector = kind(config)
    if isinstance(connector, Renews):
        connector.lend(Stored(database, vault, channel))
    return connector


def configured(channel: Channel, vault: Vault) -> tuple[type[Connector], BaseModel]:
    """The connector's class and its checked configuration. Raises Misconfigured with a sentence that holds no secret."""
    try:
        kind = connectors.find(channel.platform)
        return kind, kind.Config.model_validate(channels.opened(vault, channel))
    except ValidationError as error:
        raise Misconfigured(f"The channel's settings are not complete or not right: {_fields(error)}.") from None
    except (NotFound, Unusable, ImportError, json.JSONDecodeError) as error:
        words = "The channel's settings cannot be read." if isinstance(error, json.JSONDecodeError) else str(error)
        raise Misconfigured(words) from None


def _fields(error: ValidationError) -> str:
    """Which settings are wrong; never what was given, which may be a password."""
    return ", ".join(sorted({".".join(str(part) for part in item["loc"]) or item["msg"] for item in error.errors(include_input=False)}))


class Accounts:
    """The connectors that one process has open, one for each channel; made anew when the channel's settings change."""

    def __init__(self, vault: Vault, settings: Settings, database: Database) -> None:
        self.vault = vault
        self._settings, self._database = settings, database
        self._open: dict[int, tuple[str, Connector]] = {}
        self._users: Counter[int] = Counter()  # of each connector, by its identity
        self._retired: set[int] = set()  # replaced while somebody still used them: the last one closes them

    async def get(self, channel: Channel) -> Connector:
        """The connector of this channel, as it is set up now."""
        kept = self._open.get(channel.id)
        if kept is not None and kept[0] == channel.config:
            return kept[1]
        made = connect(channel, self.vault, self._settings, self._database)
        self._open[channel.id] = (channel.config, made)
        if kept is not None:
            await self._retire(kept[1])
        return made

    async def take(self, channel: Channel) -> Connector:
        """The same, for something that takes a while: it is not closed before it is given back."""
        connector = await self.get(channel)
        self._users[id(connector)] += 1
        return connector

    async def give_back(self, connector: Connector) -> None:
        """What was taken is not used any more."""
        self._users[id(connector)] -= 1
        if self._users[id(connector)] == 0:
            del self._users[id(connector)]
            if id(connector) in self._retired:
                self._retired.discard(id(connector))
                await close(connector)

    async def drop(self, channel_id: int) -> None:
        """Close a channel's connector, as soon as nobody uses it; one that cannot even close is no reason to stop."""
        kept = self._open.pop(channel_id, None)
        if kept is not None:
            await self._retire(kept[1])

    async def close(self) -> None:
        """Close them all."""
        kept, self._open = self._open, {}
        await asyncio.gather(*(close(connector) for _, connector in kept.values()))

    async def _retire(self, connector: Connector) -> None:
        if self._users[id(connector)]:
            self._retired.add(id(connector))
        else:
            await close(connector)


async def close(connector: Connector) -> None:
    """Close a connector; what goes wrong, or takes too long, is logged."""
    try:
        async with asyncio.timeout(PATIENCE):
            await connector.aclose()
    except Exception as error:  # a connector may be anybody's code
        log.warning("a connector did not close", platform=connector.name, error=type(error).__name__)
