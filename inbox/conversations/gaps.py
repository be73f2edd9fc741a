"""Holes that a platform could not fill, until a person has looked into them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Channel, ChannelGap, Role
from inbox.team.rights import Access

SHOWN = 20


async def found(session: AsyncSession, channel: Channel, *, since: datetime | None, now: datetime) -> None:
    """The platform could not fill what happened after `since`."""
    session.add(ChannelGap(workspace_id=channel.workspace_id, channel_id=channel.id, since=since, found_at=now))
    await session.flush()
    events.record(
        session,
        "channel.gap_found",
        workspace_id=channel.workspace_id,
        at=now,
        actor=f"channel:{channel.id}",
        channel_id=channel.id,
        gap_at=now.isoformat(),
    )


async def of(session: AsyncSession, channel_id: int) -> Sequence[ChannelGap]:
    """The newest holes of a channel, those that nobody has looked into first."""
    query = select(ChannelGap).where(col(ChannelGap.channel_id) == channel_id)
    order = (col(ChannelGap.acknowledged_at).is_not(None), col(ChannelGap.id).desc())
    return (await session.scalars(query.order_by(*order).limit(SHOWN))).all()


async def acknowledge(session: AsyncSession, access: Access, channel: Channel, *, now: datetime) -> None:
    """Somebody has looked into the holes that there are."""
    access.need(Role.ADMIN)
    query = update(ChannelGap).where(col(ChannelGap.channel_id) == channel.id, col(ChannelGap.acknowledged_at).is_(None))
    seen = query.values(acknowledged_at=now, acknowledged_by=access.member_id).returning(col(ChannelGap.id))
    if (await session.scalars(seen)).all():
        events.record(
            session, "channel.gap_acknowledged", workspace_id=channel.workspace_id, at=now, actor=access.actor, channel_id=channel.id
        )
