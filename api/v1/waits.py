"""Waits: who waited for an answer, and who had the wait when."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.deps import ApiAccessDep, NowDep, Number, SessionDep, SettingsDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.models import Metric, Outcome
from inbox.promptness import segments
from inbox.promptness.cuts import Kind
from inbox.promptness.segments import Hand, Waterfall

router = APIRouter(prefix="/waits", tags=["metrics"], responses=PROBLEMS)


class SegmentOut(Shape):
    """A stretch of a wait, in seconds by the wall clock and in the hours that count for the wait."""

    kind: Kind
    member_id: int | None
    member_hidden: bool = Field(description="A member had it, and who that was is not for this token (member_figures).")
    team_id: int | None
    began: datetime
    seconds: float
    business_seconds: float

    @classmethod
    def of(cls, hand: Hand) -> "SegmentOut":
        one = hand.segment
        return cls(
            kind=one.kind,
            member_id=one.member,
            member_hidden=hand.hidden,
            team_id=one.team,
            began=one.began,
            seconds=one.seconds,
            business_seconds=one.business,
        )


class WaitOut(Shape):
    """A wait. Its segments' seconds add up to its own, by the wall clock and in business time; those of an open one until now."""

    id: int
    conversation_id: int
    channel_id: int
    identity_id: int
    metric: Metric
    opened_at: datetime
    received_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None
    message_count: int
    seconds: float
    business_seconds: float
    policy_id: int | None
    calendar_id: int | None = Field(description="Whose hours count; null: the wall clock.")
    target_seconds: int | None
    due_at: datetime | None
    breached_at: datetime | None
    late_on_policy: bool
    caught_up_late: bool
    asked_told_at: datetime | None = Field(description="What the platform's clock said of the question, where that cannot be true.")
    answered_told_at: datetime | None = Field(description="The same of the answer.")
    segments: list[SegmentOut]

    @classmethod
    def of(cls, found: Waterfall) -> "WaitOut":
        wait = found.wait.model_dump(exclude={"segments", "business_seconds"})
        return cls(
            **wait,
            seconds=found.seconds,
            business_seconds=found.business,
            asked_told_at=found.asked_told_at,
            answered_told_at=found.answered_told_at,
            segments=[SegmentOut.of(hand) for hand in found.hands],
        )


@router.get("/{wait_id}")
async def get_wait(wait_id: Number, access: ApiAccessDep, session: SessionDep, settings: SettingsDep, now: NowDep) -> WaitOut:
    """Why was this late? One wait and who had it when."""
    return WaitOut.of(await segments.of_wait(session, access, wait_id, now, member_figures=settings.member_figures))
