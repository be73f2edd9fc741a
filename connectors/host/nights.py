"""Every night each channel that this process reads is compared with its platform, at a minute of its own; and whenever somebody asks."""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, exists, func, select
from sqlmodel import col

import connectors
from connectors.host import reconciling
from connectors.host.accounts import Misconfigured, close, connect
from connectors.host.place import Place
from connectors.host.timers import FAILURES
from inbox import pauses
from inbox.conversations import reconciliation
from inbox.conversations.receive import LeaseLost
from inbox.errors import Conflict, ParleyError
from inbox.models import Channel, ChannelState, Reconciliation, Workspace

log = structlog.get_logger()
DAYS = 7  # that a nightly comparison looks back upon
MINUTES = 5 * 60  # from midnight on, by the workspace's clock: the channels are spread over them


@dataclass(frozen=True, slots=True)
class Due:
    """A channel that this process reads under this fence, and the night that it is due for; None: somebody asks for it."""

    channel: Channel
    night: date | None


Search = Callable[[Place, datetime], Awaitable[Sequence[Due]]]


async def run(place: Place, stop: asyncio.Event) -> None:
    """Compare what is due, one channel after the other, until told to stop. What somebody asks for does not wait for the rest."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_compare_all(place, stop, find, place.pace.oversee))
        tasks.create_task(_compare_all(place, stop, asked_for, place.pace.look))


async def _compare_all(place: Place, stop: asyncio.Event, search: Search, pause: float) -> None:
    while not stop.is_set():
        try:
            for due in await search(place, place.clock()):
                await _until(stop, asyncio.create_task(_compare(place, due)))
        except FAILURES as error:
            log.warning("channels could not be compared", error=type(error).__name__)
        await pauses.happens(stop, pause)


async def asked_for(place: Place, now: datetime) -> Sequence[Due]:
    """The channels of this process that somebody wants compared, and nobody compares yet."""
    runs = exists().where(
        col(Reconciliation.channel_id) == Channel.id,
        col(Reconciliation.finished_at).is_(None),
        col(Reconciliation.lease_until) > func.clock_timestamp(),
    )
    query = select(Channel).where(*_is_read_by(place), col(Channel.compare_asked_at) <= now, ~runs).order_by(col(Channel.compare_asked_at))
    async with place.database.transaction() as session:
        return [Due(channel, None) for channel in await session.scalars(query)]


async def find(place: Place, now: datetime) -> Sequence[Due]:
    """The channels of this process that are due and that a platform lists something of."""
    query = (
        select(Channel, col(Workspace.timezone))
        .join(Workspace, col(Workspace.id) == Channel.workspace_id)
        .where(*_is_read_by(place))
        .order_by(col(Channel.id))
    )
    by_night: dict[date, dict[int, Channel]] = defaultdict(dict)
    found: list[Due] = []
    async with place.database.transaction() as session:
        for channel, zone in (await session.execute(query)).all():
            at = moment(channel.id, now, ZoneInfo(zone))
            if channel.connected_at < at <= now and _is_listed(channel.platform):
                by_night[at.date()][channel.id] = channel
        for night, due in by_night.items():
            done = await reconciliation.done(session, due, night)
            found += [Due(channel, night) for channel in due.values() if channel.id not in done]
    return found


def _is_read_by(place: Place) -> Sequence[ColumnElement[bool]]:
    return (
        col(Channel.lease_owner) == place.owner,
        col(Channel.lease_until) > func.clock_timestamp(),
        col(Channel.state) == ChannelState.HEALTHY,
        col(Channel.removed_at).is_(None),
    )


def moment(channel_id: int, now: datetime, zone: ZoneInfo) -> datetime:
    """When a channel is compared on this day of its workspace: always at the same minute, and different ones at different minutes."""
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(minutes=zlib.crc32(str(channel_id).encode()) % MINUTES)


def _is_listed(platform: str) -> bool:
    try:
        return connectors.lists(platform)
    except (ParleyError, ImportError, AttributeError):  # its package is gone
        return False


async def _compare(place: Place, due: Due) -> None:
    channel = due.channel
    try:
        connector = connect(channel, place.accounts.vault, place.settings, place.database)
    except Misconfigured:
        return  # its stream says so
    try:
        actor = f"channel:{channel.id}"
        await reconciling.compare(place, channel, connector, days=DAYS, night=due.night, fence=channel.fence, actor=actor)
    except (Conflict, LeaseLost):  # somebody else does it, or will
        log.info("a channel is compared elsewhere", channel=channel.id)
    except FAILURES:
        raise
    except Exception as error:  # one channel keeps no other from being compared
        log.error("a channel could not be compared", channel=channel.id, error=type(error).__name__)
    finally:
        await close(connector)


async def _until(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    """Let it come to its end, unless the process ends first."""
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        waiting.cancel()
        await pauses.stop(task)
