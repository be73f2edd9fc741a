"""How long until conversations are resolved: the same numbers as on the screen."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.asking import PeriodDep
from api.deps import ApiAccessDep, NowDep, SessionDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.promptness import resolutions
from inbox.promptness.resolutions import Cut

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)


class LengthOut(Shape):
    """Seconds. Percentiles count what is still open (Kaplan-Meier); null: too much is open to know. The mean is of the resolved alone."""

    p50: float | None
    p90: float | None
    mean: float | None


class ResolutionOut(Shape):
    """The episodes that began in the period. `key`: as `by` says; null: all of them, or none."""

    key: int | str | None
    n: int
    resolved: int
    open_now: int
    first: LengthOut = Field(description="Until resolved for the first time, by the wall clock.")
    last: LengthOut = Field(description="Until resolved for the last time, by the wall clock.")
    first_business: LengthOut = Field(description="By the policy's clock, without what was pending, snoozed or resolved meanwhile.")
    last_business: LengthOut
    reopened: float | None = Field(description="Of those that were ever resolved, 0 to 1.")
    one_touch: float | None = Field(description="Of the resolved, with exactly one answer of a person, 0 to 1.")
    promised: int = Field(description="With a target for their resolution.")
    late: int = Field(description="Of these, past their target.")
    kept: float | None = Field(description="Of those with a target that are resolved or late, resolved in time, 0 to 1.")


class BacklogOut(Shape):
    """What is open now, whenever it began."""

    count: int
    ages: list[int] = Field(description="Younger than 1, 3 and 7 days, and older.")
    paused: int
    late: int
    oldest_at: datetime | None


class ResolutionsOut(BaseModel):
    """What was counted, and the figures."""

    since: datetime
    until: datetime
    by: Cut
    cohort: str = Field(description="arrival: episodes count in the period in which they began.")
    items: list[ResolutionOut]
    backlog: BacklogOut


@router.get("/resolution")
async def get_resolution_metrics(
    access: ApiAccessDep,
    session: SessionDep,
    now: NowDep,
    period: PeriodDep,
    by: Cut = Cut.ALL,
    channel: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> ResolutionsOut:
    """Figures of the channels that this token may see."""
    since, until = period.since, period.until
    found = await resolutions.report(session, access, since=since, until=until, now=now, cuts=(by,), channel_id=channel)
    items = [ResolutionOut.model_validate(figure) for figure in found.tables[by]]
    open_now = BacklogOut.model_validate(await resolutions.backlog(session, access, now=now))
    return ResolutionsOut(since=since, until=until, by=by, cohort="arrival", items=items, backlog=open_now)
