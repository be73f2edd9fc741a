"""The very waits behind a number, and what posts drew."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from api.deps import AccessDep, NowDep, SessionDep, SettingsDep
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from api.pages.metrics import asked
from api.pages.metrics.asked import BasisDep, ChoicesDep
from inbox.promptness.question import State

router = APIRouter()


@router.get("/metrics/waits", response_class=HTMLResponse)
async def show_waits(
    choices: ChoicesDep,
    basis: BasisDep,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    settings: SettingsDep,
    now: NowDep,
    state: State = State.ALL,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """A page of them, the newest first."""
    from inbox.promptness import behind

    lines, after = await behind.page(session, basis, state, choices.metric, before=cursor)
    return forms.page(
        "metrics/waits.html",
        locale,
        here=here,
        now=now,
        choices=choices,
        state=state,
        states=list(State),
        lines=lines,
        count=len(behind.chosen(basis, state, choices.metric)),
        after=after,
        cursor=cursor,
        names=await asked.names(session, access, settings.member_figures, choices.question.filters.post),
    )


@router.get("/metrics/posts", response_class=HTMLResponse)
async def show_posts(
    choices: ChoicesDep, basis: BasisDep, access: AccessDep, session: SessionDep, here: HereDep, locale: LocaleDep, settings: SettingsDep
) -> Response:
    """Which posts, of which form, length and hour, draw how much conversation, and how prompt the answers were."""
    from inbox.promptness import sources

    lines = await sources.posts(session, access, basis, choices.zone)
    names = await asked.names(session, access, settings.member_figures)
    return forms.page("metrics/posts.html", locale, here=here, choices=choices, lines=lines, names=names, groups=sources.grouped(lines))
