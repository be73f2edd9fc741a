"""How often something may be tried. Counted in the database, since processes share nothing else.

Count in a transaction of its own that ends before the try: what the try rolls back must not take the count with it.
"""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import TooMany
from inbox.models import Throttle

QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` tries in `window`."""

    count: int
    window: timedelta


async def hit(session: AsyncSession, name: str, who: str, limit: Limit, *, now: datetime) -> None:
    """Count one try; TooMany when it is one too many. `who` is stored as a hash: addresses of people do not belong here."""
    ends = now + limit.window
    over = col(Throttle.window_ends_at) <= now
    count = insert(Throttle).values(key=_key(name, who), count=1, window_ends_at=ends)
    count = count.on_conflict_do_update(
        index_elements=[col(Throttle.key)],
        set_={
            "count": case((over, 1), else_=col(Throttle.count) + 1),
            "window_ends_at": case((over, ends), else_=col(Throttle.window_ends_at)),
        },
    )
    tries, until = (await session.execute(count.returning(col(Throttle.count), col(Throttle.window_ends_at)))).one()
    if tries > limit.count:
        seconds = max(1, math.ceil((until - now).total_seconds()))
        raise TooMany("That was tried too often. Try again in {minutes} min.", retry_after=seconds, minutes=math.ceil(seconds / 60))


async def forget(session: AsyncSession, name: str, who: str) -> None:
    """Begin to count anew, after a success."""
    await session.execute(delete(Throttle).where(col(Throttle.key) == _key(name, who)))


async def sweep(session: AsyncSession, *, now: datetime) -> None:
    """Drop windows that are over."""
    await session.execute(delete(Throttle).where(col(Throttle.window_ends_at) <= now))


def _key(name: str, who: str) -> str:
    return f"{name}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
