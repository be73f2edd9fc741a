"""How an installation is doing, in a few numbers: for monitoring and for `parley doctor`. Cheap: each is one index scan of what is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import (
    Alert,
    AlertDelivery,
    AlertState,
    Channel,
    ChannelGap,
    DeadLetter,
    Delivery,
    Dispatch,
    Installation,
    Message,
    Wait,
)


@dataclass(frozen=True, slots=True)
class ChannelVitals:
    """One channel's health. `lag_seconds`: how late the newest live message reached us."""

    id: int
    name: str
    platform: str
    state: str
    error: str | None
    lag_seconds: float | None
    silent_seconds: float | None  # since the last event or successful look
    gap_at: datetime | None
    send_error: str | None = None  # why replies do not leave, whatever the reading does
    silent_since: datetime | None = None  # nothing has come for unusually long
    token_seconds: float | None = None  # until its credentials end; negative when they have
    quota_used: int | None = None
    quota_limit: int | None = None
    open_gaps: int = 0  # holes that nobody has looked into


@dataclass(frozen=True, slots=True)
class Vitals:
    """The whole installation. Times are seconds, None where there is nothing to measure."""

    held: bool
    last_event_id: int
    queued: int  # replies that wait to be sent and are due
    scheduled: int  # replies that leave later
    oldest_queued_seconds: float | None  # how long the oldest due reply has been due
    ambiguous: int
    failed: int
    open_waits: int
    oldest_wait_seconds: float | None
    dead_letters: int
    connections: int  # of the whole database server
    max_connections: int
    channels: Sequence[ChannelVitals]
    oldest_alert_seconds: float | None = None  # how long the oldest alert has been due that nobody was told of
    failed_alerts: int = 0  # messages about alerts that could not be delivered within the last hour


async def read(session: AsyncSession, *, now: datetime) -> Vitals:
    """Look once."""
    queued, scheduled, oldest = await _queue(session, now)
    trouble = await _trouble(session)
    waits, waiting_since = (
        await session.execute(select(func.count(), func.min(Wait.opened_at)).where(col(Wait.closed_at).is_(None)))
    ).one()
    connections = await session.execute(
        text("SELECT (SELECT sum(numbackends) FROM pg_stat_database)::int, current_setting('max_connections')::int")
    )
    used, most = connections.one()
    return Vitals(
        held=await session.scalar(select(col(Installation.held))) is True,
        last_event_id=await events.last_id(session),
        queued=queued,
        scheduled=scheduled,
        oldest_queued_seconds=_since(oldest, now),
        ambiguous=trouble.get(Delivery.AMBIGUOUS, 0),
        failed=trouble.get(Delivery.FAILED, 0),
        open_waits=waits,
        oldest_wait_seconds=_since(waiting_since, now),
        dead_letters=await session.scalar(select(func.count()).select_from(DeadLetter).where(col(DeadLetter.replayed_at).is_(None))) or 0,
        connections=used,
        max_connections=most,
        channels=await _channels(session, now),
        oldest_alert_seconds=_since(await session.scalar(select(func.min(Alert.at)).where(_due_alerts(now))), now),
        failed_alerts=await session.scalar(select(func.count()).select_from(AlertDelivery).where(_undelivered(now))) or 0,
    )


def _due_alerts(now: datetime) -> ColumnElement[bool]:
    return and_(col(Alert.state) == AlertState.PLANNED, col(Alert.at) <= now)


def _undelivered(now: datetime) -> ColumnElement[bool]:
    return and_(col(AlertDelivery.state) == Dispatch.FAILED, col(AlertDelivery.created_at) > now - timedelta(hours=1))


async def _queue(session: AsyncSession, now: datetime) -> tuple[int, int, datetime | None]:
    due = func.coalesce(Message.send_at, Message.at) <= now
    query = select(
        func.count().filter(due), func.count().filter(~due), func.min(func.coalesce(Message.send_at, Message.at)).filter(due)
    ).where(col(Message.delivery).in_((Delivery.QUEUED, Delivery.SENDING)))
    due_now, later, oldest = (await session.execute(query)).one()
    return due_now, later, oldest


async def _trouble(session: AsyncSession) -> dict[Delivery, int]:
    """Replies that a person has to look at."""
    query = (
        select(col(Message.delivery), func.count())
        .where(col(Message.delivery).in_((Delivery.FAILED, Delivery.AMBIGUOUS)))
        .group_by(col(Message.delivery))
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def _channels(session: AsyncSession, now: datetime) -> list[ChannelVitals]:
    found = await session.scalars(select(Channel).where(col(Channel.removed_at).is_(None)).order_by(col(Channel.id)))
    holes = select(col(ChannelGap.channel_id), func.count()).where(col(ChannelGap.acknowledged_at).is_(None))
    open_gaps: dict[int, int] = {row[0]: row[1] for row in (await session.execute(holes.group_by(col(ChannelGap.channel_id)))).all()}
    return [
        ChannelVitals(
            id=channel.id,
            name=channel.name,
            platform=channel.platform,
            state=channel.state.value,
            error=channel.error,
            lag_seconds=channel.lag_seconds,
            silent_seconds=_since(max(filter(None, (channel.last_event_at, channel.last_success_at)), default=None), now),
            gap_at=channel.gap_at,
            send_error=channel.send_error,
            silent_since=channel.silent_since,
            token_seconds=None if channel.token_expires_at is None else (channel.token_expires_at - now).total_seconds(),
            quota_used=channel.quota_used,
            quota_limit=channel.quota_limit,
            open_gaps=open_gaps.get(channel.id, 0),
        )
        for channel in found
    ]


def _since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())
