"""Texts that platforms have approved, asked for when somebody wants one, and kept for a while."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import House
from connectors.host import accounts
from inbox import db
from inbox.contract import ConnectorError, HasTemplates, Permanent, PlatformTemplate
from inbox.errors import Conflict, NotFound
from inbox.models import Channel

KEPT_SECONDS = 600.0
LONGEST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What a platform said, under which settings, and until when it is believed, by the process's own clock."""

    config: str
    until: float
    templates: Sequence[PlatformTemplate]


_kept: dict[int, Kept] = {}  # by channel


async def every(session: AsyncSession, house: House, channel: Channel) -> Sequence[PlatformTemplate]:
    """The approved texts of this account; Conflict with the platform's own sentence. No transaction waits for the platform."""
    known = _kept.get(channel.id)
    if known is not None and known.config == channel.config and known.until > time.monotonic():
        return known.templates
    await db.release(session)
    templates = await _ask(house, channel)
    _kept[channel.id] = Kept(channel.config, time.monotonic() + KEPT_SECONDS, templates)
    return templates


async def find(session: AsyncSession, house: House, channel: Channel, name: str, language: str) -> PlatformTemplate:
    """One of them."""
    for template in await every(session, house, channel):
        if (template.name, template.language) == (name, language):
            return template
    raise NotFound("The platform has not approved such a text.")


async def _ask(house: House, channel: Channel) -> Sequence[PlatformTemplate]:
    try:
        connector = accounts.connect(channel, house.vault, house.settings, house.database)
    except Permanent as error:
        raise _refused(str(error)) from None
    try:
        if not isinstance(connector, HasTemplates):
            return ()
        async with asyncio.timeout(LONGEST_SECONDS):
            return tuple(await connector.templates())
    except ConnectorError as error:
        raise _refused(str(error)) from None
    except TimeoutError:
        raise _refused("The platform did not answer in time.") from None
    finally:
        await accounts.close(connector)


def _refused(reason: str) -> Conflict:
    return Conflict("The platform does not tell which texts it has approved: {reason}", code="templates_failed", reason=reason)
