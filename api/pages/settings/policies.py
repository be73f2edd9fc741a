"""SLA policies. For supervisors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api import problems
from api.deps import AccessDep, NowDep, Number, RowId, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox import channels, labels
from inbox.contract import ConversationKind
from inbox.conversations import spoken
from inbox.errors import ParleyError
from inbox.models import Metric, Policy, Priority, Role
from inbox.promptness.agreements import calendars, policies
from inbox.promptness.agreements.policies import Draft
from inbox.team import teams
from inbox.team.rights import Access
from web import lengths
from web.i18n import language

router = APIRouter(prefix="/w/{workspace_id}/settings/policies", dependencies=[Depends(needs(Role.SUPERVISOR))])
Ids = Annotated[list[RowId], Field(max_length=500)]
Words = Annotated[list[str], Field(max_length=500)]


class PolicyIn(BaseModel):
    """What the form asks for; `amounts` are metric × priority, `clocks` one for each metric, in the order in which the form has them."""

    name: str = ""
    is_on: str = ""
    channel: Ids = Field(default_factory=list[int])
    kind: Words = Field(default_factory=list[str])
    label: Ids = Field(default_factory=list[int])
    team: Ids = Field(default_factory=list[int])
    priority: Words = Field(default_factory=list[str])
    language: Words = Field(default_factory=list[str])
    tier: Words = Field(default_factory=list[str])
    amounts: Words = Field(default_factory=list[str])
    clocks: Words = Field(default_factory=list[str])
    calendar_id: str = ""
    revision: Annotated[int | None, Field(ge=1, lt=2**31)] = None

    @classmethod
    def of(cls, policy: Policy) -> "PolicyIn":
        """The form as it stands when it is opened."""
        written = [policy.targets.get(metric, {}).get(priority) for metric in Metric for priority in Priority]
        return cls(
            name=policy.name,
            is_on="1" if policy.is_on else "",
            amounts=[lengths.written(seconds) if seconds else "" for seconds in written],
            clocks=[policy.targets.get(metric, {}).get("clock", "calendar") for metric in Metric],
            calendar_id=str(policy.calendar_id or ""),
            revision=policy.revision,
            **policy.conditions,
        )

    def draft(self) -> Draft:
        """What it asks for; BadPolicy for a length that cannot be understood."""
        amounts, clocks = iter(self.amounts), iter(self.clocks)
        targets = {metric.value: _row(amounts, next(clocks, "calendar")) for metric in Metric}
        chosen: dict[str, list[Any]] = {
            "channel": [*self.channel],
            "kind": [*self.kind],
            "label": [*self.label],
            "team": [*self.team],
            "priority": [*self.priority],
            "language": [*self.language],
            "tier": [tier for word in self.tier for tier in (" ".join(part.split()) for part in word.split(",")) if tier],
        }
        return Draft(
            name=self.name,
            targets={metric: row for metric, row in targets.items() if row},
            conditions={name: list(dict.fromkeys(values)) for name, values in chosen.items() if values},
            calendar_id=int(self.calendar_id) if self.calendar_id.isdecimal() and len(self.calendar_id) < 19 else None,
            is_on=bool(self.is_on),
        )


def _row(amounts: Iterator[str], clock: str) -> dict[str, Any]:
    """The targets of one metric, as policies keep them."""
    read = {priority.value: next(amounts, "").strip() for priority in Priority}
    row: dict[str, Any] = {priority: forms.seconds(text) for priority, text in read.items() if text}
    return {**row, "clock": clock} if row and clock != "calendar" else row


@dataclass(frozen=True, slots=True)
class Choices:
    """What a policy can ask for, by the names that the reader knows. What is gone or hidden from them has none."""

    channel: Mapping[int, str]
    label: Mapping[int, str]
    team: Mapping[int, str]
    calendars: Mapping[int, str]
    language: Sequence[str]
    tier: Sequence[str]
    kind: Sequence[str] = tuple(ConversationKind)
    priority: Sequence[str] = tuple(Priority)


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """The list, in the order in which they are asked."""
    return await _list(frame, session, access, now)


@router.get("/new")
async def show_new(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    return await _form(frame, session, access, PolicyIn(is_on="1"), now)


@router.post("/new")
async def create(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Annotated[PolicyIn, Form()]) -> Response:
    try:
        draft = given.draft()
    except ParleyError as refused:
        return await _form(frame, session, access, given, now, error=problems.sentence(refused, frame.locale))
    error = await forms.attempt(session, policies.create(session, access, draft, now=now), frame.locale)
    return await _form(frame, session, access, given, now, error=error) if error else frame.back()


@router.get("/{policy_id}")
async def show_one(policy_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    policy = await policies.get(session, access, policy_id)
    return await _form(frame, session, access, PolicyIn.of(policy), now, policy_id=policy_id)


@router.post("/{policy_id}")
async def change(
    policy_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Annotated[PolicyIn, Form()]
) -> Response:
    policy = await policies.get(session, access, policy_id)
    try:
        draft = given.draft()
    except ParleyError as refused:
        return await _form(frame, session, access, given, now, policy_id=policy_id, error=problems.sentence(refused, frame.locale))
    error = await forms.attempt(session, policies.change(session, access, policy, draft, seen=given.revision, now=now), frame.locale)
    return await _form(frame, session, access, given, now, policy_id=policy_id, error=error) if error else frame.back()


@router.post("/{policy_id}/place")
async def move(
    policy_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, by: Annotated[int, Form(ge=-500, le=500)] = 0
) -> Response:
    policy = await policies.get(session, access, policy_id)
    error = await forms.attempt(session, policies.move(session, access, policy, by=by, now=now), frame.locale)
    return await _list(frame, session, access, now, error=error) if error else frame.back()


@router.post("/{policy_id}/switch")
async def switch(
    policy_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, on: Annotated[str, Form()] = ""
) -> Response:
    policy = await policies.get(session, access, policy_id)
    error = await forms.attempt(session, policies.switch(session, access, policy, is_on=bool(on), now=now), frame.locale)
    return await _list(frame, session, access, now, error=error) if error else frame.back()


@router.post("/{policy_id}/removal")
async def remove(policy_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    policy = await policies.get(session, access, policy_id)
    error = await forms.attempt(session, policies.remove(session, access, policy, now=now), frame.locale)
    return await _list(frame, session, access, now, error=error) if error else frame.back()


async def _list(frame: Frame, session: AsyncSession, access: Access, now: NowDep, *, error: str | None = None) -> Response:
    return frame.show(
        "settings/policies.html",
        error=error,
        policies=await policies.list_for(session, access),
        counts=await policies.counting(session, access),
        choices=await _choices(frame, session, access, now),
        metrics=list(Metric),
        priorities=list(Priority),
        written=lengths.written,
    )


async def _form(
    frame: Frame,
    session: AsyncSession,
    access: Access,
    given: PolicyIn,
    now: NowDep,
    *,
    policy_id: int | None = None,
    error: str | None = None,
) -> Response:
    return frame.show(
        "settings/policy.html",
        error=error,
        given=given,
        policy_id=policy_id,
        choices=await _choices(frame, session, access, now),
        metrics=list(Metric),
        priorities=list(Priority),
    )


async def _choices(frame: Frame, session: AsyncSession, access: Access, now: NowDep) -> Choices:
    rosters = await teams.list_for(session, access)
    return Choices(
        channel={channel.id: channel.name for channel in await channels.list_for(session, access)},
        label={label.id: label.name for label in await labels.list_for(session, access)},
        team={roster.team.id: roster.team.name for roster in rosters},
        calendars={each.calendar.id: each.calendar.name for each in await calendars.list_for(session, access, now=now)},
        language=list(language(frame.locale).language_names(await spoken.met(session, access))),
        tier=await policies.tiers(session, access),
    )
