"""What pages, files and programs ask of the figures, read from the address in one way.

The modules that reckon bring numpy (13 MB): they are imported where a figure is asked for, not at start-up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator, BeforeValidator, Field

from api.deps import NowDep
from inbox import languages
from inbox.contract import ConversationKind
from inbox.errors import Invalid
from inbox.models import Metric, Priority
from inbox.promptness.question import Filters

USUAL_DAYS, LONGEST_DAYS = 28, 1100


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to before `until`."""

    since: datetime
    until: datetime


def _unless_empty(given: Any) -> Any:
    """A form sends the choices that nobody made, too, as empty ones."""
    return None if given == "" else given


Empty = BeforeValidator(_unless_empty)
Number = Annotated[int, Field(ge=0, lt=2**63)]  # limited inside of "or nothing": nothing has no limits
Key = Annotated[Number | None, Empty, Query()]


def _language(code: str) -> str:
    if code != languages.UNKNOWN and code not in languages.KNOWN:
        raise ValueError("a language is told by its code, such as de or pt; und: not known")
    return code


LanguageQuery = Annotated[
    Annotated[str, AfterValidator(_language)] | None, Empty, Query(description="Its code, such as de; und: not known.")
]


async def filters(
    channel: Key = None,
    team: Annotated[Number | None, Empty, Query(description="0: waits of none; so for the others.")] = None,
    member: Annotated[Number | None, Empty, Query(description="Only as the setting member_figures allows.")] = None,
    label: Key = None,
    policy: Key = None,
    post: Key = None,
    language: LanguageQuery = None,
    priority: Annotated[Priority | None, Empty, Query()] = None,
    kind: Annotated[ConversationKind | None, Empty, Query()] = None,
) -> Filters:
    return Filters(
        channel=channel, team=team, member=member, label=label, policy=policy, post=post, language=language, priority=priority, kind=kind
    )


async def period(
    now: NowDep,
    since: Annotated[datetime | None, Query(description="Default: 28 days before `until`.")] = None,
    until: Annotated[datetime | None, Query(description="Default: now.")] = None,
) -> Period:
    until = until or now
    try:
        since = since or until - timedelta(days=USUAL_DAYS)
    except OverflowError:  # before the first year: no period at all
        since = until
    if since.tzinfo is None or until.tzinfo is None or not timedelta(0) < until - since <= timedelta(days=LONGEST_DAYS):
        raise Invalid("A period has a start, a later end, time zones, and at most {days} days.", code="period", days=LONGEST_DAYS)
    if since.year < 1970 or until.year > 9000:
        raise Invalid("A period lies between the years 1970 and 9000.", code="period")
    return Period(since, until)


PeriodDep = Annotated[Period, Depends(period)]
FiltersDep = Annotated[Filters, Depends(filters)]
MetricQuery = Annotated[Literal[Metric.FIRST, Metric.NEXT], Query(description="first: first response; next: every later one.")]
