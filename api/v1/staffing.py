"""Arrivals, handling and staffing by hour and weekday: the same numbers as on the screen."""

from datetime import datetime
from math import isnan
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.deps import ApiAccessDep, NowDep, SessionDep, SettingsDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.models import Role, Workspace
from inbox.promptness import rota, zones
from inbox.promptness.rota import Grid, Slot

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)
Week = list[list[float | None]]


class ResultOut(Shape):
    """How prompt so many waits were, in seconds by the wall clock."""

    waits: int
    share: float | None = Field(description="Answered before they were due, of those decided, 0 to 1.")
    p50: float | None
    p90: float | None


class EffectOut(Shape):
    """The recorded arrivals with the people who were there, and with one more; all waits, and those that began in the slot."""

    measured: ResultOut
    before: ResultOut
    after: ResultOut
    slot_before: ResultOut
    slot_after: ResultOut


class CheckOut(BaseModel):
    """The simulation on held-back weeks, beside what was measured."""

    since: datetime
    measured: ResultOut
    simulated: ResultOut


class StaffingOut(BaseModel):
    """Weeks begin on Monday, days at midnight of `timezone`; a number for each hour, null: nothing to tell."""

    timezone: str
    weeks: float
    arrivals: Week = Field(description="Waits that began, an hour.")
    answers: Week = Field(description="Answers, an hour.")
    present: Week | None = Field(description="People who answered around then; null: too few people to show figures about them.")
    rate: Week | None = Field(description="Answers of each of them, an hour.")
    handling_seconds: float | None = Field(description="That half of the answers took, as inferred.")
    effect: EffectOut | None = Field(description="Null without a slot, or with too little history.")
    check: CheckOut | None


@router.get("/staffing")
async def get_staffing(
    access: ApiAccessDep,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    days: Annotated[int, Query(ge=7, le=rota.LONGEST_DAYS)] = 56,
    weekday: Annotated[int | None, Query(ge=0, le=6, description="Of one more person: Monday is 0.")] = None,
    start: Annotated[int, Query(ge=0, le=23)] = 9,
    end: Annotated[int, Query(ge=1, le=24)] = 12,
) -> StaffingOut:
    """Arrivals and handling, and what one more person would have changed. Needs the role of a supervisor."""
    access.need(Role.SUPERVISOR)
    workspace = await session.get_one(Workspace, access.workspace_id)
    slot = None if weekday is None else Slot(weekday, start, end)
    found = await rota.study(session, access, workspace.timezone, slot, days=days, now=now)
    pattern, check = found.pattern, found.check
    shows = rota.shows_people(pattern, settings.member_figures)
    return StaffingOut(
        timezone=workspace.timezone,
        weeks=pattern.weeks,
        arrivals=_week(pattern.arrivals),
        answers=_week(pattern.answers),
        present=_week(pattern.present) if shows else None,
        rate=_week(pattern.rate) if shows else None,
        handling_seconds=found.handling,
        effect=None if found.effect is None else EffectOut.model_validate(found.effect),
        check=None
        if check is None
        else CheckOut(
            since=zones.moment(check.since),
            measured=ResultOut.model_validate(check.measured),
            simulated=ResultOut.model_validate(check.simulated),
        ),
    )


def _week(grid: Grid) -> Week:
    return [[None if isnan(value) else round(value, 4) for value in row] for row in grid]
