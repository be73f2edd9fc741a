"""Secrets that a platform gives anew: kept in the place of the former ones, before they are used."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import psycopg
import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from inbox import channels
from inbox.contract import Transient
from inbox.db import Database
from inbox.models import Channel
from inbox.secrets import Vault

log = structlog.get_logger()
AWAY = (SQLAlchemyError, psycopg.Error, OSError)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between two tries to store what nobody would give us again


class Stored:
    """The secrets of a channel as it is set up now. When somebody changes its settings meanwhile, theirs count."""

    def __init__(self, database: Database, vault: Vault, channel: Channel) -> None:
        self._database, self._vault, self._channel = database, vault, channel

    async def newest(self) -> Mapping[str, str]:
        try:
            async with self._database.transaction() as session:
                channel = await session.get_one(Channel, self._channel.id)
        except AWAY:
            raise Transient("The database does not answer.") from None
        return {name: value for name, value in channels.opened(self._vault, channel).items() if isinstance(value, str)}

    async def keep(self, renewed: Mapping[str, str]) -> None:
        """Though the process is told to end: the platform may not take the former ones again. Told twice, it gives up."""
        writing = asyncio.create_task(self._write_at_last(renewed))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await writing
            raise

    async def _write_at_last(self, renewed: Mapping[str, str]) -> None:
        """However long the database is away."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._write(renewed)
            except AWAY as error:
                log.warning("a renewed secret is not stored yet", channel=self._channel.id, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return

    async def _write(self, renewed: Mapping[str, str]) -> None:
        async with self._database.transaction() as session:
            await channels.renew(session, self._vault, self._channel, renewed)


class Tried:
    """The secrets of settings that are only being tried: `config` has what came anew, `renewed` that alone.

    `stored`: of the channel whose settings they may become; what is renewed of its `shared` secrets is kept there too.
    """

    def __init__(self, config: BaseModel, stored: Stored | None = None, *, shared: Collection[str] = ()) -> None:
        self.config, self.renewed = config, dict[str, str]()
        self._given: dict[str, Any] = channels.revealed(config)
        self._stored, self._shared = stored, shared

    async def newest(self) -> Mapping[str, str]:
        return {name: value for name, value in self._given.items() if isinstance(value, str)}

    async def keep(self, renewed: Mapping[str, str]) -> None:
        self._given.update(renewed)
        self.renewed.update(renewed)
        try:
            self.config = type(self.config).model_validate(self._given)
        except ValidationError:
            log.error("a platform gave a secret that its own connector does not take")
        theirs = {name: secret for name, secret in renewed.items() if name in self._shared}
        if self._stored is not None and theirs:
            await self._stored.keep(theirs)
