"""Alerts: who waits too long or soon will, and who was told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.deps import ApiAccessDep, NowDep, Number, SessionDep
from api.schemas import Given, Shape
from api.v1 import PROBLEMS
from inbox.models import AlertKind, Policy
from inbox.promptness import alerting, chains, notices

router = APIRouter(tags=["alerts"], responses=PROBLEMS)
USUAL = timedelta(days=7)


async def find(alert_id: Number, access: ApiAccessDep, session: SessionDep) -> notices.Told:
    """The alert of the address, found before a body is read."""
    return await notices.get(session, access, alert_id)


AlertDep = Annotated[notices.Told, Depends(find)]


class AlertOut(Shape):
    """An alert that was raised. `late`: after its time, since Parley was down or the message reached it late."""

    id: int
    kind: AlertKind
    step: str
    conversation_id: int
    channel_id: int
    wait_id: int | None = Field(description="The wait that is or will be late; null: it is about a resolution.")
    episode_id: int | None = Field(description="The episode whose resolution is or will be late; null: it is about an answer.")
    opened_at: datetime
    due_at: datetime
    raised_at: datetime
    late: bool
    closed_at: datetime | None = Field(description="When it was answered, or resolved.")
    acknowledged_at: datetime | None
    acknowledged_by: int | None


class SnoozeIn(Given):
    """Until when."""

    until: datetime


class ChainIn(Given):
    """`steps`: null brings the usual ones back; an empty list tells nobody."""

    steps: list[dict[str, Any]] | None = Field(max_length=chains.MOST_STEPS)


class ChainOut(Shape):
    steps: list[dict[str, Any]]
    usual: bool


@router.get("/alerts")
async def list_alerts(
    access: ApiAccessDep,
    session: SessionDep,
    now: NowDep,
    since: Annotated[datetime | None, Query(description="Raised since then; default: seven days ago.")] = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="The last id of the answer before.")] = 0,
    open: Annotated[bool, Query(description="Only those whose customer still waits and nobody takes care of.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AlertOut]:
    """Alerts of the channels that this token may see, by id."""
    found: Sequence[notices.Told] = await notices.list_all(
        session, access, since=since or now - USUAL, after=after, open_only=open, limit=limit
    )
    return [AlertOut.model_validate(alert) for alert in found]


@router.put("/alerts/{alert_id}/acknowledgement", status_code=204)
async def put_acknowledgement(alert: AlertDep, access: ApiAccessDep, session: SessionDep, now: NowDep) -> Response:
    """Take care of it: further steps of its chain are not told to anybody."""
    await notices.acknowledge(session, access, alert, now=now)
    return Response(status_code=204)


@router.put("/alerts/{alert_id}/snooze", status_code=204)
async def put_snooze(alert: AlertDep, given: SnoozeIn, access: ApiAccessDep, session: SessionDep, now: NowDep) -> Response:
    """Tell the token's member again later."""
    await notices.snooze(session, access, alert, until=given.until, now=now)
    return Response(status_code=204)


async def find_policy(policy_id: Number, access: ApiAccessDep, session: SessionDep) -> Policy:
    """The policy of the address, found before a body is read."""
    return await alerting.policy(session, access, policy_id)


PolicyDep = Annotated[Policy, Depends(find_policy)]


@router.get("/policies/{policy_id}/alerts")
async def get_chain(policy: PolicyDep) -> ChainOut:
    """Who is told when a wait of this policy is or will be late."""
    return ChainOut(steps=[step.as_json() for step in chains.read(policy.alerts)], usual=policy.alerts is None)


@router.put("/policies/{policy_id}/alerts")
async def put_chain(policy: PolicyDep, given: ChainIn, access: ApiAccessDep, session: SessionDep, now: NowDep) -> ChainOut:
    """Write the chain anew; it holds at once for everybody who waits."""
    await alerting.change_chain(session, access, policy.id, given.steps, now=now)
    return await get_chain(policy)
