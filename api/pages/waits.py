"""One wait: who had it when, for whoever asks why it was late."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import HTMLResponse

from api.deps import AccessDep, NowDep, Number, SessionDep, SettingsDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox.conversations import directory
from inbox.promptness import segments
from web.names import Names

router = APIRouter(prefix="/w/{workspace_id}")


@router.get("/waits/{wait_id}", response_class=HTMLResponse)
async def show_wait(
    wait_id: Number,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    now: NowDep,
    x_fragment: Annotated[str, Header()] = "",
) -> Response:
    """The page, or with `X-Fragment: wait` the part of it that a script shows over another page."""
    found = await segments.of_wait(session, access, wait_id, now, member_figures=settings.member_figures)
    names = Names(await directory.load(session, access.workspace_id))
    template = "waits/wait.html" if x_fragment == "wait" else "waits/page.html"
    shown = segments.shown_seconds(found.hands)
    headers = {"Vary": "X-Fragment"}
    return forms.page(template, locale, headers=headers, here=here, waterfall=found, shown=shown, names=names)
