"""One's own account: language, password, two-step sign-in, and the browsers that are signed in."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from markupsafe import Markup

from api.deps import HouseDep, NowDep, Number, SessionDep, SignedIn, SignedInDep
from api.pages import forms
from api.pages.here import LocaleDep
from inbox.db import Database
from inbox.errors import Invalid
from inbox.models import Account
from inbox.team import accounts, members, sessions, throttle, totp
from inbox.team.throttle import Limit
from web.i18n import SUPPORTED
from web.render import Here

GUESSES = Limit(10, throttle.QUARTER)  # of the current password, by whoever sits at a browser that is signed in
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))
SECRET = re.compile(r"[A-Z2-7]{32}")

router = APIRouter(prefix="/account")


class Page:
    """The account page with its frame; every form of it comes back here."""

    def __init__(self, request: Request, signed_in: SignedInDep, session: SessionDep, now: NowDep, locale: LocaleDep) -> None:
        self.request, self.signed_in, self.session, self.now, self.locale = request, signed_in, session, now, locale

    async def show(self, *, error: str | None = None, done: bool = False, secret: str | None = None) -> Response:
        """Draw it; with `secret` the two-step sign-in is being set up."""
        here = await self._here()
        account = self.signed_in.account
        browsers = await sessions.list_for(self.session, account.id, now=self.now)
        return forms.page(
            "people/account.html",
            self.locale,
            status=422 if error else 200,
            here=here,
            menu=forms.menu(here, "account", self.locale) if here else [],
            account=account,
            browsers=browsers,
            names={browser.id: device(browser.user_agent) for browser in browsers},
            current=self.signed_in.session.id,
            languages=SUPPORTED,
            secret=secret,
            picture=_picture(secret, account) if secret else None,
            error=error,
            done=done,
        )

    def back(self) -> Response:
        """To the page again, with a word that it is done."""
        workspace = self.request.query_params.get("workspace", "")
        return forms.go(f"/account?done=1&workspace={workspace}" if workspace.isdecimal() else "/account?done=1")

    async def _here(self) -> Here | None:
        """The workspace that the reader came from, else the first; somebody without any sees a page without a frame."""
        found = await members.workspaces(self.session, self.signed_in.account.id)
        asked = self.request.query_params.get("workspace", "")
        chosen = next(((workspace, member) for workspace, member in found if str(workspace.id) == asked), found[0] if found else None)
        if chosen is None:
            return None
        workspace, member = chosen
        return Here(
            workspace_id=workspace.id,
            workspace=workspace.name,
            is_demo=workspace.is_demo,
            timezone=workspace.timezone,
            member_id=member.id,
            member=member.name,
            role=member.role.value,
            section="account",
        )


PageDep = Annotated[Page, Depends()]


@router.get("")
async def show(page: PageDep, done: bool = False) -> Response:
    return await page.show(done=done)


@router.post("")
async def change_language(page: PageDep, signed_in: SignedInDep, language: Annotated[str, Form()] = "") -> Response:
    """Choose a language, or the browser's with an empty one."""
    signed_in.account.locale = language if language in SUPPORTED else None
    return page.back()


@router.post("/password")
async def change_password(
    page: PageDep,
    signed_in: SignedInDep,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    current: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
) -> Response:
    """Set another password; every other browser is signed out."""
    await _count_guess(house.database, signed_in, now)
    change = accounts.change_password(session, signed_in.account, current=current, new=new, keep_session_id=signed_in.session.id, now=now)
    error = await forms.attempt(session, change, page.locale)
    return await page.show(error=error) if error else page.back()


@router.get("/codes")
async def begin_codes(page: PageDep, signed_in: SignedInDep) -> Response:
    """Show the QR code of a new secret, which counts only once its first code was right."""
    return await page.show(secret=totp.new_secret()) if signed_in.account.totp_secret is None else page.back()


@router.post("/codes")
async def enable_codes(
    page: PageDep,
    signed_in: SignedInDep,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    secret: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    """Ask for codes from the next sign-in on."""
    if not SECRET.fullmatch(secret) or signed_in.account.totp_secret is not None:
        raise Invalid("Begin anew: this set-up is not complete.")
    change = accounts.enable_totp(session, house.vault, signed_in.account, secret=secret, code=code, now=now)
    error = await forms.attempt(session, change, page.locale)
    return await page.show(error=error, secret=secret) if error else page.back()


@router.post("/codes/removal")
async def disable_codes(
    page: PageDep, signed_in: SignedInDep, session: SessionDep, house: HouseDep, now: NowDep, current: Annotated[str, Form()] = ""
) -> Response:
    """Ask for no codes any more."""
    await _count_guess(house.database, signed_in, now)
    error = await forms.attempt(session, accounts.disable_totp(session, signed_in.account, password=current), page.locale)
    return await page.show(error=error) if error else page.back()


@router.post("/sessions/{session_id}/end")
async def end_session(page: PageDep, session_id: Number, signed_in: SignedInDep, session: SessionDep, now: NowDep) -> Response:
    """Sign one browser out."""
    await sessions.revoke(session, session_id, account_id=signed_in.account.id, now=now)
    return page.back()


@router.post("/sessions/end")
async def end_other_sessions(page: PageDep, signed_in: SignedInDep, session: SessionDep, now: NowDep) -> Response:
    """Sign every other browser out."""
    await sessions.revoke_others(session, signed_in.account.id, keep_session_id=signed_in.session.id, now=now)
    return page.back()


async def _count_guess(database: Database, signed_in: SignedIn, now: datetime) -> None:
    async with database.transaction() as counting:
        await throttle.hit(counting, "password", str(signed_in.account.id), GUESSES, now=now)


def _picture(secret: str, account: Account) -> Markup:
    """The QR code as inline SVG without styles, dark on white in every theme: cameras want it so."""
    import segno  # few people set this up

    code = segno.make(totp.address(secret, account.email), error="m", micro=False)
    drawing = code.svg_inline(border=4, omitsize=True, light="#fff", dark="#000", svgclass="qr", lineclass=None)
    return Markup(drawing)  # noqa: S704  # drawn here of squares, no text in it


def device(user_agent: str) -> str:
    """Browser and system as a person knows them; the words are checked from the particular to the common."""
    browser = next((name for word, name in BROWSERS if word in user_agent), "?")
    system = next((name for word, name in SYSTEMS if word in user_agent), "")
    return f"{browser} · {system}" if system else browser
