"""The chance of each open wait to miss its target, and how far that can be trusted."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import ApiAccessDep, NowDep, SessionDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.models import Workspace
from inbox.promptness import forecasts, wallboard
from inbox.team import rights

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)
MOST = 200


class BinOut(Shape):
    low: float
    high: float
    n: int
    told: float = Field(description="The mean chance that was told.")
    missed: float = Field(description="The share that missed.")


class QualityOut(Shape):
    """On the states of held-back weeks. Brier: mean squared error, less is better."""

    n: int
    waits: int
    missed: float
    brier: float
    base_brier: float
    since: datetime
    until: datetime
    bins: list[BinOut]


class ChanceOut(Shape):
    conversation: int
    channel: int
    opened_at: datetime
    due_at: datetime
    chance: float


class ForecastOut(BaseModel):
    """`method` base: the model is no better than the base rate of each channel, or there is too little history; null: no forecast yet."""

    method: Literal["model", "base"] | None
    reason: Literal["", "little", "no_better"]
    fitted_at: datetime | None
    quality: QualityOut | None
    waits: list[ChanceOut] = Field(description="The likeliest to miss first; at most 200.")


@router.get("/forecast")
async def get_forecast(access: ApiAccessDep, session: SessionDep, now: NowDep) -> ForecastOut:
    """The same as on the screen."""
    workspace = await session.get_one(Workspace, access.workspace_id)
    kept = await forecasts.load(session, access.workspace_id)
    moment = await wallboard.gather(session, access.workspace_id, workspace.timezone, now=now)
    waits = wallboard.foretold(moment, await rights.channels(session, access))
    return ForecastOut(
        method=kept[0].method if kept else None,
        reason=kept[0].reason if kept else "",
        fitted_at=kept[1] if kept else None,
        quality=QualityOut.model_validate(kept[0].quality) if kept and kept[0].quality else None,
        waits=[ChanceOut.model_validate(wait) for wait in waits[:MOST]],
    )
