"""How satisfied customers are, of those who were asked and answered: the share of 4 and 5 among 1 to 5 ("CSAT"), and how sure that is.

Cohort `asked`: the questions that were put in a period, and what came of each, whenever. Cohort `given`: the answers that came in it.
A question that could not be delivered was not put. Team and priority are those of the resolution; labels are the conversation's of today.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, and_, cast, exists, func, literal, null, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox.contract import ConversationKind
from inbox.models import Channel, Conversation, ConversationLabel, Delivery, Message, Priority, Rating, RatingState
from inbox.promptness.question import Chosen
from inbox.team import rights
from inbox.team.rights import Access

SATISFIED = 4  # this score and better ones
SCORES = (1, 2, 3, 4, 5)
SURE = 1.959964  # standard deviations within which 95 % of a normal distribution lie
FEW = 30  # answers: with fewer a share says little
Key = int | str | None


class Cut(StrEnum):
    """What the figures are told for, one by one."""

    ALL = "all"
    CHANNEL = "channel"
    TEAM = "team"
    KIND = "kind"
    LABEL = "label"
    PRIORITY = "priority"


class Cohort(StrEnum):
    """Which ratings belong to a period."""

    ASKED = "asked"  # those that were asked for in it
    GIVEN = "given"  # those that came in it


@dataclass(frozen=True, slots=True)
class Filters(Chosen):
    """Which ratings: all of these must hold; None says nothing. A key of 0 is no team, no label."""

    channel: int | None = None
    team: int | None = None
    label: int | None = None
    priority: Priority | None = None
    kind: ConversationKind | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A period, from `since` to before `until`, and which of its ratings."""

    since: datetime
    until: datetime
    filters: Filters = Filters()
    cohort: Cohort = Cohort.ASKED


@dataclass(frozen=True, slots=True)
class Figure:
    """The ratings of a period, of one channel, team … (`key`; None: all of them, or none).

    `share`: `satisfied` of `given`, 0 … 1, between `share_low` and `share_high` with 95 % (`interval`); None where nothing was given.
    `asked` and what follows from it are None in the cohort by answer, where nobody is counted who did not answer.
    """

    key: Key
    asked: int | None
    not_asked: int | None
    given: int
    response_rate: float | None
    satisfied: int
    share: float | None
    share_low: float | None
    share_high: float | None
    mean: float | None
    scores: tuple[int, ...]  # how many gave 1, 2, 3, 4 and 5

    @property
    def is_few(self) -> bool:
        return self.given < FEW


@dataclass(frozen=True, slots=True)
class Week:
    """The ratings of a week that begins on this Monday."""

    on: date
    figure: Figure


@dataclass(frozen=True, slots=True)
class Line:
    """One rating behind a number; not given while `score` is None."""

    rating: int
    conversation: int
    channel: int
    team: int | None
    kind: str
    priority: str
    asked_at: datetime
    given_at: datetime | None
    score: int | None
    comment: str
    who: str


def interval(part: int, whole: int) -> tuple[float, float] | tuple[None, None]:
    """Between which shares the true one lies, 95 % sure (0 … 1).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22 (1927). It holds for few answers and for shares near 0 and 1, where the usual "± error" does not.
    """
    if not whole:
        return None, None
    share, square = part / whole, SURE * SURE
    middle = share + square / (2 * whole)
    spread = SURE * sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    below, above = ((middle + side) / (1 + square / whole) for side in (-spread, spread))
    return max(below, 0.0), min(above, 1.0)


async def figures(
    session: AsyncSession, access: Access, question: Question, cuts: Sequence[Cut] = tuple(Cut)
) -> Mapping[Cut, Sequence[Figure]]:
    """Figures of the channels that the member may see: one query for each cut."""
    return {cut: [_figure(row, question.cohort) for row in await _counted(session, access, question, _key(cut))] for cut in cuts}


async def weeks(session: AsyncSession, access: Access, question: Question, zone: ZoneInfo) -> Sequence[Week]:
    """The same week by week, by the days of a time zone; weeks in which nothing was asked or given are left out."""
    monday = cast(func.date_trunc("week", func.timezone(zone.key, _at(question.cohort))), Date)
    return [Week(row[0], _figure((None, *row[1:]), question.cohort)) for row in await _counted(session, access, question, monday)]


async def asks(session: AsyncSession, access: Access) -> bool:
    """Whether customers of a channel that the member may see are asked."""
    asking = exists().where(
        col(Channel.workspace_id) == access.workspace_id,
        col(Channel.asks_since).is_not(None),
        col(Channel.removed_at).is_(None),
        rights.sees(access, col(Channel.id)),
    )
    return bool(await session.scalar(select(asking)))


async def overall(session: AsyncSession, access: Access, question: Question) -> Figure | None:
    """One line for a report; None where nobody is asked on any channel that the member may see."""
    if not await asks(session, access):
        return None
    return next(iter((await figures(session, access, question, (Cut.ALL,)))[Cut.ALL]), None)


