"""How long customers wait: one page, and the same numbers as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import sheets
from api.deps import AccessDep, NowDep, SessionDep, SettingsDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep, WorkspaceDep
from inbox.conversations import directory
from inbox.models import WAITS, Channel, Metric
from inbox.promptness import metrics
from inbox.promptness.metrics import Cut, Figure
from inbox.settings import Settings
from inbox.team import rights
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}")

PERIODS = (1, 7, 28, 90, 365)  # days, today included
GOALS = (300, 900, 3600, 14400, 86400)  # seconds within which an answer may be wanted
HEADER = (
    "cut", "id", "name", "waits", "answered", "still_waiting", "p50_seconds", "p90_seconds", "mean_seconds",
    "within_seconds", "share_within",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in the workspace's time zone, up to the end of today."""

    days: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for which figures."""

    access: Access
    settings: Settings
    period: Period
    within: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table. A name of None: nobody, or no team."""

    key: int | None
    name: str | None
    figure: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page and the file tell."""

    period: Period
    metric: Metric
    within: int  # seconds
    overall: Mapping[str, Figure]  # by metric; missing: there were no waits
    tables: Mapping[str, Sequence[Line]]  # by cut: channel, team, member (or the large teams that stand for members)


async def report(
    access: AccessDep,
    workspace: WorkspaceDep,
    session: SessionDep,
    settings: SettingsDep,
    now: NowDep,
    days: Annotated[int, Query(ge=1, le=1100)] = 28,
    metric: Literal[Metric.FIRST, Metric.NEXT] = Metric.FIRST,
    within: Annotated[int, Query(ge=60, le=30 * 86400)] = 3600,
) -> Report:
    """Count what this member may see: a constant number of queries."""
    period = _period(days, ZoneInfo(workspace.timezone), now)
    asked = Asked(access, settings, period, within, now)
    overall: dict[str, Figure] = {}
    for kind in WAITS:
        found = await _figures(session, asked, kind, Cut.ALL)
        overall |= {kind.value: found[0]} if found else {}
    names = await _names(session, access, settings)
    tables = {
        cut.value: [
            Line(figure.key, names[cut].get(figure.key) if figure.key is not None else None, figure)
            for figure in await _figures(session, asked, metric, cut)
        ]
        for cut in (Cut.CHANNEL, Cut.TEAM, Cut.MEMBER)
    }
    return Report(period, metric, within, overall, tables)


ReportDep = Annotated[Report, Depends(report)]


@router.get("/metrics", response_class=HTMLResponse)
async def show(
    report: ReportDep, access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, settings: SettingsDep, now: NowDep
) -> Response:
    """The page."""
    period = report.period
    days = await metrics.days(
        session,
        access,
        since=period.since,
        until=period.until,
        timezone=here.timezone,
        target_seconds=report.within,
        metric=report.metric,
    )
    return forms.page(
        "metrics/page.html",
        locale,
        here=here,
        now=now,
        report=report,
        waiting=await metrics.open_waits(session, access, now=now),
        days=days,
        periods=sorted({*PERIODS, period.days}),
        goals=sorted({*GOALS, report.within}),
        longest=max((line.figure.p90 or line.figure.p50 or 0 for table in report.tables.values() for line in table), default=0),
        member_figures=settings.member_figures,
    )


@router.get("/metrics.csv")
async def export(report: ReportDep) -> Response:
    """The same figures as a file for a spreadsheet."""
    every = [("all", [Line(None, report.metric.value, figure)]) for kind, figure in report.overall.items() if kind == report.metric]

    def share(figure: Figure) -> tuple[int, float | None]:
        return report.within, None if figure.share is None else round(figure.share, 4)

    rows = [
        (cut, line.key, line.name, figure.n, figure.answered, figure.open_now, figure.p50, figure.p90, figure.mean, *share(figure))
        for cut, table in [*every, *report.tables.items()]
        for line in table
        for figure in (line.figure,)
    ]
    name = f"waits-{report.metric.value}-{report.period.since:%Y-%m-%d}-{report.period.days}-days.csv"
    return sheets.download(name, HEADER, rows)


def _period(days: int, zone: ZoneInfo, now: datetime) -> Period:
    today = now.astimezone(zone).date()
    since = datetime.combine(today - timedelta(days=days - 1), time.min, zone)
    return Period(days, since, datetime.combine(today + timedelta(days=1), time.min, zone))


async def _figures(session: AsyncSession, asked: Asked, metric: Metric, cut: Cut) -> Sequence[Figure]:
    return await metrics.figures(
        session,
        asked.access,
        since=asked.period.since,
        until=asked.period.until,
        now=asked.now,
        by=cut,
        metric=metric,
        target_seconds=asked.within,
        member_figures=asked.settings.member_figures,
    )


async def _names(session: AsyncSession, access: Access, settings: Settings) -> dict[Cut, dict[int, str]]:
    """What the keys of each table are called; with `groups` the keys of members are large teams."""
    known = await directory.load(session, access.workspace_id)
    seen = select(col(Channel.id), col(Channel.name)).where(
        col(Channel.workspace_id) == access.workspace_id, rights.sees(access, col(Channel.id))
    )
    channels = {row[0]: row[1] for row in (await session.execute(seen)).all()}
    members = known.teams if settings.member_figures == "groups" else known.members
    return {Cut.CHANNEL: channels, Cut.TEAM: known.teams, Cut.MEMBER: members}
