"""Figures about waits: by arrival, with those still open in them, and of members only as the installation allows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, Date, Select, case, cast, func, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Conversation, Metric, Outcome, TeamMember, Wait
from inbox.promptness.survival import Duration, curve
from inbox.team import rights
from inbox.team.rights import Access

MemberFigures = Literal["off", "own", "groups", "named"]

COUNTED = (Outcome.ANSWERED, Outcome.NOT_NEEDED)  # the other outcomes owe nobody an answer: spam, deleted, hidden, merged, by rule
SMALLEST_GROUP = 5  # members
AGES = (timedelta(minutes=15), timedelta(hours=1), timedelta(days=1))  # an open wait is younger than the first, the second …, or older
TYPICAL_DAYS = 28
TYPICAL_LEAST = 10  # waits: fewer say nothing typical


class Cut(StrEnum):
    """What the figures are told for, one by one."""

    ALL = "all"
    CHANNEL = "channel"
    TEAM = "team"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Figure:
    """Response times of the waits that began in a period (cohort by arrival), in seconds of wall-clock time.

    `p50` and `p90` count those still waiting (Kaplan–Meier); None: too many still wait to know. `mean` is of the answered alone. `share`:
    answered within the target, 0 … 1. `key`: the channel, team or member; None: all of them, or nobody.
    """

    key: int | None
    n: int
    answered: int
    open_now: int
    p50: float | None
    p90: float | None
    mean: float | None
    share: float | None
    cohort: str = "arrival"


@dataclass(frozen=True, slots=True)
class OpenWaits:
    """Who waits at this moment, whenever it began. `ages`: how many for less than each of `AGES`, and how many for longer."""

    count: int
    ages: tuple[int, ...]
    oldest_at: datetime | None
    oldest_conversation_id: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """The waits that began on one day: all, those answered within the target, and those still open."""

    on: date
    n: int
    within: int
    open_now: int


async def figures(
    session: AsyncSession,
    access: Access,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    by: Cut = Cut.ALL,
    metric: Metric = Metric.FIRST,
    target_seconds: float | None = None,
    member_figures: MemberFigures = "own",
    channel_id: int | None = None,
) -> list[Figure]:
    """Figures of the channels that the member may see, for the waits that began from `since` to before `until`.

    By member, `member_figures` decides: nobody's, the asking member's own, those of teams of five or more (the key is the team), or all,
    each look at another member's recorded.
    """
    if by == Cut.MEMBER and (member_figures == "off" or (member_figures == "own" and access.member_id is None)):
        return []
    cut = Cut.TEAM if by == Cut.MEMBER and member_figures == "groups" else by
    query = _durations(access, cut, metric, since=since, until=until, now=now)
    if channel_id is not None:
        query = query.where(col(Wait.channel_id) == channel_id)
    if cut == Cut.MEMBER and member_figures == "own":
        query = query.where(_key(cut) == access.member_id)
    elif cut != by:
        query = query.where(_key(cut).in_(_of_groups(access)))
    rows = (await session.execute(query)).all()
    found = _figures(rows, target_seconds)
    if cut == Cut.MEMBER and member_figures == "named":
        _record_look(session, access, found, now)
    return found


async def open_waits(session: AsyncSession, access: Access, *, now: datetime) -> OpenWaits:
    """The waits of this moment on the channels that the member may see; reads open waits alone, never history."""
    opened = col(Wait.opened_at)
    bounds = [now - age for age in AGES]
    younger = [func.count().filter(opened > bound) for bound in bounds]
    oldest: Any = func.array_agg(aggregate_order_by(col(Wait.conversation_id), opened, col(Wait.id)))[1]
    query = select(func.count(), func.min(opened), oldest, *younger).where(
        col(Wait.workspace_id) == access.workspace_id, rights.sees(access, col(Wait.channel_id)), col(Wait.closed_at).is_(None)
    )
    row: Sequence[Any] = (await session.execute(query)).one()
    younger_than: list[int] = [0, *row[3:], row[0]]
    ages = tuple(upper - lower for lower, upper in pairwise(younger_than))
    return OpenWaits(count=row[0], ages=ages, oldest_at=row[1], oldest_conversation_id=row[2])


async def days(
    session: AsyncSession,
    access: Access,
    *,
    since: datetime,
    until: datetime,
    timezone: str,
    target_seconds: float,
    metric: Metric = Metric.FIRST,
) -> list[Day]:
    """Waits by the day on which they began, days as people in that time zone have them; days without any are there too."""
    day = cast(func.timezone(timezone, col(Wait.opened_at)), Date)
    in_time = (col(Wait.outcome) == Outcome.ANSWERED) & (col(Wait.closed_at) - col(Wait.opened_at) <= timedelta(seconds=target_seconds))
    query = select(day.label("day"), func.count(), func.count().filter(in_time), func.count().filter(col(Wait.closed_at).is_(None)))
    query = query.where(*_begun(access, metric, since, until)).group_by("day")
    rows: Sequence[Any] = (await session.execute(query)).all()
    found: dict[date, Day] = {row[0]: Day(*row) for row in rows}
    zone = ZoneInfo(timezone)
    first, end = since.astimezone(zone).date(), until.astimezone(zone).date()
    every = [first + timedelta(days=number) for number in range((end - first).days)]
    return [found.get(on, Day(on, 0, 0, 0)) for on in every]


async def typical_answer(session: AsyncSession, channel_id: int, now: datetime) -> float | None:
    """Seconds until half of the last 28 days' first waits on a channel were answered; None when too few to say."""
    since = now - timedelta(days=TYPICAL_DAYS)
    ended = func.coalesce(col(Wait.closed_at), now)
    rows = (
        await session.execute(
            select(func.extract("epoch", ended - col(Wait.opened_at)), col(Wait.outcome) == Outcome.ANSWERED).where(
                col(Wait.channel_id) == channel_id,
                col(Wait.metric) == Metric.FIRST,
                col(Wait.opened_at) >= since,
                col(Wait.outcome).is_(None) | col(Wait.outcome).in_(COUNTED),
            )
        )
    ).all()
    if sum(1 for _, answered in rows if answered) < TYPICAL_LEAST:
        return None
    return curve(Duration(float(seconds), int(bool(answered)), int(not answered)) for seconds, answered in rows).percentile(0.5)


