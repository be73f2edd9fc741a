"""Channels that have been silent for unusually long, measured against their own habits (docs/connectors.md, Silence).

Of each hour of the week it is known in how many of the last weeks anything came. From that follows how likely a silence is: the product,
over its hours, of the chance that nothing comes in that hour. Below one in ten thousand it is unusual. Hours are taken for independent,
which they are not quite: on a holiday a channel may be called silent that is only quiet. A night or a weekend, silent every week, counts
for nothing.
"""

import math
from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import channels, events
from inbox.models import Channel, ChannelHour, ChannelState, Role, Workspace
from inbox.team.rights import Access

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
WEEKS = 8  # that are looked back upon
FEWEST_WEEKS = 2
FEWEST_HOURS = 20  # in which something came: with fewer, nobody can say what is usual
UNUSUAL = 1e-4  # the chance of such a silence
SHORTEST = 2 * HOUR
GRACE = timedelta(minutes=15)  # read without a failure: what was said meanwhile has come in by then
LONGEST_SETTING = 24 * 365  # hours


async def choose(session: AsyncSession, access: Access, channel: Channel, hours: int | None, *, now: datetime) -> None:
    """After how many hours a channel counts as silent: 0 for never, None by its own habits."""
    access.need(Role.ADMIN)
    hours = None if hours is None else min(max(hours, 0), LONGEST_SETTING)
    if hours == channel.silence_hours:
        return
    channel.silence_hours, channel.silent_since = hours, None
    await session.flush()
    channels.record(session, access, channel.id, "channel.changed", now, fields=["silence"])


async def note(session: AsyncSession, now: datetime) -> None:
    """Remember in which hours something came, and forget what is too long ago. Often enough, this misses hardly an hour."""
    hour = func.date_trunc("hour", col(Channel.last_event_at), "UTC")
    alive = (col(Channel.removed_at).is_(None), col(Channel.last_event_at) >= col(Channel.connected_at))
    recent = col(Channel.last_event_at) > now - WEEKS * WEEK
    heard = select(col(Channel.workspace_id), col(Channel.id), hour).where(*alive, recent).order_by(col(Channel.id))
    columns = ["workspace_id", "channel_id", "hour"]
    await session.execute(insert(ChannelHour).from_select(columns, heard).on_conflict_do_nothing())
    await session.execute(delete(ChannelHour).where(col(ChannelHour.hour) < now - (WEEKS + 1) * WEEK))


async def look(session: AsyncSession, now: datetime) -> int:
    """Tell of the channels that are silent, each once; how many. Any number of processes may look at once."""
    told = 0
    listened = select(Channel, col(Workspace.timezone)).join(Workspace, col(Workspace.id) == Channel.workspace_id)
    for channel, zone in (await session.execute(listened.where(*_is_listened(now)).order_by(col(Channel.id)))).all():
        since = max(channel.last_event_at or channel.connected_at, channel.connected_at)
        limit = timedelta(hours=channel.silence_hours) if channel.silence_hours else await allowed(session, channel, zone, since, now)
        if limit is None or now - since < limit:
            continue
        silent = update(Channel).where(col(Channel.id) == channel.id, col(Channel.silent_since).is_(None))
        unheard = func.coalesce(col(Channel.last_event_at), since) <= since
        if await session.scalar(silent.where(unheard).values(silent_since=since).returning(col(Channel.id))) is None:
            continue
        told += 1
        events.record(
            session,
            "channel.silent",
            workspace_id=channel.workspace_id,
            at=now,
            actor=f"channel:{channel.id}",
            channel_id=channel.id,
            since=since.isoformat(),
        )
    return told


def _is_listened(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Channels that are read, and have been for a while without a failure: one that is not has other troubles."""
    return (
        col(Channel.removed_at).is_(None),
        col(Channel.state) == ChannelState.HEALTHY,
        col(Channel.silent_since).is_(None),
        or_(col(Channel.silence_hours).is_(None), col(Channel.silence_hours) > 0),
        col(Channel.lease_until) > func.clock_timestamp(),
        col(Channel.read_since) < func.clock_timestamp() - GRACE,
        or_(col(Channel.error_at).is_(None), col(Channel.error_at) < now - GRACE),
    )


async def allowed(session: AsyncSession, channel: Channel, zone: str, since: datetime, now: datetime) -> timedelta | None:
    """How long a silence that began at `since` is not unusual; None while nobody can say, or when that is beyond the next weeks."""
    if now - since < SHORTEST:
        return None
    query = select(col(ChannelHour.hour)).where(col(ChannelHour.channel_id) == channel.id)
    hours = (await session.scalars(query)).all()
    return unusual_after(hours, since, connected=channel.connected_at, zone=ZoneInfo(zone))


def unusual_after(hours: Collection[datetime], since: datetime, *, connected: datetime, zone: ZoneInfo) -> timedelta | None:
    """The length from which on a silence since then is unusual, in whole hours; `hours` are those in which something came."""
    begin = max(connected, since - WEEKS * WEEK)
    weeks = int((since - begin) / WEEK)
    known = {hour for hour in hours if since - weeks * WEEK < hour <= since}
    if weeks < FEWEST_WEEKS or len(known) < FEWEST_HOURS:
        return None
    busy = Counter(_of_week(hour, zone) for hour in known)
    surprise, length = 0.0, timedelta()
    start = since.replace(minute=0, second=0, microsecond=0) + HOUR  # the hour of the last event had its event
    while length < 2 * WEEK:
        chance = min(busy[_of_week(start + length, zone)], weeks) / (weeks + 1)
        surprise -= math.log(1 - chance)
        length += HOUR
        if surprise >= -math.log(UNUSUAL):
            return max(start + length - since, SHORTEST)
    return None


def _of_week(hour: datetime, zone: ZoneInfo) -> int:
    """The hour of the week, 0 to 167, as clocks there show it."""
    there = hour.astimezone(zone)
    return there.weekday() * 24 + there.hour
