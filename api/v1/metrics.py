"""How long customers wait: the same numbers as on the screen."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.deps import ApiAccessDep, NowDep, SessionDep, SettingsDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.errors import Invalid
from inbox.models import Metric
from inbox.promptness import metrics
from inbox.promptness.metrics import Cut

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)

WaitMetric = Literal[Metric.FIRST, Metric.NEXT]
USUAL_DAYS = 28
LONGEST_DAYS = 1100


class FigureOut(Shape):
    """Response times in seconds, of the waits that began in the period. `key`: channel, team or member; null: all of them, or nobody."""

    key: int | None
    n: int
    answered: int
    open_now: int
    p50: float | None = Field(description="Counts those who still wait (Kaplan-Meier); null: too many still wait to know.")
    p90: float | None
    mean: float | None = Field(description="Of the answered alone.")
    share: float | None = Field(description="Answered within the target, 0 to 1; null without a target.")


class FiguresOut(BaseModel):
    """What was counted, and the figures."""

    since: datetime
    until: datetime
    metric: Metric
    by: Cut
    cohort: str = Field(description="arrival: waits count in the period in which they began.")
    clock: str = Field(description="wall: seconds by the calendar, nights included.")
    items: list[FigureOut]


@router.get("")
async def get_metrics(
    access: ApiAccessDep,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    since: Annotated[datetime | None, Query(description="Default: 28 days before `until`.")] = None,
    until: Annotated[datetime | None, Query(description="Default: now.")] = None,
    by: Annotated[Cut, Query(description="member: only as the setting member_figures allows.")] = Cut.ALL,
    metric: Annotated[
        Literal[Metric.FIRST, Metric.NEXT], Query(description="first: first response; next: every later one.")
    ] = Metric.FIRST,
    channel: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    target_seconds: Annotated[float | None, Query(gt=0, le=10**9)] = None,
) -> FiguresOut:
    """Figures of the channels that this token may see."""
    until = until or now
    try:
        since = since or until - timedelta(days=USUAL_DAYS)
    except OverflowError:  # before the first year: no period at all
        since = until
    if since.tzinfo is None or until.tzinfo is None or not timedelta(0) < until - since <= timedelta(days=LONGEST_DAYS):
        raise Invalid("A period has a start, a later end, time zones, and at most {days} days.", code="period", days=LONGEST_DAYS)
    found = await metrics.figures(
        session,
        access,
        since=since,
        until=until,
        now=now,
        by=by,
        metric=metric,
        target_seconds=target_seconds,
        member_figures=settings.member_figures,
        channel_id=channel,
    )
    items = [FigureOut.model_validate(figure) for figure in found]
    return FiguresOut(since=since, until=until, metric=metric, by=by, cohort="arrival", clock="wall", items=items)
