"""A screen on the wall: who waits now, pushed as it changes."""

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from api import boards
from api.deps import AccessDep, NowDep, SessionDep, SettingsDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox import events
from inbox.promptness import wallboard
from inbox.team import rights

router = APIRouter(prefix="/w/{workspace_id}")


@router.get("/wallboard", response_class=HTMLResponse)
async def show(access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, settings: SettingsDep, now: NowDep) -> Response:
    """The page; its parts are those that the socket pushes. The event id is asked for first: nothing falls between."""
    event_id = await events.last_id(session)
    channels = await rights.channels(session, access)
    drawing = await boards.draw(session, access.workspace_id, figures=settings.member_figures, now=now)
    if settings.member_figures == "named":
        wallboard.record_look(session, access, drawing.moment)
    board, people = drawing.parts(locale, channels, access.member_id)
    return forms.page("wallboard/page.html", locale, here=here, event_id=event_id, board=board, people=people)
