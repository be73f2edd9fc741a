"""SLA policies. For supervisors."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import Field, StringConstraints

from api.deps import ApiAccessDep, NowDep, Number, RowId, SessionDep
from api.schemas import Given, Shape
from api.v1 import PROBLEMS
from inbox.models import Policy
from inbox.promptness.agreements import policies
from inbox.promptness.agreements.policies import Draft

router = APIRouter(prefix="/policies", tags=["policies"], responses=PROBLEMS)


async def find(policy_id: Number, access: ApiAccessDep, session: SessionDep) -> Policy:
    """The policy of the address."""
    return await policies.get(session, access, policy_id)


PolicyDep = Annotated[Policy, Depends(find)]
Name = Annotated[str, StringConstraints(max_length=400)]
Conditions = Annotated[
    dict[str, list[Any]], Field(description="All must hold, with one value of each: channel, kind, label, team, priority, language, tier.")
]
Targets = Annotated[
    dict[str, dict[str, Annotated[int, Field(ge=1, lt=2**31)] | Literal["calendar", "wall"]]],
    Field(
        description="Seconds by priority for each of first, next and resolution; a priority without its own has normal's. "
        "`clock` wall: by the wall clock, though the policy has a calendar."
    ),
]
CalendarId = Annotated[RowId | None, Field(description="Whose hours count; null: by the wall clock.")]

MAY_BE_NONE = ("calendar_id",)  # every other null says nothing


class PolicyOut(Shape):
    """The first policy, by position, that is on and whose conditions a conversation meets counts."""

    id: int
    name: str
    position: int
    is_on: bool
    conditions: dict[str, list[Any]]
    targets: dict[str, dict[str, int | str]]
    calendar_id: int | None
    revision: int
    changed_at: datetime


class PolicyIn(Given):
    name: Name
    targets: Targets
    conditions: Conditions = Field(default_factory=dict[str, list[Any]])
    calendar_id: CalendarId = None
    is_on: bool = True


class PolicyChange(Given):
    """What shall be another; what is left out stays."""

    name: Name | None = None
    targets: Targets | None = None
    conditions: Conditions | None = None
    calendar_id: CalendarId = None
    is_on: bool | None = None
    revision: Annotated[
        int | None, Field(ge=1, lt=2**31, description="The one that you have read; refused with 409 when there is another by now.")
    ] = None


class OrderIn(Given):
    """Every policy, in the order in which they are asked."""

    policy_ids: list[RowId]


@router.get("")
async def list_policies(access: ApiAccessDep, session: SessionDep) -> list[PolicyOut]:
    """The policies of the workspace, in their order."""
    return [PolicyOut.model_validate(policy) for policy in await policies.list_for(session, access)]


@router.post("", status_code=201)
async def create_policy(access: ApiAccessDep, given: PolicyIn, session: SessionDep, now: NowDep, response: Response) -> PolicyOut:
    """Make a policy, asked after all others. Everybody who waits goes by it at once."""
    policy = await policies.create(session, access, Draft(**given.model_dump()), now=now)
    response.headers["Location"] = f"/api/v1/policies/{policy.id}"
    return PolicyOut.model_validate(policy)


@router.put("/order")
async def order_policies(access: ApiAccessDep, given: OrderIn, session: SessionDep, now: NowDep) -> list[PolicyOut]:
    """Ask the policies in this order."""
    await policies.order(session, access, given.policy_ids, now=now)
    return [PolicyOut.model_validate(policy) for policy in await policies.list_for(session, access)]


@router.get("/{policy_id}")
async def get_policy(policy: PolicyDep) -> PolicyOut:
    """One policy."""
    return PolicyOut.model_validate(policy)


@router.patch("/{policy_id}")
async def change_policy(access: ApiAccessDep, policy: PolicyDep, given: PolicyChange, session: SessionDep, now: NowDep) -> PolicyOut:
    """Let it promise something else. Waits that have ended keep what counted then."""
    told = given.model_dump(exclude_unset=True, exclude={"revision"})
    said = {name: value for name, value in told.items() if name in MAY_BE_NONE or value is not None}
    before = {name: getattr(policy, name) for name in PolicyIn.model_fields}
    await policies.change(session, access, policy, Draft(**(before | said)), seen=given.revision, now=now)
    return PolicyOut.model_validate(policy)


@router.delete("/{policy_id}", status_code=204)
async def remove_policy(access: ApiAccessDep, policy: PolicyDep, session: SessionDep, now: NowDep) -> None:
    """Take it away. Who waits goes by the next that fits; waits that have ended under it keep it."""
    await policies.remove(session, access, policy, now=now)
