"""Holes that a platform could not fill, until a person has looked into them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
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


async def open_of(session: AsyncSession, channel_ids: Sequence[int]) -> dict[int, int]:
    """How many holes of each channel nobody has looked into."""
    mine = (col(ChannelGap.channel_id).in_(channel_ids), col(ChannelGap.acknowledged_at).is_(None))
    query = select(col(ChannelGap.channel_id), func.count()).where(*mine).group_by(col(ChannelGap.channel_id))
    return {**dict.fromkeys(channel_ids, 0), **{row[0]: row[1] for row in (await session.execute(query)).all()}}


async def acknowledge(session: AsyncSession, access: Access, channel: Channel, *, up_to: int, now: datetime) -> None:
    """Somebody has looked into the holes that they were shown, the newest of them `up_to`."""
    access.need(Role.ADMIN)
    shown = (col(ChannelGap.channel_id) == channel.id, col(ChannelGap.id) <= up_to, col(ChannelGap.acknowledged_at).is_(None))
    seen = update(ChannelGap).where(*shown).values(acknowledged_at=now, acknowledged_by=access.member_id).returning(col(ChannelGap.id))
    if (await session.scalars(seen)).all():
        events.record(
            session, "channel.gap_acknowledged", workspace_id=channel.workspace_id, at=now, actor=access.actor, channel_id=channel.id
        )
