"""Figures over time: day by day, by hour and weekday, and what lay waiting; days and hours as people in a time zone have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from inbox.models import WAITS, Metric, Outcome
from inbox.promptness import metrics, zones
from inbox.promptness.history import OUTCOMES, History
from inbox.promptness.metrics import Basis, Group
from inbox.promptness.question import Cohort, Question
from inbox.promptness.reading import Column
from inbox.promptness.zones import SECOND, number

THURSDAY = 3  # 1970-01-01 was one; Monday is 0
HOUR, DAY, WEEK = 3600 * SECOND, 86_400 * SECOND, 168
QUARTER = HOUR // 4
ANSWERED = OUTCOMES.index(Outcome.ANSWERED)


@dataclass(frozen=True, slots=True)
class Day:
    """The waits of a day: all, those answered within the wanted time, those still open; how many waited at its end, how many were answered
    on it. `attainment`: of those with a target, how many kept it."""

    on: date
    n: int
    within: int
    open_now: int
    answered: int
    backlog: int
    p50: float | None
    p90: float | None
    business_p50: float | None
    business_p90: float | None
    attainment: float | None


@dataclass(frozen=True, slots=True)
class Week:
    """By weekday (Monday first) and hour: how many began to wait, how many were answered; and how often the period has each such hour."""

    begun: Sequence[Sequence[int]]
    answered: Sequence[Sequence[int]]
    hours: Sequence[Sequence[float]]

    @property
    def handled(self) -> float:
        """Answers for each hour of the period, by the wall clock."""
        hours = sum(map(sum, self.hours))
        return sum(map(sum, self.answered)) / hours if hours else 0.0


def days(basis: Basis, zone: ZoneInfo, metric: Metric = Metric.FIRST) -> list[Day]:
    """The days of a period; those without any wait are there too. A wait belongs to the day on which it began, or (by reply) ended."""
    question, told = basis.question, basis.cohort
    bounds = _midnights(question.since, question.until, zone)
    count, rows = len(bounds) - 1, told.rows[metric]
    moments = told.history.opened if question.cohort == Cohort.ARRIVAL else told.history.closed
    groups = metrics.grouped(told, rows, np.searchsorted(bounds, moments[rows], side="right") - 1, count)
    done, backlog = _between(bounds, _handled(basis, metric))[1:].tolist(), _backlog(basis, bounds[1:], metric)
    first = question.since.astimezone(zone).date()
    return [_day(first + timedelta(days=at), groups[at], question.within, (done[at], backlog[at])) for at in range(count)]


def week(basis: Basis, zone: ZoneInfo, metric: Metric | None = None) -> Week:
    """Arrivals and answers by weekday and hour of the zone, each by the offset that held then."""
    question = basis.question
    start, end = number(question.since), min(number(question.until), number(question.now))
    grid = np.arange(start, max(start, end), QUARTER)
    hours = _table(slots(grid, zone, question.since, question.until), np.ones(len(grid))) / 4
    arrivals = basis.begun.opened if metric is None else basis.begun.opened[np.flatnonzero(_of(basis.begun, metric))]
    begun, answered = (_by_hour(moments, zone, question).astype(np.int64) for moments in (arrivals, _handled(basis, metric)))
    return Week(begun.tolist(), answered.tolist(), hours.tolist())


def slots(moments: Column, zone: ZoneInfo, since: datetime, until: datetime) -> Column:
    """The hour of the week, 0 … 167 from Monday midnight on, of each moment between the two."""
    years = range(since.year - 1, until.year + 2)
    changes = [change for year in years for change in zones.changes(zone, year)]
    starts = np.array([number(since) - 10 * DAY, *(at for at, _ in changes if at > number(since) - 10 * DAY)], dtype=np.int64)
    offsets = np.array([zones.offset(zone, int(at)) for at in starts], dtype=np.int64)
    local = moments + offsets[np.searchsorted(starts, moments, side="right") - 1] if len(starts) > 1 else moments + offsets[0]
    return (local // HOUR + THURSDAY * 24) % WEEK


def _by_hour(moments: Column, zone: ZoneInfo, question: Question) -> Column:
    """How many of these moments lie in each hour of the week: counted by quarters of an hour, by which all zones differ."""
    first, end = number(question.since) // QUARTER, -(-number(question.until) // QUARTER)
    places = moments // QUARTER - first
    counts = np.bincount(places[places >= 0], minlength=end - first)
    return _table(slots(np.arange(first, end) * QUARTER, zone, question.since, question.until), counts)


def _table(places: Column, counts: Column) -> Column:
    return np.bincount(places, weights=counts, minlength=WEEK).reshape(7, 24)


def _between(bounds: Column, moments: Column) -> Column:
    """How many moments lie before the first bound, from each bound to the next, and from the last on."""
    return np.bincount(np.searchsorted(bounds, moments, side="right"), minlength=len(bounds) + 1)


def _midnights(since: datetime, until: datetime, zone: ZoneInfo) -> Column:
    first, last = since.astimezone(zone).date(), (until - timedelta(microseconds=1)).astimezone(zone).date()
    every = [first + timedelta(days=at) for at in range((last - first).days + 2)]
    bounds = [number(datetime.combine(on, time.min, zone)) for on in every]
    return np.array(bounds, dtype=np.int64)


def _day(on: date, group: Group, within: float, counts: tuple[int, int]) -> Day:
    return Day(
        on=on,
        n=len(group.wall.ordered),
        within=group.wall.done(within),
        open_now=group.count(2),
        answered=counts[0],
        backlog=counts[1],
        p50=group.wall.percentile(0.5),
        p90=group.wall.percentile(0.9),
        business_p50=group.business.percentile(0.5),
        business_p90=group.business.percentile(0.9),
        attainment=metrics.attainment(group.standing),
    )


def _backlog(basis: Basis, ends: Column, metric: Metric) -> list[int]:
    """How many waited at each of these moments, of those to come: now."""
    ends = np.minimum(ends, number(basis.question.now))
    waiting = np.zeros(len(ends), dtype=np.int64)
    for part in (basis.inherited, basis.begun):
        mine = np.flatnonzero(_of(part, metric))
        waiting += np.searchsorted(part.opened[mine], ends, side="right")
        waiting -= np.searchsorted(np.sort(part.closed[mine]), ends, side="right")
    return waiting.tolist()


def _handled(basis: Basis, metric: Metric | None) -> Column:
    """When waits were answered in the period, whenever they began."""
    until = number(basis.question.until)
    found: list[Column] = []
    for part in (basis.inherited, basis.begun):
        done = (part.outcome == ANSWERED) & (part.closed < until)
        found.append(part.closed[np.flatnonzero(done if metric is None else done & _of(part, metric))])
    return np.concatenate(found)


def _of(waits: History, metric: Metric) -> Column:
    return waits.metric == WAITS.index(metric)
