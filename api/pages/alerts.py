"""What a member is told of customers who wait: the list behind the bell, and the script that shows messages while no page is open."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Response
from fastapi.responses import FileResponse

import web
from api import alert_words
from api.deps import AccessDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox.models import Role
from inbox.promptness import notices, troubles
from web.i18n import language

router = APIRouter()
PAGE = "/w/{workspace_id}/alerts"
SNOOZES = (10, 60, 8 * 60)  # minutes that the page offers
WORKER = Path(web.__file__).parent / "static/js/service-worker.js"


async def find(alert_id: Number, access: AccessDep, session: SessionDep) -> notices.Told:
    """The alert of the address, found before a form is read."""
    return await notices.get(session, access, alert_id)


AlertDep = Annotated[notices.Told, Depends(find)]


@router.get(PAGE)
async def show(here: HereDep, locale: LocaleDep, access: AccessDep, session: SessionDep, now: NowDep) -> Response:
    """Who waits too long or soon will, the most urgent first; for admins also what is wrong with Parley itself."""
    found = await notices.list_mine(session, access, now=now)
    zone, say = ZoneInfo(here.timezone), language(locale)
    lines = {alert.id: alert_words.line(replace(alert, who=isolated(alert.who)), say, zone, now) for alert in found}
    wrong = await troubles.current(session, access) if access.role is Role.ADMIN else ()
    told = [(one, alert_words.trouble(one, say)) for one in wrong]
    snoozes = [(minutes, say.duration(timedelta(minutes=minutes))) for minutes in SNOOZES]
    return forms.page("alerts/page.html", locale, here=here, alerts=found, lines=lines, troubles=told, zone=zone, snoozes=snoozes)


@router.post(PAGE + "/seen", status_code=204)
async def see(access: AccessDep, session: SessionDep, now: NowDep) -> Response:
    """The member has looked at the list."""
    await notices.see(session, access, now=now)
    return Response(status_code=204)


@router.post(PAGE + "/{alert_id}/acknowledgement", dependencies=[Depends(needs(Role.AGENT))])
async def acknowledge(alert: AlertDep, access: AccessDep, session: SessionDep, now: NowDep) -> Response:
    """The member takes care of it: nobody else is told."""
    await notices.acknowledge(session, access, alert, now=now)
    return forms.go(f"/w/{access.workspace_id}/alerts")


@router.post(PAGE + "/{alert_id}/snooze")
async def snooze(
    alert: AlertDep, access: AccessDep, session: SessionDep, now: NowDep, minutes: Annotated[int, Form(ge=1, le=10080)]
) -> Response:
    """Show it again later."""
    await notices.snooze(session, access, alert, until=now + timedelta(minutes=minutes), now=now)
    return forms.go(f"/w/{access.workspace_id}/alerts")


@router.get("/service-worker.js")
async def service_worker() -> Response:
    """Served from the top, so that it may answer for every page."""
    return FileResponse(WORKER, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def isolated(name: str) -> str:
    """A name in its own direction of writing, which leaves the sentence around it alone."""
    return f"\u2068{name}\u2069" if name else ""
