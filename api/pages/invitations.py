"""Invitations: a link makes its bearer a member, with a new account or with the one that is signed in."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api import problems
from api.deps import COOKIE, House, HouseDep, NowDep, SessionDep, SignedInDep
from api.pages import forms, sign_in
from inbox.errors import Conflict, Invalid
from inbox.models import Account
from inbox.team import invitations, sessions, throttle
from inbox.team.throttle import Limit
from web.i18n import locale_of

TRIES = Limit(20, throttle.QUARTER)  # with one link: a link for anybody could else ask for one address after the other

router = APIRouter(prefix="/invitations/{token}")


class NewcomerIn(BaseModel):
    """What somebody without an account fills in."""

    name: str = ""
    email: str = ""
    password: str = ""


@router.get("")
async def show(token: str, request: Request, session: SessionDep, house: HouseDep, now: NowDep) -> Response:
    return await _page(token, request, session, house, now, NewcomerIn())


@router.post("")
async def join_as_new(
    token: str, request: Request, session: SessionDep, house: HouseDep, now: NowDep, given: Annotated[NewcomerIn, Form()]
) -> Response:
    """Make an account, a member, and sign in."""
    await invitations.find(session, token, now=now)
    async with house.database.transaction() as counting:
        await throttle.hit(counting, "invitation:join", token, TRIES, now=now)
    try:
        async with session.begin_nested():
            member = await invitations.accept_as_new(session, token, email=given.email, name=given.name, password=given.password, now=now)
    except (Invalid, Conflict) as error:
        return await _page(token, request, session, house, now, given, error)
    account = await session.get_one(Account, member.account_id)
    return await sign_in.enter(request, session, house, account, now=now, next=f"/w/{member.workspace_id}/inbox")


@router.post("/membership")
async def join(token: str, request: Request, session: SessionDep, house: HouseDep, signed_in: SignedInDep, now: NowDep) -> Response:
    """Become a member with the account that is signed in."""
    try:
        async with session.begin_nested():
            member = await invitations.accept(session, token, signed_in.account, now=now)
    except Conflict as error:
        return await _page(token, request, session, house, now, NewcomerIn(), error)
    return forms.go(f"/w/{member.workspace_id}/inbox")


async def _page(
    token: str,
    request: Request,
    session: AsyncSession,
    house: House,
    now: datetime,
    given: NewcomerIn,
    error: Invalid | Conflict | None = None,
) -> Response:
    invitation, workspace = await invitations.find(session, token, now=now)
    cookie = request.cookies.get(COOKIE)
    browser = await sessions.find(session, cookie, now=now, days=house.settings.session_days) if cookie else None
    account = await session.get(Account, browser.account_id) if browser else None
    locale = locale_of(request.headers.get("accept-language", ""))
    return forms.page(
        "people/invitation.html",
        locale,
        status=error.status if error else 200,
        invitation=invitation,
        workspace=workspace,
        account=account,
        given=given,
        token=token,
        error=problems.sentence(error, locale) if error else None,
    )
