"""Where the link in a question leads: how it was, in five choices, and in words for whoever wants to. Looking records nothing."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import BaseModel

from api import problems
from api.deps import House, HouseDep, NowDep, SessionDep, client_address
from api.pages import forms
from inbox.conversations import ratings
from inbox.conversations.ratings import Gone, Opened
from inbox.errors import Conflict, Invalid
from inbox.team import throttle
from inbox.team.throttle import Limit
from web.i18n import locale_of

router = APIRouter(prefix="/rate/{token}")

GUESSES = Limit(30, throttle.QUARTER)  # wrong links from one address
GIVEN = Limit(20, throttle.QUARTER)  # of one link
HEADERS = {"X-Robots-Tag": "noindex"}


class RatingIn(BaseModel):
    """What the form asks for."""

    score: str = ""
    comment: str = ""


async def opened(token: str, request: Request, session: SessionDep, house: HouseDep, now: NowDep) -> Opened | None:
    """What the link leads to; None when it is wrong or too old, and whoever tries many of these is stopped."""
    try:
        return await ratings.find(session, house.vault, token, now=now)
    except Gone:
        await _count(house, "rating:guess", client_address(request), GUESSES)
        return None


OpenedDep = Annotated[Opened | None, Depends(opened)]


@router.get("")
async def show(token: str, request: Request, opened: OpenedDep, now: NowDep) -> Response:
    """The page, as often as somebody or something looks."""
    return _page(request, token, opened, is_open=opened is not None and opened.is_open(now))


@router.post("")
async def give(
    token: str, request: Request, opened: OpenedDep, session: SessionDep, house: HouseDep, now: NowDep, given: Annotated[RatingIn, Form()]
) -> Response:
    """Keep what was chosen; it may be chosen otherwise for some days."""
    if opened is None:
        return _page(request, token, None)
    await _count(house, "rating:give", token, GIVEN)
    try:
        async with session.begin_nested():
            score = int(given.score) if given.score in map(str, ratings.SCORES) else 0
            await ratings.give(session, opened.rating.id, score=score, comment=given.comment, now=now)
    except (Invalid, Conflict) as error:
        await session.refresh(opened.rating)
        return _page(request, token, opened, is_open=isinstance(error, Invalid), given=given, error=error)
    return forms.go(f"/rate/{token}")


@router.post("/refusal")
async def refuse(token: str, request: Request, opened: OpenedDep, session: SessionDep, now: NowDep) -> Response:
    """Whoever holds the link does not want to be asked again."""
    if opened is None:
        return _page(request, token, None)
    await ratings.refuse(session, opened.rating, now=now)
    return forms.go(f"/rate/{token}")


async def _count(house: House, name: str, who: str, limit: Limit) -> None:
    async with house.database.transaction() as session:
        await throttle.hit(session, name, who, limit, now=house.clock())


def _page(
    request: Request,
    token: str,
    opened: Opened | None,
    *,
    is_open: bool = False,
    given: RatingIn | None = None,
    error: Invalid | Conflict | None = None,
) -> Response:
    locale = locale_of(request.headers.get("accept-language", ""), opened.workspace.locale if opened else "en")
    status = error.status if error else 200 if opened else 404
    told = problems.sentence(error, locale) if error else None
    context = {"token": token, "opened": opened, "is_open": is_open, "given": given, "error": told, "longest": ratings.LONGEST}
    return forms.page("rating/page.html", locale, status=status, headers=HEADERS, **context)
