"""Figures about episodes: how long until resolved, how often reopened, how many with one answer, and what is still open.

Cohort by arrival: the episodes that began in a period. What is not resolved yet counts for as long as it has been open (Kaplan and Meier,
1958). Times are whole seconds: by the wall clock, and beside it business time by the policy's clock without pauses. Spam is no episode.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Conversation, Episode, Metric
from inbox.promptness import targets
from inbox.team import rights
from inbox.team.rights import Access

AGES = (timedelta(days=1), timedelta(days=3), timedelta(days=7))  # an open episode is younger than the first, the second …, or older
Key = int | str | None


class Cut(StrEnum):
    """What the figures are told for, one by one."""

    ALL = "all"
    CHANNEL = "channel"
    TEAM = "team"
    KIND = "kind"
    LANGUAGE = "language"
    PRIORITY = "priority"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds until half and 90 % were resolved; None: too many are still open to know. The mean is of the resolved alone."""

    p50: float | None
    p90: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class Figure:
    """The episodes that began in a period, of one channel, team … (`key`; None: all of them, or none).

    Shares are 0 … 1; None where there is nothing to share. `reopened`: of those that were ever resolved. `one_touch`: of the resolved, with
    exactly one answer of a person. `kept`: of those with a target that are resolved or late, those resolved in time.
    """

    key: Key
    n: int
    resolved: int
    open_now: int
    first: Length
    last: Length
    first_business: Length
    last_business: Length
    reopened: float | None
    one_touch: float | None
    promised: int
    late: int
    kept: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is open at this moment, whenever it began. `ages`: how many for less than each of `AGES`, and how many for longer."""

    count: int
    ages: tuple[int, ...]
    paused: int
    late: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Report:
    """Figures by each cut that was asked for."""

    tables: dict[Cut, list[Figure]]


@dataclass(frozen=True, slots=True)
class Row:
    """An episode as the figures read it."""

    channel: int
    team: int | None
    kind: str
    language: str | None
    priority: str
    policy: int | None
    began_at: datetime
    first_at: datetime | None
    last_at: datetime | None
    first_business: float | None
    last_business: float | None
    rests: list[Any] | None
    reopened: int
    replies: int
    target: int | None
    is_late: bool


async def report(
    session: AsyncSession,
    access: Access,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    cuts: Sequence[Cut] = tuple(Cut),
    channel_id: int | None = None,
) -> Report:
    """Figures of the channels that the member may see, for the episodes that began from `since` to before `until`; a constant number of
    queries, however many cuts."""
    from inbox.promptness.resolution_columns import Columns  # numpy takes memory that most processes never need

    query = _episodes(access).where(col(Episode.began_at) >= since, col(Episode.began_at) < until)
    if channel_id is not None:
        query = query.where(col(Episode.channel_id) == channel_id)
    rows = [Row(*row) for row in (await session.execute(query)).all()]
    known = {rule.id: rule.by(Metric.RESOLUTION) for rule in await targets.rules(session, access.workspace_id)}
    columns = Columns(rows, known, now)
    return Report({cut: columns.figures(cut) for cut in cuts})


async def backlog(session: AsyncSession, access: Access, *, now: datetime) -> Backlog:
    """The open episodes on the channels that the member may see; reads these alone, never history."""
    began = col(Episode.began_at)
    younger = [func.count().filter(began > now - age) for age in AGES]
    paused = func.count().filter(col(Episode.paused_since).is_not(None))
    late = func.count().filter(col(Episode.breached_at).is_not(None))
    query = select(func.count(), func.min(began), paused, late, *younger).where(
        col(Episode.workspace_id) == access.workspace_id,
        rights.sees(access, col(Episode.channel_id)),
        col(Episode.resolved_at).is_(None),
        col(Episode.is_void).is_(False),
    )
    row: Sequence[Any] = (await session.execute(query)).one()
    younger_than: list[int] = [0, *row[4:], row[0]]
    ages = tuple(upper - lower for lower, upper in pairwise(younger_than))
    return Backlog(count=row[0], ages=ages, paused=row[2], late=row[3], oldest_at=row[1])


def _episodes(access: Access) -> Any:
    """Whose an episode is and how urgent: as it was when it was resolved; while it is open, as the conversation is now."""
    is_open = col(Episode.resolved_at).is_(None)
    columns: list[Any] = [
        Episode.channel_id,
        case((is_open, col(Conversation.team_id)), else_=col(Episode.team_id)),
        Episode.kind,
        func.nullif(Conversation.language, ""),
        case((is_open, col(Conversation.priority)), else_=col(Episode.priority)),
        Episode.policy_id,
        Episode.began_at,
        Episode.first_resolved_at,
        Episode.resolved_at,
        Episode.first_business_seconds,
        Episode.business_seconds,
        case((is_open, col(Episode.rests))),
        Episode.reopened_count,
        Episode.replies_count,
        Episode.target_seconds,
        col(Episode.breached_at).is_not(None),
    ]
    mine = (col(Episode.workspace_id) == access.workspace_id, rights.sees(access, col(Episode.channel_id)), col(Episode.is_void).is_(False))
    return select(*columns).join(Conversation, col(Conversation.id) == col(Episode.conversation_id)).where(*mine)
