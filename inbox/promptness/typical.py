"""How long an answer usually takes on a channel, as visitors of its chat are told: light, without numpy."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Metric, Outcome, Wait
from inbox.promptness.question import COUNTED
from inbox.promptness.survival import Duration, curve

TYPICAL_DAYS = 28
TYPICAL_LEAST = 10  # waits: fewer say nothing typical


async def answer(session: AsyncSession, channel_id: int, now: datetime) -> float | None:
    """Seconds until half of the last 28 days' first waits on a channel were answered; None when too few to say."""
    since = now - timedelta(days=TYPICAL_DAYS)
    ended = func.coalesce(col(Wait.closed_at), now)
    rows = (
        await session.execute(
            select(func.extract("epoch", ended - col(Wait.opened_at)), col(Wait.outcome) == Outcome.ANSWERED).where(
                col(Wait.channel_id) == channel_id,
                col(Wait.metric) == Metric.FIRST,
                col(Wait.opened_at) >= since,
                col(Wait.outcome).is_(None) | col(Wait.outcome).in_(COUNTED),
            )
        )
    ).all()
    if sum(1 for _, answered in rows if answered) < TYPICAL_LEAST:
        return None
    return curve(Duration(float(seconds), int(bool(answered)), int(not answered)) for seconds, answered in rows).percentile(0.5)
