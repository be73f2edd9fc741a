"""How long until conversations are resolved: one page, and the same numbers as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from api import sheets
from api.asking import LONGEST_DAYS, USUAL_DAYS
from api.deps import AccessDep, NowDep, SessionDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep, WorkspaceDep
from api.pages.metrics import asked
from inbox.promptness import resolutions
from inbox.promptness.resolutions import Backlog, Cut, Figure

router = APIRouter(prefix="/w/{workspace_id}/metrics")

LENGTHS = ("first", "last", "first_business", "last_business")
HEADER = (
    "cut", "id", "name", "episodes", "resolved", "open_now",
    *(f"{length}_{sort}_seconds" for length in LENGTHS for sort in ("p50", "p90", "mean")),
    "share_reopened", "share_one_touch", "with_target", "late", "share_kept",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table. A name of None: by its key, nobody's, or no policy."""

    name: str | None
    figure: Figure


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page and the file tell."""

    days: int
    since: datetime
    until: datetime
    overall: Figure | None
    tables: Mapping[str, Sequence[Line]]  # by cut
    backlog: Backlog


async def report(
    access: AccessDep,
    workspace: WorkspaceDep,
    session: SessionDep,
    now: NowDep,
    days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = USUAL_DAYS,
) -> Report:
    """Count what this member may see: a constant number of queries."""
    period = asked.whole_days(days, ZoneInfo(workspace.timezone), now)
    found = await resolutions.report(session, access, since=period.since, until=period.until, now=now)
    names = await asked.names(session, access, "off")  # nothing here is about members
    tables = {
        cut.value: [Line(names.get(cut.value, {}).get(figure.key) if isinstance(figure.key, int) else None, figure) for figure in figures]
        for cut, figures in found.tables.items()
        if cut is not Cut.ALL
    }
    overall = next(iter(found.tables[Cut.ALL]), None)
    return Report(days, period.since, period.until, overall, tables, await resolutions.backlog(session, access, now=now))


ReportDep = Annotated[Report, Depends(report)]


@router.get("/resolution", response_class=HTMLResponse)
async def show(report: ReportDep, here: HereDep, locale: LocaleDep, now: NowDep) -> Response:
    """The page."""
    return forms.page("metrics/resolution.html", locale, here=here, now=now, report=report, periods=sorted({*asked.PERIODS, report.days}))


@router.get("/resolution.csv")
async def export(report: ReportDep) -> Response:
    """The same figures as a file for a spreadsheet."""
    every = {"all": [Line(None, report.overall)] if report.overall else [], **report.tables}
    rows = [(cut, line.figure.key, line.name, *_cells(line.figure)) for cut, lines in every.items() for line in lines]
    return sheets.download(f"resolutions-{report.since:%Y-%m-%d}-{report.days}-days.csv", HEADER, rows)


def _cells(figure: Figure) -> list[float | None]:
    lengths = (figure.first, figure.last, figure.first_business, figure.last_business)
    told = [cell for length in lengths for cell in (length.p50, length.p90, length.mean)]
    return [figure.n, figure.resolved, figure.open_now, *told, figure.reopened, figure.one_touch, figure.promised, figure.late, figure.kept]
