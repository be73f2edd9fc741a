"""Signing in and out, and the start page, which leads on to a workspace."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api import headers, problems
from api.deps import COOKIE, House, HouseDep, NowDep, SessionDep, SignedInDep, client_address
from api.pages import forms
from api.pages.here import LocaleDep
from inbox.errors import TooMany
from inbox.models import Account
from inbox.secrets import Vault
from inbox.team import accounts, invitations, members, sessions, throttle
from inbox.team.throttle import Limit
from web.i18n import language, locale_of

BY_PAIR = Limit(10, throttle.QUARTER)  # one account from one address: nobody else can lock a person out
BY_ADDRESS = Limit(50, throttle.QUARTER)  # an office behind one address still gets in
BY_ACCOUNT = Limit(100, throttle.QUARTER)  # one account from many addresses
CODES = Limit(10, throttle.QUARTER)
PROOF_LIFETIME = timedelta(minutes=5)
COOKIE_SECONDS = 400 * 24 * 3600  # as long as browsers allow: the session in the database says when it really ends

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Next:
    """Where to go on, and what to say until then."""

    next: str = "/"
    email: str = ""
    proof: str | None = None


@router.get("/")
async def start(signed_in: SignedInDep, session: SessionDep, locale: LocaleDep) -> Response:
    """The one workspace of this account, or the choice."""
    found = await members.workspaces(session, signed_in.account.id)
    if len(found) == 1:
        return forms.go(f"/w/{found[0][0].id}/inbox")
    return forms.page("people/workspaces.html", locale, workspaces=[workspace for workspace, _ in found])


@router.get("/sign-in")
async def show_sign_in(request: Request, session: SessionDep, next: str = "/") -> Response:
    return await _form(request, session, Next(next=forms.local_path(next)))


@router.post("/sign-in")
async def sign_in(
    request: Request,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Address and password; a code is asked for next where the account wants one."""
    asked = Next(next=forms.local_path(next), email=email[:320])
    person, address = email.strip().lower(), client_address(request)
    try:
        async with house.database.transaction() as counting:
            await throttle.hit(counting, "sign-in:address", address, BY_ADDRESS, now=now)
            await throttle.hit(counting, "sign-in:account", person, BY_ACCOUNT, now=now)
            await throttle.hit(counting, "sign-in:pair", f"{person} {address}", BY_PAIR, now=now)
    except TooMany as error:
        return await _too_many(request, session, asked, error)
    account = await accounts.authenticate(session, email, password)
    if account is None:
        return await _form(request, session, asked, "The address or the password is not right.", status=401)
    await throttle.forget(session, "sign-in:pair", f"{person} {address}")
    if account.totp_secret is not None:
        proof = _prove(house.vault, account, now + PROOF_LIFETIME)
        return await _form(request, session, Next(next=asked.next, proof=proof))
    return await enter(request, session, house, account, now=now, next=asked.next)


@router.post("/sign-in/code")
async def sign_in_with_code(
    request: Request,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    proof: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """The second step: a code of the authenticator app."""
    asked = Next(next=forms.local_path(next), proof=proof)
    account = await _proven(session, house.vault, proof, now)
    if account is None:
        return await _form(request, session, Next(next=asked.next), "That took too long. Sign in again.", status=401)
    try:
        async with house.database.transaction() as counting:
            await throttle.hit(counting, "code", str(account.id), CODES, now=now)
    except TooMany as error:
        return await _too_many(request, session, asked, error)
    if not await accounts.spend_code(session, house.vault, account, code, now=now):
        return await _form(request, session, asked, "That code is not right, or was used already.", status=401)
    await throttle.forget(session, "code", str(account.id))
    return await enter(request, session, house, account, now=now, next=asked.next)


@router.post("/sign-out")
async def sign_out(request: Request, session: SessionDep, house: HouseDep, now: NowDep) -> Response:
    """End this browser's session; its sockets end within seconds."""
    token = request.cookies.get(COOKIE)
    found = await sessions.find(session, token, now=now, days=house.settings.session_days) if token else None
    if found is not None:
        await sessions.revoke(session, found.id, account_id=found.account_id, now=now)
    response = forms.go("/sign-in")
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=headers.is_https(house.settings))
    return response


async def enter(request: Request, session: AsyncSession, house: House, account: Account, *, now: datetime, next: str) -> Response:
    """Sign this browser in, with a token that nobody had before."""
    token = await sessions.begin(
        session,
        account.id,
        now=now,
        days=house.settings.session_days,
        user_agent=request.headers.get("user-agent", ""),
        address=client_address(request),
    )
    response = forms.go(next)
    secure = headers.is_https(house.settings)
    response.set_cookie(COOKIE, token, max_age=COOKIE_SECONDS, path="/", httponly=True, samesite="lax", secure=secure)
    return response


async def _form(
    request: Request, session: AsyncSession, asked: Next, error: str | None = None, *, status: int = 200, retry_after: int | None = None
) -> Response:
    template = "people/code.html" if asked.proof else "people/sign_in.html"
    first_run = await invitations.is_waiting_for_first_run(session)
    extra = {"Retry-After": str(retry_after)} if retry_after else None
    locale = locale_of(request.headers.get("accept-language", ""))
    told = language(locale).gettext(error) if error else None
    return forms.page(template, locale, status=status, headers=extra, asked=asked, error=told, first_run=first_run)


async def _too_many(request: Request, session: AsyncSession, asked: Next, error: TooMany) -> Response:
    told = problems.sentence(error, locale_of(request.headers.get("accept-language", "")))
    return await _form(request, session, asked, told, status=429, retry_after=error.retry_after)


def _prove(vault: Vault, account: Account, until: datetime) -> str:
    """A short-lived proof that the password was right; it dies with a change of the password."""
    parts = (str(account.id), str(int(until.timestamp())))
    return ".".join((*parts, vault.sign("sign-in", *parts, account.password_hash or "")))


async def _proven(session: AsyncSession, vault: Vault, proof: str, now: datetime) -> Account | None:
    parts = proof.split(".")
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[1].isdecimal() or len(proof) > 200:
        return None
    account = await session.get(Account, int(parts[0])) if len(parts[0]) < 19 else None
    if account is None or int(parts[1]) < now.timestamp():
        return None
    return account if vault.verify(parts[2], "sign-in", parts[0], parts[1], account.password_hash or "") else None
