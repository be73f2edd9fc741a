"""One channel, read for as long as its lease lasts: batches into the inbox, failures into its health."""

import asyncio
import random
import traceback
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import cast

import psycopg
import structlog
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from connectors.host.accounts import PATIENCE, Misconfigured, close, configured, connect
from connectors.host.place import Place
from connectors.host.standing import Watch
from inbox import pauses
from inbox.contract import AuthError, Batch, Connector, ConnectorError, CursorExpired, Permanent, RateLimited
from inbox.conversations import health, receive
from inbox.conversations.leases import Lease
from inbox.models import Channel, ChannelState

log = structlog.get_logger()
TOLD = 5.0  # seconds: a shorter rest is over before anybody has read of it


class Gone(Exception):
    """The channel is not ours to read any more."""


async def read(place: Place, lease: Lease) -> None:
    """Read the channel again and again until it breaks for good or the lease is lost. Cancelled when the process lets it go."""
    failures = Failures()
    while True:
        try:
            await _once(place, lease, failures)
        except (Gone, receive.LeaseLost):
            return
        except RateLimited as error:
            await _rest(place, lease, max(error.retry_after, place.pace.first_pause))
        except (AuthError, Misconfigured) as error:
            await _break(place, lease, str(error), code=type(error).__name__)
            return
        except (SQLAlchemyError, psycopg.Error) as error:  # ours, not the platform's: no connection was free, or the server is away
            log.warning("a batch was not stored; it is fetched again", channel=lease.channel_id, error=type(error).__name__)
            await asyncio.sleep(place.pace.first_pause)
        except Exception as error:  # a connector may be anybody's code: its channel goes on, and so do the others
            await _fail(place, lease, failures, error)


class Failures:
    """How often in a row it went wrong, and whether the platform's memory of our place is gone."""

    def __init__(self) -> None:
        self.count = 0
        self.gap = False

    def pause(self, first: float, longest: float) -> float:
        """Seconds until the next try: full jitter, so that many channels do not come back at the same moment."""
        return max(first, random.uniform(0, min(longest, first * 2 ** min(self.count, 20))))  # noqa: S311  # not a secret


async def _once(place: Place, lease: Lease, failures: Failures) -> None:
    """Connect, and take in what comes until something ends it."""
    channel = await _channel(place, lease)
    async with _connected(place, channel) as connector:
        await _allow(place, channel)
        if not channel.account_id or channel.state == ChannelState.CONNECTING:
            await _check(place, channel, connector)
            channel = await _channel(place, lease)
        watch = Watch(place, lease, channel, connector)
        beside = (asyncio.create_task(_settled(place, channel, lease, failures)), asyncio.create_task(watch.run()))
        try:
            await _stream(place, lease, channel, connector, failures, watch)
        except CursorExpired:
            failures.gap = True
            await _forget_cursor(place, lease)
        finally:
            await pauses.stop(*beside)
            await watch.look(last=True)


async def _allow(place: Place, channel: Channel) -> None:
    """Note what the account can do: a newer connector may know better, and other settings may allow other things."""
    kind, config = configured(channel, place.accounts.vault)
    async with place.database.transaction() as session:
        await health.allowed(session, channel, kind.capabilities, connectors.allowed(kind, config), now=place.clock())


async def _check(place: Place, channel: Channel, connector: Connector) -> None:
    """Ask who we are: new settings may name another account.

    Nothing of an unknown account can be read, since its own messages would look like a customer's. One that is known is read though the
    check fails: the way out may be down while the way in works. Credentials that are refused stop both.
    """
    try:
        async with asyncio.timeout(place.pace.check):
            account = await connector.check()
    except Exception as error:  # a connector may be anybody's code
        if not channel.account_id or isinstance(error, AuthError):
            raise
        log.warning("a channel is read though its check failed", channel=channel.id, error=type(error).__name__)
        reason = str(error) if isinstance(error, ConnectorError) else "The account could not be checked."
        async with place.database.transaction() as session:
            await health.sending_failed(session, channel, reason, code=type(error).__name__, now=place.clock())
        return
    async with place.database.transaction() as session:
        await health.sending_worked(session, channel, now=place.clock())
        await health.known(session, channel, account_id=account.id, account_name=account.name, now=place.clock())


async def _stream(place: Place, lease: Lease, channel: Channel, connector: Connector, failures: Failures, watch: Watch) -> None:
    batches = connector.stream(channel.cursor)
    try:
        async for batch in batches:
            await _store(place, lease, channel, _marked(batch, gap=failures.gap))
            failures.gap, failures.count = False, 0
            await watch.look()
    finally:
        if isinstance(batches, AsyncGenerator):
            await _end(channel, cast("AsyncGenerator[Batch]", batches))
    raise ConnectorError("The stream ended; it begins again.")


