"""Arrivals and handling by hour and weekday, and what one more person would have changed. Every choice is in the address."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import HTMLResponse

from api import problems
from api.deps import AccessDep, NowDep, SessionDep, SettingsDep, needs
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox.errors import Invalid
from inbox.models import Role
from inbox.promptness import rota
from inbox.promptness.rota import Slot
from web import heatmap

router = APIRouter(prefix="/w/{workspace_id}", dependencies=[Depends(needs(Role.SUPERVISOR))])

PERIODS = (28, 56, 182)  # days
USUAL_DAYS = 56
Hour = Annotated[int, Query(ge=0, le=99)]  # of a day, or a day of the week: `Slot` says what is none


@router.get("/metrics/staffing", response_class=HTMLResponse)
async def show(
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    now: NowDep,
    days: Annotated[int, Query(ge=7, le=rota.LONGEST_DAYS)] = USUAL_DAYS,
    weekday: Hour = 0,
    start: Hour = 9,
    end: Hour = 12,
    tried: bool = False,
) -> Response:
    """The page; the simulation once a slot was chosen."""
    slot, error = None, None
    try:
        slot = Slot(weekday, start, end) if tried else None
    except Invalid as refused:
        error = problems.sentence(refused, locale)
    found = await rota.study(session, access, here.timezone, slot, days=days, now=now)
    return forms.page(
        "metrics/staffing.html",
        locale,
        status=422 if error else 200,
        here=here,
        found=found,
        heat={name: heatmap.cells(getattr(found.pattern, name)) for name in ("arrivals", "answers", "present", "rate")},
        shows_people=rota.shows_people(found.pattern, settings.member_figures),
        slot=slot,
        weekday=weekday,
        start=start,
        end=end,
        days=days,
        periods=PERIODS,
        error=error,
    )
