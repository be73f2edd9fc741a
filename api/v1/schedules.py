"""Reports by mail: who gets the figures, and how often."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.deps import ApiAccessDep, NowDep, Number, RowId, SessionDep
from api.schemas import Given, Shape
from api.v1 import PROBLEMS
from inbox.models import Rhythm, Role
from inbox.promptness import schedules

router = APIRouter(prefix="/metrics/schedules", tags=["metrics"], responses=PROBLEMS)


class ScheduleIn(Given):
    rhythm: Rhythm = Field(description="weekly: every Monday; monthly: every first of a month; at seven in the workspace's time zone.")
    members: list[RowId] = Field(max_length=1000, description="Each is told what they may see.")


class ScheduleOut(Shape):
    id: int
    rhythm: Rhythm
    members: list[int] = Field(validation_alias="member_ids")
    next_at: datetime
    mailed_at: datetime | None
    error: str | None = Field(description="Why the last did not reach everybody.")


@router.get("")
async def list_schedules(access: ApiAccessDep, session: SessionDep) -> list[ScheduleOut]:
    """The reports that leave by mail. Needs the role of a supervisor."""
    access.need(Role.SUPERVISOR)
    return [ScheduleOut.model_validate(schedule) for schedule in await schedules.every(session, access)]


@router.post("", status_code=201)
async def create_schedule(access: ApiAccessDep, given: ScheduleIn, session: SessionDep, now: NowDep) -> ScheduleOut:
    """One more report by mail. Needs the role of a supervisor."""
    return ScheduleOut.model_validate(await schedules.create(session, access, given.rhythm, given.members, now=now))


@router.delete("/{schedule_id}", status_code=204)
async def delete_schedule(access: ApiAccessDep, schedule_id: Number, session: SessionDep, now: NowDep) -> None:
    """No more of these. Needs the role of a supervisor."""
    await schedules.remove(session, access, schedule_id, now=now)
