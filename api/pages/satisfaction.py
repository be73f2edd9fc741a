"""How satisfied customers are: the page, the ratings behind its numbers, and both as files. Every choice is in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from api import sheets
from api.asking import LONGEST_DAYS, USUAL_DAYS, Empty, Key
from api.deps import AccessDep, NowDep, SessionDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep, WorkspaceDep
from api.pages.metrics import asked, files
from inbox.contract import ConversationKind
from inbox.conversations import listing
from inbox.models import Priority
from inbox.promptness import satisfaction
from inbox.promptness.satisfaction import Cohort, Cut, Figure, Filters, Line, Question, Week
from inbox.team.rights import Access
from web import charts

router = APIRouter(prefix="/w/{workspace_id}/metrics/satisfaction")

PAGE = 50  # ratings
Score = Annotated[int, Field(ge=1, le=5)]  # limited inside of "or nothing": nothing has no limits
NUMBERS = ("asked", "not_asked", "given", "response_rate", "satisfied", "share", "share_low", "share_high", "mean")
HEADER = ("cut", "id", "name", "cohort", *NUMBERS, *(f"score_{score}" for score in satisfaction.SCORES))
RATINGS = tuple(each.name for each in fields(Line) if each.name not in ("comment", "who"))  # what a customer said stays here


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen, as the address says it."""

    question: Question
    days: int
    zone: ZoneInfo

    def address(self, **other: Any) -> str:
        """The query of an address with these choices, some of them others; None leaves one out."""
        told: dict[str, Any] = {"days": self.days, "cohort": self.question.cohort.value, **self.question.filters.chosen, **other}
        return urlencode({name: getattr(value, "value", value) for name, value in told.items() if value is not None})


async def choices(
    workspace: WorkspaceDep,
    now: NowDep,
    days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = USUAL_DAYS,
    cohort: Cohort = Cohort.ASKED,
    channel: Key = None,
    team: Key = None,
    label: Key = None,
    priority: Annotated[Priority | None, Empty, Query()] = None,
    kind: Annotated[ConversationKind | None, Empty, Query()] = None,
) -> Choices:
    zone = ZoneInfo(workspace.timezone)
    period = asked.whole_days(days, zone, now)
    filters = Filters(channel=channel, team=team, label=label, priority=priority, kind=kind)
    return Choices(Question(period.since, period.until, filters, cohort), days, zone)


ChoicesDep = Annotated[Choices, Depends(choices)]


@dataclass(frozen=True, slots=True)
class Which:
    """The ratings behind a number."""

    score: int | None
    given: bool


async def which(
    score: Annotated[Score | None, Empty, Query()] = None,
    given: Annotated[bool, Query(description="Answered ones only.")] = False,
) -> Which:
    return Which(score, given)


WhichDep = Annotated[Which, Depends(which)]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page and the file tell."""

    overall: Figure | None
    tables: Mapping[str, Sequence[Figure]]  # by cut
    weeks: Sequence[Week]
    names: Mapping[str, Mapping[int, str]]


async def report(choices: ChoicesDep, access: AccessDep, session: SessionDep) -> Report:
    """Count what this member may see: a constant number of queries."""
    found = await satisfaction.figures(session, access, choices.question)
    weeks = await satisfaction.weeks(session, access, choices.question, choices.zone)
    names = await asked.names(session, access, "off")  # nothing here is about members
    tables = {cut.value: told for cut, told in found.items() if cut is not Cut.ALL}
    return Report(next(iter(found[Cut.ALL]), None), tables, weeks, names)


ReportDep = Annotated[Report, Depends(report)]


@router.get("", response_class=HTMLResponse)
async def show(
    report: ReportDep, choices: ChoicesDep, access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep
) -> Response:
    """The page."""
    return forms.page(
        "metrics/satisfaction.html",
        locale,
        here=here,
        choices=choices,
        report=report,
        names=report.names,
        asks=await satisfaction.asks(session, access),
        trend=charts.shares([week.figure.share for week in report.weeks]),
        periods=sorted({*asked.PERIODS, choices.days}),
    )


@router.get("/ratings", response_class=HTMLResponse)
async def show_ratings(
    choices: ChoicesDep,
    which: WhichDep,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
) -> Response:
    """The ratings behind a number, the newest first, each with its conversation."""
    found = await _lines(session, access, choices, which, before=listing.place(cursor) if cursor else None, limit=PAGE + 1)
    lines, more = found[:PAGE], len(found) > PAGE
    return forms.page(
        "metrics/ratings.html",
        locale,
        here=here,
        choices=choices,
        which=which,
        lines=lines,
        names=await asked.names(session, access, "off"),
        after=_cursor(choices, lines[-1]) if more else None,
        cursor=cursor,
    )


@router.get(".csv")
async def export(report: ReportDep, choices: ChoicesDep) -> Response:
    """The figures of every cut, as on the page."""
    every = {"all": [report.overall] if report.overall else [], **report.tables}
    rows = [
        (cut, figure.key, _name(report, cut, figure), choices.question.cohort.value, *_cells(figure))
        for cut, told in every.items()
        for figure in told
    ]
    return sheets.download(f"satisfaction-{_period(choices)}.csv", HEADER, rows)


@router.get("/ratings.csv")
async def ratings_csv(choices: ChoicesDep, which: WhichDep, access: AccessDep, session: SessionDep) -> Response:
    """The ratings behind the figures, one in each row; what customers said is in their conversations alone."""
    lines = await _lines(session, access, choices, which)
    return sheets.download(f"ratings-{_period(choices)}.csv", RATINGS, [[getattr(line, name) for name in RATINGS] for line in lines])


@router.get("/ratings.parquet")
async def ratings_parquet(choices: ChoicesDep, which: WhichDep, access: AccessDep, session: SessionDep) -> Response:
    """The same for programs that read columns."""
    lines = await _lines(session, access, choices, which)
    return await files.parquet(f"ratings-{_period(choices)}", {name: [getattr(line, name) for line in lines] for name in RATINGS})


async def _lines(session: AsyncSession, access: Access, choices: Choices, which: Which, **page: Any) -> Sequence[Line]:
    scores = () if which.score is None else (which.score,)
    return await satisfaction.lines(session, access, choices.question, scores=scores, given=which.given, **page)


def _cursor(choices: Choices, line: Line) -> str:
    at = line.given_at if choices.question.cohort is Cohort.GIVEN and line.given_at else line.asked_at
    return listing.cursor(at, line.rating)


def _cells(figure: Figure) -> list[float | None]:
    return [*(getattr(figure, name) for name in NUMBERS), *figure.scores]


def _name(report: Report, cut: str, figure: Figure) -> str | None:
    return report.names.get(cut, {}).get(figure.key) if isinstance(figure.key, int) else None


def _period(choices: Choices) -> str:
    return f"{choices.question.since:%Y-%m-%d}-{choices.days}-days"
