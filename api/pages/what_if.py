"""What if: a policy with other targets or hours, tried on the waits of the past before anybody saves it. Every choice is in the address."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api import problems
from api.deps import AccessDep, NowDep, SessionDep, needs
from api.pages import forms
from api.pages.here import HereDep, LocaleDep
from inbox import questions
from inbox.conversations import directory
from inbox.errors import Invalid
from inbox.models import WAITS, Metric, Priority, Role
from inbox.promptness import policies, what_if
from inbox.promptness.timetables import WEEKDAYS
from inbox.promptness.what_if import BadDraft, Draft, DraftPolicy, Known
from inbox.team import rights
from inbox.team.rights import Access
from web import lengths

router = APIRouter(prefix="/w/{workspace_id}", dependencies=[Depends(needs(Role.SUPERVISOR))])

ASKED = tuple((metric, priority) for metric in WAITS for priority in Priority)
CHOICES: dict[str, Any] = {"periods": (7, 28, 90), "priorities": list(Priority), "weekdays": WEEKDAYS}  # periods in days


@dataclass(frozen=True, slots=True)
class Form:
    """What the form shows, as it was written: lengths by "first_normal", hours by weekday."""

    lengths: Mapping[str, str]
    calendar: int  # 0: the wall clock
    other_hours: bool
    hours: Mapping[str, str]


@router.get("/metrics/what-if", response_class=HTMLResponse)
async def show(
    request: Request,
    access: AccessDep,
    session: SessionDep,
    here: HereDep,
    locale: LocaleDep,
    now: NowDep,
    policy: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    days: Annotated[int, Query(ge=1, le=what_if.LONGEST_DAYS)] = 28,
    tried: bool = False,
    after: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """The form of one policy, and once it was sent, what would have been otherwise."""
    known, calendars = await what_if.in_force(session, access.workspace_id), await what_if.calendars(session, access.workspace_id, now=now)
    chosen = next((one for one in known.policies if one.id == policy), next(iter(known.policies), None))
    form = _form(request.query_params, chosen, calendars, tried=tried)
    found, error = None, None
    if tried and chosen is not None:
        try:
            found = await what_if.compare(session, access, _draft(known, chosen, form, calendars), days=days, now=now, after=after)
        except Invalid as refused:
            error = problems.sentence(refused, locale)
    return forms.page(
        "metrics/what_if.html",
        locale,
        status=422 if error else 200,
        here=here,
        now=now,
        policies=known.policies,
        chosen=chosen,
        calendars=calendars,
        form=form,
        days=days,
        found=found,
        error=error,
        after=after,
        address=_address(request.query_params),
        names=await _names(session, access, known.policies, [change.conversation for change in found.changes] if found else []),
        **CHOICES,
    )


def _address(given: Mapping[str, str]) -> Callable[..., str]:
    """What says this page's address with the same choices, some of them others; each begins at the first page."""
    query = {name: value for name, value in given.items() if name != "after"}

    def address(**other: object) -> str:
        return "?" + urlencode({**query, **other})

    return address


async def _names(
    session: AsyncSession, access: Access, drafted: Sequence[DraftPolicy], changed: Sequence[int]
) -> dict[str, dict[int, str]]:
    """What the rows of the tables are called."""
    channels = await questions.ask(session, rights.showing(access))
    return {
        "channel": {one.id: one.name for one in channels},
        "policy": {one.id or 0: one.name for one in drafted},
        "author": await directory.authors(session, changed),
    }


def _form(given: Mapping[str, str], chosen: DraftPolicy | None, calendars: Known, *, tried: bool) -> Form:
    """As it was sent, else as the policy is."""
    if chosen is None:
        return Form({}, 0, other_hours=False, hours={})
    number = chosen.calendar if isinstance(chosen.calendar, int) else 0
    if tried:
        written = {_field(*asked): given.get(_field(*asked), "")[:60].strip() for asked in ASKED}
        wanted = given.get("calendar", "")
        calendar = int(wanted) if wanted.isdecimal() and len(wanted) < 19 else 0
        return Form(written, calendar, "other_hours" in given, {day: given.get(day, "")[:200] for day in WEEKDAYS})
    promised = {_field(*asked): chosen.targets.get(asked[0], {}).get(asked[1]) for asked in ASKED}
    told = {name: "" if seconds is None else lengths.written(seconds) for name, seconds in promised.items()}
    spans = calendars.definitions.get(number, {}).get("hours", {})
    return Form(told, number, False, {day: ", ".join("–".join(span) for span in spans.get(day, ())) for day in WEEKDAYS})


def _draft(known: Draft, chosen: DraftPolicy, form: Form, calendars: Known) -> Draft:
    """The policies in force, one of them as the form has it."""
    targets: dict[str, dict[str, Any]] = {name: {**row} for name, row in chosen.targets.items() if name not in WAITS}
    for metric, priority in ASKED:
        if written := form.lengths[_field(metric, priority)]:
            targets.setdefault(metric.value, {**_clock(chosen, metric)})[priority.value] = forms.seconds(written)
    calendar: int | Mapping[str, Any] | None = form.calendar or None
    if form.calendar and form.other_hours:
        said = calendars.definitions.get(form.calendar)
        if said is None:
            raise BadDraft("There is no calendar {number}.", number=form.calendar)
        calendar = {**said, "hours": {day: _spans(written) for day, written in form.hours.items() if written.strip()}}
    draft = replace(chosen, targets=targets, calendar=calendar)
    return Draft([draft if one.id == chosen.id else one for one in known.policies])


def _clock(chosen: DraftPolicy, metric: Metric) -> Mapping[str, str]:
    """A target that goes by the wall clock goes on doing so: the form does not ask."""
    return {"clock": "wall"} if metric in policies.read_clocks(chosen.targets) else {}


def _field(metric: Metric, priority: Priority) -> str:
    return f"{metric.value}_{priority.value}"


def _spans(written: str) -> list[list[str]]:
    """ "09:00–12:30, 13:30–18:00" """
    return [[time.strip() for time in span.replace("–", "-").split("-")] for span in written.split(",")]