async def _end(channel: Channel, batches: AsyncGenerator[Batch]) -> None:
    """End a stream. How that fails is only logged: raised, it would take the place of the cancellation that ended the reading."""
    try:
        async with asyncio.timeout(PATIENCE):
            await batches.aclose()
    except Exception as error:  # a connector may be anybody's code
        log.warning("a stream did not end well", channel=channel.id, error=type(error).__name__)


async def _store(place: Place, lease: Lease, channel: Channel, batch: Batch) -> None:
    """One transaction for each batch. Being resumed afterwards is the connector's acknowledgement."""
    async with place.database.transaction() as session:
        await receive.receive(session, channel, batch, now=place.clock(), fence=lease.fence, files=place.files)


async def _settled(place: Place, channel: Channel, lease: Lease, failures: Failures) -> None:
    """A stream that has run for a while works, even when nobody writes."""
    noted = False
    while not noted:
        await asyncio.sleep(place.pace.settle)
        with suppress(SQLAlchemyError, psycopg.Error):
            async with place.database.transaction() as session:
                await health.worked(session, channel, now=place.clock(), fence=lease.fence)
            noted = True
    failures.count = 0


async def _rest(place: Place, lease: Lease, seconds: float) -> None:
    """Wait as the platform asks: no failure, but the channel says when it goes on."""
    if seconds >= TOLD:
        async with _noting(place, lease) as (session, channel):
            await health.rests(session, channel, until=place.clock() + timedelta(seconds=seconds), fence=lease.fence)
    await asyncio.sleep(seconds)


async def _fail(place: Place, lease: Lease, failures: Failures, error: Exception) -> None:
    """Note what went wrong, then wait."""
    failures.count += 1
    pause = place.pace.longest_pause if isinstance(error, Permanent) else failures.pause(place.pace.first_pause, place.pace.longest_pause)
    now = place.clock()
    async with _noting(place, lease) as (session, channel):
        await health.failed(
            session,
            channel,
            _sentence(error, lease),
            code=type(error).__name__,
            now=now,
            failures=failures.count,
            next_try_at=now + timedelta(seconds=pause),
            fence=lease.fence,
        )
    await asyncio.sleep(pause)


async def _break(place: Place, lease: Lease, reason: str, *, code: str) -> None:
    async with _noting(place, lease) as (session, channel):
        await health.broke(session, channel, reason, code=code, now=place.clock(), fence=lease.fence)


def _sentence(error: Exception, lease: Lease) -> str:
    """What a person is told. The words of an unexpected error are neither shown nor logged: they may hold a secret."""
    if isinstance(error, ConnectorError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "The platform did not answer in time."
    steps = [f"{Path(step.filename).name}:{step.lineno} {step.name}" for step in traceback.extract_tb(error.__traceback__)]
    log.error("a connector failed unexpectedly", channel=lease.channel_id, error=type(error).__name__, steps=steps)
    return f"Something unexpected happened ({type(error).__name__}); the server's log says where."


async def _channel(place: Place, lease: Lease) -> Channel:
    """The channel's row, while it is ours."""
    async with place.database.transaction() as session:
        channel = await session.get(Channel, lease.channel_id)
    if channel is None or channel.fence != lease.fence or channel.removed_at is not None:
        raise Gone
    return channel


async def _forget_cursor(place: Place, lease: Lease) -> None:
    """The platform forgot our place: begin with what it still has."""
    if (await _channel(place, lease)).cursor is None:
        raise ConnectorError("The platform says that it forgot our place, though we begin anew.")
    mine = update(Channel).where(col(Channel.id) == lease.channel_id, col(Channel.fence) == lease.fence)
    async with place.database.transaction() as session:
        await session.execute(mine.values(cursor=None))


def _marked(batch: Batch, *, gap: bool) -> Batch:
    return replace(batch, gap=True) if gap else batch


@asynccontextmanager
async def _connected(place: Place, channel: Channel) -> AsyncGenerator[Connector]:
    """A connector of this reading's own, closed when it ends."""
    connector = connect(channel, place.accounts.vault, place.settings, place.database)
    try:
        yield connector
    finally:
        await close(connector)


@asynccontextmanager
async def _noting(place: Place, lease: Lease) -> AsyncGenerator[tuple[AsyncSession, Channel]]:
    """A transaction about the channel's health; when the database is away, the next look tells."""
    try:
        channel = await _channel(place, lease)
        async with place.database.transaction() as session:
            yield session, channel
    except (Gone, SQLAlchemyError, psycopg.Error) as error:
        log.warning("a channel's state was not noted", channel=lease.channel_id, error=type(error).__name__)