def _durations(
    access: Access, by: Cut, metric: Metric, *, since: datetime, until: datetime, now: datetime
) -> Select[Any, Any, int, int, int, Any]:
    """Rows of key, whole seconds, answered, censored, open, and the sum of the exact seconds of the answered."""
    is_answered = col(Wait.outcome) == Outcome.ANSWERED
    exact = func.extract("epoch", func.coalesce(col(Wait.closed_at), now) - col(Wait.opened_at))
    seconds = func.greatest(func.floor(exact), 0)
    query = (
        select(
            _key(by).label("key"),
            seconds.label("seconds"),
            func.count().filter(is_answered),
            func.count().filter(is_answered.is_not(True)),
            func.count().filter(col(Wait.closed_at).is_(None)),
            func.sum(case((is_answered, exact), else_=0)),
        )
        .where(*_begun(access, metric, since, until))
        .group_by("key", "seconds")
    )
    if by in {Cut.TEAM, Cut.MEMBER}:
        query = query.join(Conversation, col(Conversation.id) == col(Wait.conversation_id))
    return query


def _begun(access: Access, metric: Metric, since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    """The waits of a period that count, on the channels that the member may see."""
    return (
        col(Wait.workspace_id) == access.workspace_id,
        rights.sees(access, col(Wait.channel_id)),
        col(Wait.opened_at) >= since,
        col(Wait.opened_at) < until,
        col(Wait.metric) == metric,
        col(Wait.outcome).is_(None) | col(Wait.outcome).in_(COUNTED),
    )


def _key(by: Cut) -> Any:
    """Whose a wait is: of the one who answered or had it when it ended; while it is open, of who has it now."""
    is_open = col(Wait.closed_at).is_(None)
    if by == Cut.CHANNEL:
        return col(Wait.channel_id)
    if by == Cut.TEAM:
        return case((is_open, col(Conversation.team_id)), else_=col(Wait.team_id))
    if by == Cut.MEMBER:
        return case((is_open, col(Conversation.assignee_id)), else_=func.coalesce(col(Wait.member_id), col(Wait.assignee_id)))
    return cast(null(), BigInteger)


def _of_groups(access: Access) -> Select[Any]:
    """Teams that are large enough for nobody to be told apart."""
    teams = select(col(TeamMember.team_id)).where(col(TeamMember.workspace_id) == access.workspace_id)
    return teams.group_by(col(TeamMember.team_id)).having(func.count() >= SMALLEST_GROUP)


def _figures(rows: Sequence[Any], target_seconds: float | None) -> list[Figure]:
    grouped: dict[int | None, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row[0]].append(row)
    return [_figure(key, grouped[key], target_seconds) for key in sorted(grouped, key=lambda key: (key is None, key or 0))]


def _figure(key: int | None, rows: Sequence[Any], target_seconds: float | None) -> Figure:
    answered = sum(row[2] for row in rows)
    told = curve(Duration(float(row[1]), row[2], row[3]) for row in rows)
    return Figure(
        key=key,
        n=sum(row[2] + row[3] for row in rows),
        answered=answered,
        open_now=sum(row[4] for row in rows),
        p50=told.percentile(0.5),
        p90=told.percentile(0.9),
        mean=float(sum(row[5] for row in rows)) / answered if answered else None,
        share=None if target_seconds is None else told.answered_within(target_seconds),
    )


def _record_look(session: AsyncSession, access: Access, found: Sequence[Figure], now: datetime) -> None:
    """Every look at a named member's figures is in the log."""
    for figure in found:
        if figure.key is not None and figure.key != access.member_id:
            events.record(session, "figures.viewed", workspace_id=access.workspace_id, at=now, actor=access.actor, member=figure.key)
