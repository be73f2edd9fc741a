"""Who waits at this moment: reads open waits alone, never history, and no numpy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Wait
from inbox.team import rights
from inbox.team.rights import Access

AGES = (timedelta(minutes=15), timedelta(hours=1), timedelta(days=1))  # an open wait is younger than the first, the second …, or older


@dataclass(frozen=True, slots=True)
class OpenWaits:
    """Who waits at this moment, whenever it began. `ages`: how many for less than each of `AGES`, and how many for longer."""

    count: int
    ages: tuple[int, ...]
    oldest_at: datetime | None
    oldest_conversation_id: int | None


async def open_waits(session: AsyncSession, access: Access, *, now: datetime) -> OpenWaits:
    """The waits of this moment on the channels that the member may see."""
    opened = col(Wait.opened_at)
    bounds = [now - age for age in AGES]
    younger = [func.count().filter(opened > bound) for bound in bounds]
    oldest: Any = func.array_agg(aggregate_order_by(col(Wait.conversation_id), opened, col(Wait.id)))[1]
    query = select(func.count(), func.min(opened), oldest, *younger).where(
        col(Wait.workspace_id) == access.workspace_id, rights.sees(access, col(Wait.channel_id)), col(Wait.closed_at).is_(None)
    )
    row: Sequence[Any] = (await session.execute(query)).one()
    younger_than: list[int] = [0, *row[3:], row[0]]
    ages = tuple(upper - lower for lower, upper in pairwise(younger_than))
    return OpenWaits(count=row[0], ages=ages, oldest_at=row[1], oldest_conversation_id=row[2])
