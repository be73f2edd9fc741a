"""How long customers wait: the same numbers as on the screen."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession

from api.asking import FiltersDep, MetricQuery, PeriodDep
from api.deps import ApiAccessDep, HouseDep, NowDep, SessionDep, SettingsDep
from api.schemas import PageOut
from api.v1 import PROBLEMS
from api.v1.figures import (
    DayOut,
    DaysOut,
    FigureOut,
    FiguresOut,
    LagOut,
    NowOut,
    PostLineOut,
    PostsOut,
    SourcesOut,
    UseOut,
    WaitOut,
    WeekOut,
)
from inbox.errors import Invalid
from inbox.models import Metric, Workspace
from inbox.promptness import now_waiting
from inbox.promptness.question import Cohort, Cut, Question, State

if TYPE_CHECKING:
    from inbox.promptness.metrics import Basis

router = APIRouter(prefix="/metrics", tags=["metrics"], responses=PROBLEMS)


async def question(
    period: PeriodDep,
    filters: FiltersDep,
    now: NowDep,
    cohort: Cohort = Cohort.ARRIVAL,
    target_seconds: Annotated[float, Query(gt=0, le=10**9, description="An answer is wanted within so many seconds.")] = 3600,
) -> Question:
    return Question(since=period.since, until=period.until, now=now, filters=filters, cohort=cohort, within=target_seconds)


QuestionDep = Annotated[Question, Depends(question)]


async def basis(question: QuestionDep, access: ApiAccessDep, session: SessionDep, settings: SettingsDep, house: HouseDep) -> "Basis":
    from inbox.promptness import metrics

    return await metrics.basis(session, access, question, member_figures=settings.member_figures, shelf=house.shelf)


BasisDep = Annotated[Any, Depends(basis)]


@router.get("")
async def get_metrics(
    basis: BasisDep,
    access: ApiAccessDep,
    session: SessionDep,
    settings: SettingsDep,
    by: Annotated[Cut, Query(description="member: only as the setting member_figures allows.")] = Cut.ALL,
    metric: MetricQuery = Metric.FIRST,
) -> FiguresOut:
    """Figures of the channels that this token may see."""
    from inbox.promptness import metrics

    found = await metrics.figures(session, access, basis, [(by, metric)], member_figures=settings.member_figures)
    items = [FigureOut.model_validate(figure) for figure in found[by, metric]]
    return FiguresOut(**_asked(basis.question), metric=metric, by=by, target_seconds=basis.question.within, items=items)


@router.get("/days")
async def get_days(
    basis: BasisDep, access: ApiAccessDep, session: SessionDep, metric: MetricQuery = Metric.FIRST, timezone: str | None = None
) -> DaysOut:
    """The period day by day; `timezone` is the workspace's unless it is said."""
    from inbox.promptness import rhythm

    zone = await _zone(session, access.workspace_id, timezone)
    items = [DayOut.model_validate(day) for day in rhythm.days(basis, zone, metric)]
    return DaysOut(**_asked(basis.question), metric=metric, timezone=zone.key, items=items)


@router.get("/week")
async def get_week(basis: BasisDep, access: ApiAccessDep, session: SessionDep, timezone: str | None = None) -> WeekOut:
    """Arrivals and answers by hour and weekday."""
    from inbox.promptness import rhythm

    zone = await _zone(session, access.workspace_id, timezone)
    told = rhythm.week(basis, zone)
    return WeekOut(**_asked(basis.question), timezone=zone.key, **asdict(told), handled=told.handled)


@router.get("/now")
async def get_now(access: ApiAccessDep, session: SessionDep, now: NowDep) -> NowOut:
    """Who waits at this moment, whenever it began."""
    return NowOut.model_validate(await now_waiting.open_waits(session, access, now=now))


@router.get("/sources")
async def get_sources(basis: BasisDep, access: ApiAccessDep, session: SessionDep) -> SourcesOut:
    """How late channels bring messages, and how often templates are used."""
    from inbox.promptness import sources

    lags = [LagOut.model_validate(lag) for lag in sources.lags(basis)]
    used = [UseOut.model_validate(use) for use in await sources.templates(session, access, basis.question)]
    return SourcesOut(**_asked(basis.question), lags=lags, templates=used)


@router.get("/posts")
async def get_posts(basis: BasisDep, access: ApiAccessDep, session: SessionDep, timezone: str | None = None) -> PostsOut:
    """The posts of the period that drew most, and how prompt the answers were."""
    from inbox.promptness import sources

    zone = await _zone(session, access.workspace_id, timezone)
    items = [PostLineOut.model_validate(line) for line in await sources.posts(session, access, basis, zone)]
    return PostsOut(**_asked(basis.question), timezone=zone.key, items=items)


@router.get("/waits")
async def get_waits(
    basis: BasisDep,
    session: SessionDep,
    state: Annotated[State, Query(description="Which of them, as the figures count.")] = State.ALL,
    metric: Metric | None = None,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> PageOut[WaitOut]:
    """The waits behind a number, the newest first."""
    from inbox.promptness import behind

    lines, after = await behind.page(session, basis, state, metric, before=cursor, limit=limit)
    return PageOut[WaitOut](items=[WaitOut.model_validate(line) for line in lines], next=after)


def _asked(question: Question) -> dict[str, Any]:
    return {"since": question.since, "until": question.until, "cohort": question.cohort}


async def _zone(session: AsyncSession, workspace_id: int, name: str | None) -> ZoneInfo:
    if name is None:
        return ZoneInfo((await session.get_one(Workspace, workspace_id)).timezone)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise Invalid("There is no such time zone. They are called like Europe/Berlin.", code="timezone") from error
