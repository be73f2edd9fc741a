"""How much a platform still allows an account, and until when: kept as it tells, and told before it ends."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Channel, ChannelState

WARNINGS = (3, 14)  # days before the credentials end


async def store(session: AsyncSession, channel_id: int, told: Mapping[str, Any], *, fence: int) -> None:
    """Keep what the platform told of an account, while its channel is ours to read."""
    await session.execute(update(Channel).where(col(Channel.id) == channel_id, col(Channel.fence) == fence).values(**told))


async def warn(session: AsyncSession, now: datetime) -> int:
    """Tell of credentials that end soon, once for each of `WARNINGS`; how many. Any number of processes may look at once.

    A warning is forgotten when the end moves beyond the first of them. Credentials that are renewed every hour are told of once, ever.
    """
    soon = now + timedelta(days=max(WARNINGS))
    end, warned = col(Channel.token_expires_at), col(Channel.token_warned_days)
    await session.execute(update(Channel).where(warned.is_not(None), or_(end.is_(None), end > soon)).values(token_warned_days=None))
    due = select(Channel).where(end <= soon, col(Channel.state) != ChannelState.BROKEN, col(Channel.removed_at).is_(None))
    told = 0
    for channel in await session.scalars(due.order_by(col(Channel.id)).with_for_update(skip_locked=True, key_share=True)):
        left = (channel.token_expires_at or now) - now
        stage = next(days for days in WARNINGS if left <= timedelta(days=days))
        if channel.token_warned_days is not None and channel.token_warned_days <= stage:
            continue
        channel.token_warned_days = stage
        told += 1
        events.record(
            session,
            "channel.token_expiring",
            workspace_id=channel.workspace_id,
            at=now,
            actor=f"channel:{channel.id}",
            channel_id=channel.id,
            days=max(left.days, 0),
            expires_at=(channel.token_expires_at or now).isoformat(),
        )
    return told
