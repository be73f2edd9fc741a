"""How satisfied customers are: the same numbers as on the screen, and what was answered in a conversation."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.asking import Empty, Key, Number, PeriodDep
from api.deps import ApiAccessDep, ApiVisibleDep, SessionDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox.contract import ConversationKind
from inbox.conversations import ratings
from inbox.models import Priority, RatingState, Workspace
from inbox.promptness import satisfaction
from inbox.promptness.satisfaction import Cohort, Cut, Filters, Question

router = APIRouter(tags=["metrics"], responses=PROBLEMS)


class SatisfactionOut(Shape):
    """The ratings of the period. `key`: as `by` says; null: all of them, or none."""

    key: int | str | None
    asked: int | None = Field(description="Questions that were put; null in the cohort by answer.")
    not_asked: int | None = Field(description="Asked lately elsewhere, not wanted, or not deliverable.")
    given: int
    response_rate: float | None = Field(description="given / asked, 0 to 1.")
    satisfied: int = Field(description="Scores of 4 and 5.")
    share: float | None = Field(description="satisfied / given, 0 to 1 (CSAT).")
    share_low: float | None = Field(description="The share lies between this and `share_high`, 95 % sure (Wilson).")
    share_high: float | None
    mean: float | None
    scores: Sequence[int] = Field(description="How many gave 1, 2, 3, 4 and 5.")


class WeekOut(Shape):
    """The ratings of the week that begins on this Monday."""

    on: date
    figure: SatisfactionOut


class SatisfactionsOut(BaseModel):
    """What was counted, and the figures."""

    since: datetime
    until: datetime
    by: Cut
    cohort: Cohort = Field(description="asked: ratings count when they were asked for; given: when they came.")
    timezone: str
    items: Sequence[SatisfactionOut]
    weeks: Sequence[WeekOut] = Field(description="Those in which something was asked or given.")


class RatingOut(Shape):
    """A question, and what the customer answered."""

    id: int
    episode_id: int
    state: RatingState = Field(description="asked, or why not: recent, refused or unreachable.")
    asked_at: datetime = Field(description="Or when it was decided not to ask.")
    score: int | None = Field(description="1 to 5; null: not answered.")
    comment: str
    given_at: datetime | None


class RatingsOut(BaseModel):
    items: Sequence[RatingOut]


@router.get("/metrics/satisfaction")
async def get_satisfaction(
    access: ApiAccessDep,
    session: SessionDep,
    period: PeriodDep,
    by: Cut = Cut.ALL,
    cohort: Cohort = Cohort.ASKED,
    channel: Key = None,
    team: Annotated[Number | None, Empty, Query(description="0: of none; so for the label.")] = None,
    label: Key = None,
    priority: Annotated[Priority | None, Empty, Query()] = None,
    kind: Annotated[ConversationKind | None, Empty, Query()] = None,
) -> SatisfactionsOut:
    """Figures of the channels that this token may see."""
    filters = Filters(channel=channel, team=team, label=label, priority=priority, kind=kind)
    question = Question(period.since, period.until, filters, cohort)
    zone = ZoneInfo((await session.get_one(Workspace, access.workspace_id)).timezone)
    found = await satisfaction.figures(session, access, question, (by,))
    weeks = [WeekOut.model_validate(week) for week in await satisfaction.weeks(session, access, question, zone)]
    items = [SatisfactionOut.model_validate(figure) for figure in found[by]]
    return SatisfactionsOut(
        since=period.since, until=period.until, by=by, cohort=cohort, timezone=zone.key, items=items, weeks=weeks
    )  # fmt: skip


@router.get("/conversations/{conversation_id}/ratings", tags=["conversations"])
async def list_ratings(conversation_id: ApiVisibleDep, session: SessionDep) -> RatingsOut:
    """What was asked about a conversation, and answered, oldest first."""
    return RatingsOut(items=[RatingOut.model_validate(row) for row in await ratings.every(session, conversation_id)])
