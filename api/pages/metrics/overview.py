"""The dashboard: cards, charts with their tables, and every choice in the address. The report is the same for printing."""

import asyncio
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, House, HouseDep, NowDep, SessionDep, SettingsDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from api.pages.metrics import asked
from api.pages.metrics.asked import PERIODS, BasisDep, Choices, ChoicesDep
from inbox.models import WAITS
from inbox.promptness import now_waiting, satisfaction
from inbox.promptness.question import Cohort, Cut, Filters
from inbox.settings import Settings
from inbox.team import logos
from inbox.team.rights import Access
from web import charts, heatmap

if TYPE_CHECKING:
    from inbox.promptness.metrics import Figure

router = APIRouter()

GOALS = (300, 900, 3600, 14400, 86400)  # seconds within which an answer may be wanted
COMPARED_DAYS = 31  # longer periods have no period before them beside them: it would be as much again to read
MOST_LINES = 50  # of a table: a post has a page of its own


async def told(
    choices: ChoicesDep, basis: BasisDep, access: AccessDep, session: SessionDep, settings: SettingsDep, house: HouseDep
) -> dict[str, Any]:
    """Everything that a page of figures shows."""
    from inbox.promptness import metrics, rhythm, sources

    setting = settings.member_figures
    wanted = [*((Cut.ALL, metric) for metric in WAITS), (choices.by, choices.metric)]
    over_time = asyncio.create_task(
        asyncio.to_thread(lambda: (rhythm.days(basis, choices.zone, choices.metric), rhythm.week(basis, choices.zone), sources.lags(basis)))
    )  # meanwhile, on another core
    found = await metrics.figures(session, access, basis, wanted, member_figures=setting)
    overall = {metric.value: found[Cut.ALL, metric][0] for metric in WAITS if found[Cut.ALL, metric]}
    names = await asked.names(session, access, setting, choices.question.filters.post)
    used = await sources.templates(session, access, choices.question)
    lines = sorted(found[choices.by, choices.metric], key=lambda figure: -figure.n)[:MOST_LINES]
    keyed = {**names, "post": await asked.posts(session, access, [int(line.key or 0) for line in lines] if choices.by == Cut.POST else [])}
    before = await _before(choices, access, session, settings, house)
    days, week, lags = await over_time
    return {
        "choices": choices,
        "overall": overall,
        "before": before,
        "days": days,
        "week": week,
        "heat": heatmap.shades(week.begun),
        "heat_answered": heatmap.shades(week.answered),
        "lines": lines,
        "names": names,
        "keyed": keyed.get(choices.by.value, {}),
        "lags": lags,
        "templates": used,
        "percentiles": charts.lines({"p90": [day.p90 for day in days], "p50": [day.p50 for day in days]}, mark=choices.question.within),
        "volume": charts.stacks([(day.within, day.n - day.within) for day in days], [day.backlog for day in days]),
        "periods": sorted({*PERIODS, choices.days}),
        "goals": sorted({*GOALS, int(choices.question.within)}),
        "cuts": [cut for cut in Cut if cut != Cut.ALL and (cut != Cut.MEMBER or setting != "off")],
        "cohorts": list(Cohort),
        "longest": max((line.p90 or line.p50 or 0 for line in lines), default=0),
    }


ToldDep = Annotated[dict[str, Any], Depends(told)]


@router.get("/metrics", response_class=HTMLResponse)
async def show(told: ToldDep, access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, now: NowDep) -> Response:
    """The page."""
    waiting = await now_waiting.open_waits(session, access, now=now)
    return forms.page("metrics/page.html", locale, here=here, now=now, waiting=waiting, **told)


@router.get("/metrics/report", response_class=HTMLResponse)
async def report(
    told: ToldDep, choices: ChoicesDep, access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, now: NowDep
) -> Response:
    """The same figures on paper, for whoever the team answers to."""
    logo = await logos.version(session, here.workspace_id)
    satisfied = await _satisfaction(session, access, choices)
    return forms.page("metrics/report.html", locale, here=here, now=now, logo=logo, satisfaction=satisfied, **told)


@router.get("/metrics/me", response_class=HTMLResponse)
async def own(
    choices: ChoicesDep,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    house: HouseDep,
    now: NowDep,
) -> Response:
    """A member's own figures, which nobody else sees here."""
    from inbox.promptness import metrics

    mine = replace(choices, question=replace(choices.question, filters=Filters(member=access.member_id)))
    basis = await metrics.basis(session, access, mine.question, member_figures=settings.member_figures, shelf=house.shelf)
    shown = await told(mine, basis, access, session, settings, house)
    return forms.page("metrics/own.html", locale, here=here, now=now, **shown)


async def _satisfaction(session: AsyncSession, access: Access, choices: Choices) -> satisfaction.Figure | None:
    """How satisfied customers were who were asked in the period; None where none are asked, or the choices are about waits alone."""
    question, chosen = choices.question, choices.question.filters
    if chosen.chosen.keys() - {each.name for each in fields(satisfaction.Filters)}:
        return None
    filters = satisfaction.Filters(channel=chosen.channel, team=chosen.team, label=chosen.label, priority=chosen.priority, kind=chosen.kind)
    return await satisfaction.overall(session, access, satisfaction.Question(question.since, question.until, filters))


async def _before(choices: Choices, access: Access, session: AsyncSession, settings: Settings, house: House) -> dict[str, "Figure"]:
    """The figures of the period before, by metric."""
    from inbox.promptness import metrics

    if choices.days > COMPARED_DAYS:
        return {}
    basis = await metrics.basis(session, access, choices.before, member_figures=settings.member_figures, shelf=house.shelf)
    found = await metrics.figures(session, access, basis, [(Cut.ALL, metric) for metric in WAITS])
    return {metric.value: found[Cut.ALL, metric][0] for metric in WAITS if found[Cut.ALL, metric]}
