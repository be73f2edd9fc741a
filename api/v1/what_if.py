"""What if: a draft of policies and calendars, tried on the waits of the past. Nothing is saved."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.deps import ApiAccessDep, NowDep, RowId, SessionDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.models import Metric, Role
from inbox.promptness import what_if
from inbox.promptness.what_if import Draft, DraftPolicy

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)
Definition = dict[str, Any]


class PolicyIn(BaseModel):
    """A policy as it would be saved."""

    model_config = ConfigDict(extra="forbid")

    id: RowId | None = Field(default=None, description="Of the policy that it replaces; null for a new one.")
    name: str = Field(max_length=200)
    conditions: dict[str, Any] = {}
    targets: dict[str, Any] = Field(description='Seconds by priority: {"first": {"normal": 3600}}.')
    calendar: RowId | Definition | None = Field(default=None, description="An existing calendar, its own hours, or null: the wall clock.")


class WhatIfIn(BaseModel):
    """The draft. Without `policies`, those in force."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=28, ge=1, le=what_if.LONGEST_DAYS)
    policies: list[PolicyIn] | None = Field(default=None, description="All of them, in their order.")
    calendars: dict[RowId, Definition] = Field(default={}, description="What existing calendars would say instead, by id.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: RowId | None = None


class SideOut(Shape):
    met: int
    missed: int
    share: float | None = Field(description="Met, of those decided, 0 to 1.")


class LineOut(Shape):
    cut: Literal["all", "metric", "channel", "policy"]
    key: int = Field(description="Of metrics: 0 first, 1 next. Of policies: 0 none, negative a new one.")
    waits: int
    before: SideOut
    after: SideOut


class ChangeOut(Shape):
    wait: int
    conversation: int
    channel: int
    metric: Metric
    opened_at: datetime
    closed_at: datetime | None
    due_before: datetime | None
    due_after: datetime | None
    becomes: Literal["missed", "kept"]


class WhatIfOut(Shape):
    """Both rules over the same waits. Conditions are asked of what a conversation is now."""

    waits: int
    otherwise: int = Field(description="Waits that the rules in force judge otherwise today than was recorded.")
    recorded: SideOut
    lines: list[LineOut]
    to_missed: int
    to_kept: int
    conversations: int
    changes: list[ChangeOut]
    next: int | None


@router.post("/what-if")
async def post_what_if(given: WhatIfIn, access: ApiAccessDep, session: SessionDep, now: NowDep) -> WhatIfOut:
    """What would have been otherwise. Needs the role of a supervisor."""
    access.need(Role.SUPERVISOR)
    if given.policies is None:
        policies = (await what_if.in_force(session, access.workspace_id)).policies
    else:
        policies = [DraftPolicy(one.name, one.conditions, one.targets, one.calendar, one.id) for one in given.policies]
    found = await what_if.compare(
        session, access, Draft(policies, given.calendars), days=given.days, now=now, after=given.cursor, limit=given.limit
    )
    return WhatIfOut.model_validate(found)
