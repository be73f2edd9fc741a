"""Reports by mail. For supervisors."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, Number, RowId, SessionDep, SettingsDep, needs
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from api.pages.metrics.asked import Choices, ChoicesDep
from inbox.conversations import directory
from inbox.models import Rhythm, Role
from inbox.promptness import schedules
from inbox.settings import Settings
from inbox.team.rights import Access
from web.render import Here

router = APIRouter(prefix="/metrics/schedules", dependencies=[Depends(needs(Role.SUPERVISOR))])


@router.get("", response_class=HTMLResponse)
async def show(
    choices: ChoicesDep,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    request: Request,
) -> Response:
    """Who gets the figures, and how often."""
    return await _page(session, access, here, locale, settings, choices, done="done" in request.query_params)


@router.post("", response_class=HTMLResponse)
async def create(
    choices: ChoicesDep,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    now: NowDep,
    rhythm: Annotated[Rhythm, Form()],
    members: Annotated[list[RowId] | None, Form()] = None,
) -> Response:
    """One more."""
    error = await forms.attempt(session, schedules.create(session, access, rhythm, members or [], now=now), locale)
    if error:
        return await _page(session, access, here, locale, settings, choices, error=error)
    return forms.go(f"/w/{access.workspace_id}/metrics/schedules?done=1")


@router.post("/{schedule_id}/removal")
async def remove(schedule_id: Number, access: AccessDep, session: SessionDep, now: NowDep) -> Response:
    """No more of these."""
    await schedules.remove(session, access, schedule_id, now=now)
    return forms.go(f"/w/{access.workspace_id}/metrics/schedules?done=1")


async def _page(
    session: AsyncSession,
    access: Access,
    here: Here,
    locale: str,
    settings: Settings,
    choices: Choices,
    *,
    error: str | None = None,
    done: bool = False,
) -> Response:
    known = await directory.load(session, access.workspace_id)
    rows = await schedules.every(session, access)
    told: dict[str, Any] = {
        "schedules": rows,
        "members": known.members,
        "rhythms": list(Rhythm),
        "error": error,
        "done": done,
        "mails": settings.smtp_url is not None,
    }
    return forms.page("metrics/schedules.html", locale, status=422 if error else 200, here=here, choices=choices, **told)
