"""What every page and file of figures is asked: the period in whole days, the choices in the address, and the names behind its keys."""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.asking import LONGEST_DAYS, USUAL_DAYS, FiltersDep, MetricQuery, Period
from api.deps import AccessDep, HouseDep, NowDep, SessionDep, SettingsDep
from api.pages.here import WorkspaceDep
from inbox.conversations import directory, spoken
from inbox.models import Channel, Metric, Policy, Post
from inbox.promptness.question import Cohort, Cut, MemberFigures, Question
from inbox.team import rights
from inbox.team.rights import Access

if TYPE_CHECKING:
    from inbox.promptness.metrics import Basis

USUAL_WITHIN = 3600  # seconds
PERIODS = (1, 7, 28, 90, 365)  # days, today included


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen, as the address says it."""

    question: Question
    days: int
    metric: Metric
    by: Cut
    zone: ZoneInfo

    def address(self, **other: Any) -> str:
        """The query of an address with these choices, some of them others; None leaves one out."""
        question = self.question
        told: dict[str, Any] = {"days": self.days, "metric": self.metric.value, "within": int(question.within), "by": self.by.value}
        told |= {"cohort": question.cohort.value, **question.filters.chosen}
        told |= other
        return urlencode({name: getattr(value, "value", value) for name, value in told.items() if value is not None})

    @property
    def before(self) -> Question:
        """The same of as many days before."""
        return replace(self.question, since=_back(self.question.since, self.days, self.zone), until=self.question.since)


async def choices(
    workspace: WorkspaceDep,
    filters: FiltersDep,
    now: NowDep,
    days: Annotated[int, Query(ge=1, le=LONGEST_DAYS)] = USUAL_DAYS,
    metric: MetricQuery = Metric.FIRST,
    within: Annotated[int, Query(ge=60, le=30 * 86400)] = USUAL_WITHIN,
    by: Cut = Cut.CHANNEL,
    cohort: Cohort = Cohort.ARRIVAL,
) -> Choices:
    zone = ZoneInfo(workspace.timezone)
    whole = whole_days(days, zone, now)
    question = Question(since=whole.since, until=whole.until, now=now, filters=filters, cohort=cohort, within=within)
    return Choices(question, days, metric, by, zone)


def whole_days(days: int, zone: ZoneInfo, now: datetime) -> Period:
    """So many days as the zone has them, today the last."""
    until = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time.min, zone)
    return Period(_back(until, days, zone), until)


ChoicesDep = Annotated[Choices, Depends(choices)]


async def basis(choices: ChoicesDep, access: AccessDep, session: SessionDep, settings: SettingsDep, house: HouseDep) -> "Basis":
    from inbox.promptness import metrics

    return await metrics.basis(session, access, choices.question, member_figures=settings.member_figures, shelf=house.shelf)


BasisDep = Annotated[Any, Depends(basis)]


async def names(session: AsyncSession, access: Access, setting: MemberFigures, post: int | None = None) -> dict[str, dict[Any, str]]:
    """What the keys of each cut are called; with `groups` the keys of members are large teams. Members only where figures name them.

    `post`: the one that is asked for; there are many.
    """
    known = await directory.load(session, access.workspace_id)
    seen = select(col(Channel.id), col(Channel.name)).where(
        col(Channel.workspace_id) == access.workspace_id, rights.sees(access, col(Channel.id))
    )
    made = select(col(Policy.id), col(Policy.name)).where(col(Policy.workspace_id) == access.workspace_id)
    own = {number: name for number, name in known.members.items() if number == access.member_id}
    members = {"named": known.members, "groups": known.teams, "own": own, "off": {}}[setting]
    return {
        "channel": {row[0]: row[1] for row in (await session.execute(seen.order_by(col(Channel.name)))).all()},
        "team": known.teams,
        "member": members,
        "language": {code: code for code in await spoken.met(session, access)},
        "label": {number: name for number, (name, _) in known.labels.items()},
        "policy": {row[0]: row[1] for row in (await session.execute(made.order_by(col(Policy.position)))).all()},
        "post": await posts(session, access, [post]) if post else {},
    }


async def posts(session: AsyncSession, access: Access, ids: list[int]) -> dict[int, str]:
    """What these posts begin with."""
    query = select(col(Post.id), col(Post.title), col(Post.text)).where(
        col(Post.workspace_id) == access.workspace_id, col(Post.id).in_(ids), rights.sees(access, col(Post.channel_id))
    )
    return {row[0]: (row[1] or row[2])[:80] or "–" for row in (await session.execute(query)).all()}


def _back(until: datetime, days: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(until.astimezone(zone).date() - timedelta(days=days), time.min, zone)
