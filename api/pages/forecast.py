"""How far the breach forecast can be trusted, and which open waits it speaks of."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from api.deps import AccessDep, NowDep, SessionDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox.conversations import directory
from inbox.promptness import forecasts, wallboard
from inbox.team import rights

router = APIRouter(prefix="/w/{workspace_id}")

SHOWN = 50  # waits


@router.get("/metrics/forecast", response_class=HTMLResponse)
async def show(access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, now: NowDep) -> Response:
    """The page."""
    kept = await forecasts.load(session, access.workspace_id)
    moment = await wallboard.gather(session, access.workspace_id, here.timezone, now=now)
    waits = wallboard.foretold(moment, await rights.channels(session, access))
    return forms.page(
        "metrics/forecast.html",
        locale,
        here=here,
        now=now,
        forecast=kept[0] if kept else None,
        fitted_at=kept[1] if kept else None,
        waits=waits[:SHOWN],
        count=len(waits),
        names={channel.id: channel.name for channel in moment.channels},
        authors=await directory.authors(session, [wait.conversation for wait in waits[:SHOWN]]),
    )
