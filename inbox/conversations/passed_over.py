"""What connectors have read and left out on purpose: counted by reason, never kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import incoming
from inbox.models import Channel, PassedOver

MOST_REASONS = 200  # of one channel: a connector that makes words of what it meets must not fill the table
OTHERS = "…"
FRESH = timedelta(minutes=20)  # so long advice is shown: a connector repeats it while it holds


async def count(session: AsyncSession, channel: Channel, told: Mapping[str, int], *, now: datetime) -> None:
    """Add to the channel's counts. Call it while the channel's row is locked: one batch after the other."""
    known = set(await session.scalars(select(col(PassedOver.reason)).where(col(PassedOver.channel_id) == channel.id)))
    counts: Counter[str] = Counter()
    for words, number in told.items():
        reason = incoming.text(str(words).strip(), incoming.NAME_LIMIT) or OTHERS
        if reason not in known and len(known) >= MOST_REASONS:
            reason = OTHERS
        if number > 0:
            known.add(reason)
            counts[reason] += int(number)
    if not counts:
        return
    of = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "first_at": now, "last_at": now}
    more = insert(PassedOver).values([{**of, "reason": reason, "count": number} for reason, number in counts.items()])
    added = {"count": col(PassedOver.count) + more.excluded.count, "last_at": more.excluded.last_at}
    await session.execute(more.on_conflict_do_update(index_elements=["channel_id", "reason"], set_=added))


async def of(session: AsyncSession, channel_id: int) -> Sequence[PassedOver]:
    """What was left out of a channel, the most frequent first."""
    query = select(PassedOver).where(col(PassedOver.channel_id) == channel_id)
    return (await session.scalars(query.order_by(col(PassedOver.count).desc(), col(PassedOver.reason)))).all()


def is_advice(left: PassedOver) -> bool:
    """Whether the reason is a sentence that says what to do, not a kind of thing."""
    return left.reason.endswith(".")


async def of_all(session: AsyncSession, channel_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """The counts of several channels, by channel and reason."""
    found: dict[int, dict[str, int]] = {channel_id: {} for channel_id in channel_ids}
    query = select(PassedOver).where(col(PassedOver.channel_id).in_(channel_ids)).order_by(col(PassedOver.reason))
    for row in await session.scalars(query):
        found[row.channel_id][row.reason] = row.count
    return found
