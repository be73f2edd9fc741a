"""Who fits a workspace's forecast, from which waits, and what counts until the next."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import BreachForecast
from inbox.promptness import forecasts
from tests.inbox.promptness import past
from tests.make import Make

DAYS = timedelta(days=1)


async def quick_and_slow(make: Make, now: datetime, count: int = 1200) -> tuple[int, int, int]:
    """A workspace whose one channel is answered within minutes and whose other one hardly in time."""
    workspace = await make.workspace()
    channels = [await make.channel(workspace) for _ in range(2)]
    random = np.random.default_rng(1)
    for place, channel in enumerate(channels):
        begun = now.timestamp() - random.uniform(0.2, 50, count) * 86400
        lengths = random.exponential(1200 if place == 0 else 12000, count)
        waits = [
            {"opened": float(at), "closed": float(at + length), "due": float(at) + 3600, "target_seconds": 3600}
            for at, length in zip(begun, lengths, strict=True)
        ]
        await past.stored(make, channel, [wait for wait in waits if wait["closed"] < now.timestamp()])
    return workspace.id, *(channel.id for channel in channels)


async def test_it_learns_from_the_workspaces_own_waits_and_is_kept(session: AsyncSession, make: Make, now: datetime) -> None:
    workspace, quick, slow = await quick_and_slow(make, now)
    assert await forecasts.load(session, workspace) is None
    assert await forecasts.claim(session, now=now) == [workspace]
    fitted = await forecasts.fit(session, workspace, now=now)
    assert fitted.quality is not None
    assert fitted.method == "model"
    assert fitted.base[quick] < fitted.base[slow]
    await forecasts.keep(session, workspace, fitted, now=now)
    await session.flush()
    assert await forecasts.load(session, workspace) == (fitted, now)


async def test_one_process_fits_it_once_a_day(session: AsyncSession, make: Make, now: datetime) -> None:
    workspace, *_ = await quick_and_slow(make, now, 30)
    assert await forecasts.claim(session, now=now) == [workspace]
    assert await forecasts.claim(session, now=now + DAYS / 48) == []
    assert await forecasts.claim(session, now=now + DAYS / 12) == [workspace]  # whoever had claimed it was stopped
    row = await session.get_one(BreachForecast, workspace, populate_existing=True)
    row.fitted_at = now + DAYS / 12
    await session.flush()
    assert await forecasts.claim(session, now=now + DAYS) == []
    assert await forecasts.claim(session, now=now + 1.1 * DAYS) == [workspace]


async def test_a_workspace_without_targets_is_left_alone(session: AsyncSession, make: Make, now: datetime) -> None:
    workspace = await make.workspace()
    channel = await make.channel(workspace)
    begun = now.timestamp() - 86400
    await past.stored(make, channel, [{"opened": begun + n, "closed": begun + n + 60} for n in range(100)])
    assert await forecasts.claim(session, now=now) == []
