"""Leases on channels: one process at a time reads a channel, by the database's clock.

Each taking raises the channel's fence; what a batch of an older fence brings is refused (`receive`). So a process that was away, and does
not know that its lease is over, can store nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A broken channel waits for a person; a held installation reads nothing.
READABLE = "removed_at IS NULL AND state NOT IN ('paused', 'broken') AND NOT EXISTS (SELECT FROM installation WHERE held)"
TAKE = text(
    f"""
    WITH free AS (SELECT id FROM channel WHERE {READABLE} AND (lease_until IS NULL OR lease_until < clock_timestamp())
                   ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE channel SET lease_owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :seconds), fence = fence + 1,
                       read_since = clock_timestamp()
      FROM free WHERE channel.id = free.id
    RETURNING channel.id, channel.fence, md5(channel.config) AS config
    """  # noqa: S608  # built from the constant above
)
RENEW = text(
    f"""
    WITH mine AS (SELECT id FROM channel WHERE id = ANY(:ids) AND lease_owner = :owner AND {READABLE} ORDER BY id FOR NO KEY UPDATE)
    UPDATE channel SET lease_until = clock_timestamp() + make_interval(secs => :seconds)
      FROM mine WHERE channel.id = mine.id
    RETURNING channel.id, channel.fence, md5(channel.config) AS config
    """  # noqa: S608
)
RELEASE = text("UPDATE channel SET lease_until = NULL, lease_owner = NULL WHERE id = ANY(:ids) AND lease_owner = :owner")
COUNT = text(f"SELECT count(*) FROM channel WHERE {READABLE}")  # noqa: S608


@dataclass(frozen=True, slots=True)
class Lease:
    """A channel that this process may read. `config` changes with the channel's settings."""

    channel_id: int
    fence: int
    config: str


async def take(session: AsyncSession, *, owner: str, seconds: float, limit: int) -> Sequence[Lease]:
    """Take up to `limit` channels that nobody reads."""
    return [Lease(*row) for row in await session.execute(TAKE, {"owner": owner, "seconds": seconds, "limit": limit})]


async def renew(session: AsyncSession, *, owner: str, seconds: float, ids: Collection[int]) -> Sequence[Lease]:
    """Keep the leases that are still ours; those not returned are lost, or their channels are paused, broken, removed or held."""
    if not ids:
        return []
    return [Lease(*row) for row in await session.execute(RENEW, {"owner": owner, "seconds": seconds, "ids": sorted(ids)})]


async def release(session: AsyncSession, *, owner: str, ids: Collection[int]) -> None:
    """Let channels go, so that another process takes them at once."""
    if ids:
        await session.execute(RELEASE, {"owner": owner, "ids": sorted(ids)})


async def count(session: AsyncSession) -> int:
    """How many channels there are to read."""
    return await session.scalar(COUNT) or 0
