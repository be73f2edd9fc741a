"""The breach forecasts of workspaces: who fits one, what it is fitted to, and what the open waits are told by it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import BreachForecast, Role, Workspace
from inbox.promptness import targets, zones
from inbox.promptness.forecast import Forecast
from inbox.promptness.policies import WALL
from inbox.team.rights import Access

PERIOD = timedelta(days=56)  # that a forecast is fitted to
DAILY, AGAIN = timedelta(days=1), timedelta(hours=1)  # between two fits, and before a fit that did not end is tried again
LEAST = 20  # waits with a target: fewer say nothing

# One process each, however many look: the row is the claim.
CLAIM = text(
    """
    INSERT INTO breach_forecast (workspace_id, claimed_at)
    SELECT id, :now FROM workspace
     WHERE (SELECT count(*) FROM (SELECT FROM wait WHERE workspace_id = workspace.id AND opened_at >= :since AND due_at <= :now
                                   LIMIT :least) AS found) >= :least
       AND NOT EXISTS (SELECT FROM breach_forecast WHERE workspace_id = workspace.id
                          AND (claimed_at > :recent OR fitted_at > :yesterday))
     ORDER BY id
    ON CONFLICT (workspace_id) DO UPDATE SET claimed_at = excluded.claimed_at WHERE breach_forecast.claimed_at <= :recent
    RETURNING workspace_id
    """
)


async def claim(session: AsyncSession, *, now: datetime) -> Sequence[int]:
    """The workspaces whose forecast this process is to fit now."""
    given = {"now": now, "since": now - PERIOD, "recent": now - AGAIN, "yesterday": now - DAILY, "least": LEAST}
    return (await session.scalars(CLAIM, given)).all()


async def fit(session: AsyncSession, workspace_id: int, *, now: datetime) -> Forecast:
    """Fit a workspace's forecast to its last eight weeks; in a thread, since it takes a second or two."""
    from inbox.promptness import fitting, history  # they load numpy

    workspace = await session.get_one(Workspace, workspace_id)
    everything = Access(workspace_id, Role.ADMIN, "system")
    waits = await history.load(session, everything, since=now - PERIOD, until=now, now=now)
    rules = {rule.id: rule for rule in await targets.rules(session, workspace_id)}

    def left(policy: int, from_: int, to: int) -> float:
        return rules.get(policy, WALL).elapsed(zones.moment(from_), zones.moment(to))

    return await asyncio.to_thread(fitting.fit, waits, ZoneInfo(workspace.timezone), left, until=zones.number(now))


async def keep(session: AsyncSession, workspace_id: int, fitted: Forecast, *, now: datetime) -> None:
    """From now on this one counts."""
    row = await session.get_one(BreachForecast, workspace_id)
    row.fitted, row.fitted_at = fitted.to_dict(), now


async def load(session: AsyncSession, workspace_id: int) -> tuple[Forecast, datetime] | None:
    """The forecast that counts and since when; None before the first."""
    query = select(col(BreachForecast.fitted), col(BreachForecast.fitted_at)).where(
        col(BreachForecast.workspace_id) == workspace_id, col(BreachForecast.fitted_at).is_not(None)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    fitted, fitted_at = row
    return None if fitted_at is None else (Forecast.from_dict(fitted), fitted_at)
