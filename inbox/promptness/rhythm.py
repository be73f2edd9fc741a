"""Figures over time: day by day, by hour and weekday, and what lay waiting; days and hours as people in a time zone have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from inbox.models import Metric, Outcome
from inbox.promptness import metrics, percentiles, zones
from inbox.promptness.history import OPEN, OUTCOMES, History
from inbox.promptness.metrics import Basis
from inbox.promptness.reading import Column
from inbox.promptness.zones import SECOND, number

THURSDAY = 3  # 1970-01-01 was one; Monday is 0
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
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
    moments = told.history.opened if question.cohort == "arrival" else told.history.closed
    among = told.history.metric == metrics.METRICS.index(metric)
    parts = [_by_day(order[among[order]], moments, bounds) for order in (told.by_wall, told.by_business)]
    backlog = _backlog(basis, bounds[1:], metric)
    handled = _handled(basis, metric)
    done = np.histogram(handled, bounds)[0].tolist()
    first = question.since.astimezone(zone).date()
    return [_day(basis, first + timedelta(days=at), rows, parts[1][at], done[at], backlog[at]) for at, rows in enumerate(parts[0])]


def week(basis: Basis, zone: ZoneInfo, metric: Metric | None = None) -> Week:
    """Arrivals and answers by weekday and hour of the zone, each by the offset that held then."""
    arrivals = basis.begun.opened if metric is None else basis.begun.opened[_of(basis.begun, metric)]
    start, end = number(basis.question.since), min(number(basis.question.until), number(basis.question.now))
    grid = np.arange(start, max(start, end), HOUR // 4)
    hours = _slots(grid, zone, basis.question) / 4
    return Week(
        *(
            table.tolist()
            for table in (_slots(arrivals, zone, basis.question), _slots(_handled(basis, metric), zone, basis.question), hours)
        )
    )


def slots(moments: Column, zone: ZoneInfo, since: datetime, until: datetime) -> Column:
    """The hour of the week, 0 … 167 from Monday midnight on, of each moment between the two."""
    years = range(since.year - 1, until.year + 2)
    changes = [change for year in years for change in zones.changes(zone, year)]
    starts = np.array([number(since) - 10 * DAY, *(at for at, _ in changes if at > number(since) - 10 * DAY)], dtype=np.int64)
    offsets = np.array([zones.offset(zone, int(at)) for at in starts], dtype=np.int64)
    local = moments + offsets[np.searchsorted(starts, moments, side="right") - 1]
    return (local // DAY + THURSDAY) % 7 * 24 + local % DAY // HOUR


def _slots(moments: Column, zone: ZoneInfo, question: metrics.Question) -> Column:
    return np.bincount(slots(moments, zone, question.since, question.until), minlength=168).reshape(7, 24)


def _midnights(since: datetime, until: datetime, zone: ZoneInfo) -> Column:
    first, last = since.astimezone(zone).date(), (until - timedelta(microseconds=1)).astimezone(zone).date()
    every = [first + timedelta(days=at) for at in range((last - first).days + 2)]
    bounds = [number(datetime.combine(on, time.min, zone)) for on in every]
    return np.array(bounds, dtype=np.int64)


def _by_day(rows: Column, moments: Column, bounds: Column) -> list[Column]:
    """Rows in their order, by day."""
    day = np.searchsorted(bounds, moments[rows], side="right") - 1
    order = np.argsort(day.astype(np.uint16), kind="stable")
    return np.split(rows[order], np.searchsorted(day[order], np.arange(1, len(bounds) - 1)))


def _day(basis: Basis, on: date, rows: Column, by_business: Column, answered: int, backlog: int) -> Day:
    told = basis.cohort
    wall, business = percentiles.curve(told.wall[rows]), percentiles.curve(told.business[by_business])
    in_time = told.answered[rows] & (told.microseconds[rows] // SECOND <= basis.question.within)
    stand = np.bincount(told.standing[rows], minlength=6).tolist()
    ended = stand[metrics.KEPT] + stand[metrics.LATE] + stand[metrics.CAUGHT_UP]
    return Day(
        on=on,
        n=len(rows),
        within=int(in_time.sum()),
        open_now=int(told.is_open[rows].sum()),
        answered=answered,
        backlog=backlog,
        p50=wall.percentile(0.5),
        p90=wall.percentile(0.9),
        business_p50=business.percentile(0.5),
        business_p90=business.percentile(0.9),
        attainment=stand[metrics.KEPT] / ended if ended else None,
    )


def _backlog(basis: Basis, ends: Column, metric: Metric) -> list[int]:
    """How many waited at each of these moments, of those to come: now."""
    ends = np.minimum(ends, number(basis.question.now))
    waiting = np.zeros(len(ends), dtype=np.int64)
    for part in (basis.inherited, basis.begun):
        mine = _of(part, metric)
        waiting += np.searchsorted(np.sort(part.opened[mine]), ends, side="right")
        waiting -= np.searchsorted(np.sort(part.closed[mine & (part.closed != OPEN)]), ends, side="right")
    return waiting.tolist()


def _handled(basis: Basis, metric: Metric | None) -> Column:
    """When waits were answered in the period, whenever they began."""
    until = number(basis.question.until)
    found: list[Column] = []
    for part in (basis.inherited, basis.begun):
        done = (part.outcome == ANSWERED) & (part.closed < until)
        found.append(part.closed[done if metric is None else done & _of(part, metric)])
    return np.concatenate(found)


def _of(waits: History, metric: Metric) -> Column:
    return waits.metric == metrics.METRICS.index(metric)