async def lines(
    session: AsyncSession,
    access: Access,
    question: Question,
    *,
    scores: Sequence[int] = (),
    given: bool = False,
    before: tuple[datetime, int] | None = None,
    limit: int | None = None,
) -> Sequence[Line]:
    """The ratings behind a number, the newest first. `scores`: only these; `given`: only those that were answered."""
    at = _at(question.cohort)
    columns: list[Any] = [
        Rating.id, Rating.conversation_id, Rating.channel_id, Rating.team_id, Conversation.kind, Rating.priority, Rating.asked_at,
        Rating.given_at, Rating.score, Rating.comment, Conversation.author_name,
    ]  # fmt: skip
    query = _asked(select(*columns), access, question).where(_was_put())
    if scores:
        query = query.where(col(Rating.score).in_(scores))
    if given:
        query = query.where(col(Rating.given_at).is_not(None))
    if before is not None:
        query = query.where(tuple_(at, col(Rating.id)) < tuple_(literal(before[0]), literal(before[1])))
    return [Line(*row) for row in (await session.execute(query.order_by(at.desc(), col(Rating.id).desc()).limit(limit))).all()]


async def _counted(session: AsyncSession, access: Access, question: Question, key: ColumnElement[Any]) -> Sequence[Sequence[Any]]:
    """Each key with how many were asked, were not, and gave each score."""
    put = _was_put()
    numbers = [func.count().filter(put), func.count().filter(~put), *(func.count().filter(put, col(Rating.score) == at) for at in SCORES)]
    query = _asked(select(key.label("key"), *numbers), access, question)
    if key is LABEL:
        query = query.outerjoin(ConversationLabel, col(ConversationLabel.conversation_id) == col(Rating.conversation_id))
    return (await session.execute(query.group_by("key").order_by("key"))).all()


def _asked(query: Any, access: Access, question: Question) -> Any:
    """The query among the ratings of the question."""
    at, chosen = _at(question.cohort), question.filters
    query = (
        query.select_from(Rating)
        .join(Conversation, col(Conversation.id) == col(Rating.conversation_id))
        .outerjoin(Message, col(Message.id) == col(Rating.message_id))
        .where(
            col(Rating.workspace_id) == access.workspace_id,
            rights.sees(access, col(Rating.channel_id)),
            at >= question.since,
            at < question.until,
        )
    )
    if chosen.channel is not None:
        query = query.where(col(Rating.channel_id) == chosen.channel)
    if chosen.team is not None:
        query = query.where(col(Rating.team_id).is_(None) if chosen.team == 0 else col(Rating.team_id) == chosen.team)
    if chosen.priority is not None:
        query = query.where(col(Rating.priority) == chosen.priority)
    if chosen.kind is not None:
        query = query.where(col(Conversation.kind) == chosen.kind)
    if chosen.label is not None:
        one = aliased(ConversationLabel)  # beside the one that the figures may be told for
        labelled = exists().where(col(one.conversation_id) == col(Rating.conversation_id))
        query = query.where(~labelled if chosen.label == 0 else labelled.where(col(one.label_id) == chosen.label))
    return query


LABEL = col(ConversationLabel.label_id)


def _key(cut: Cut) -> ColumnElement[Any]:
    keys: dict[Cut, Any] = {
        Cut.ALL: null(),
        Cut.CHANNEL: Rating.channel_id,
        Cut.TEAM: Rating.team_id,
        Cut.KIND: Conversation.kind,
        Cut.LABEL: LABEL,
        Cut.PRIORITY: Rating.priority,
    }
    return keys[cut]


def _at(cohort: Cohort) -> ColumnElement[datetime]:
    return col(Rating.given_at) if cohort is Cohort.GIVEN else col(Rating.asked_at)  # pyright: ignore[reportReturnType]  # given: where it is


def _was_put() -> ColumnElement[bool]:
    """Whether the customer was asked: a message that certainly did not arrive asked nobody."""
    lost = col(Message.delivery).in_([Delivery.FAILED, Delivery.UNDONE])
    return and_(col(Rating.state) == RatingState.ASKED, or_(col(Message.id).is_(None), ~lost, col(Rating.given_at).is_not(None)))


def _figure(row: Sequence[Any], cohort: Cohort) -> Figure:
    key, asked, not_asked, *scores = row
    given, satisfied = sum(scores), sum(scores[SATISFIED - 1 :])
    low, high = interval(satisfied, given)
    by_question = cohort is Cohort.ASKED
    return Figure(
        key=getattr(key, "value", key),
        asked=asked if by_question else None,
        not_asked=not_asked if by_question else None,
        given=given,
        response_rate=given / asked if by_question and asked else None,
        satisfied=satisfied,
        share=satisfied / given if given else None,
        share_low=low,
        share_high=high,
        mean=sum(score * count for score, count in zip(SCORES, scores, strict=True)) / given if given else None,
        scores=tuple(scores),
    )
