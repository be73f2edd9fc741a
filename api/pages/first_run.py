"""The first run: a one-time link that `parley serve` prints makes the first admin and workspace."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel

from api import problems
from api.deps import HouseDep, NowDep, SessionDep
from api.pages import forms, sign_in
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Account
from inbox.team import invitations
from inbox.team.workspaces import TIMEZONES
from web.i18n import SUPPORTED, locale_of

router = APIRouter(prefix="/first-run/{token}")


class FirstRunIn(BaseModel):
    """What the page asks for."""

    name: str = ""
    email: str = ""
    password: str = ""
    workspace: str = ""
    locale: str = "en"
    timezone: str = ""


@router.get("")
async def show(token: str, request: Request, session: SessionDep, now: NowDep) -> Response:
    if not await invitations.is_first_run(session, token, now=now):
        raise NotFound(invitations.GONE, code="invitation_gone")
    return _page(request, FirstRunIn(locale=locale_of(request.headers.get("accept-language", ""))))


@router.post("")
async def finish(
    token: str, request: Request, session: SessionDep, house: HouseDep, now: NowDep, given: Annotated[FirstRunIn, Form()]
) -> Response:
    """Make the admin and the workspace, and sign in."""
    try:
        async with session.begin_nested():
            member = await invitations.finish_first_run(
                session,
                token,
                email=given.email,
                name=given.name,
                password=given.password,
                workspace=given.workspace,
                locale=given.locale if given.locale in SUPPORTED else "en",
                timezone=given.timezone,
                now=now,
            )
    except (Invalid, Conflict) as error:
        told = problems.sentence(error, locale_of(request.headers.get("accept-language", "")))
        return _page(request, given, told)
    account = await session.get_one(Account, member.account_id)
    return await sign_in.enter(request, session, house, account, now=now, next=f"/w/{member.workspace_id}/inbox")


def _page(request: Request, given: FirstRunIn, error: str | None = None) -> Response:
    locale = locale_of(request.headers.get("accept-language", ""))
    return forms.page("people/first_run.html", locale, status=422 if error else 200, given=given, error=error, timezones=sorted(TIMEZONES))
