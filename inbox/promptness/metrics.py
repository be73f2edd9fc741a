"""Figures about waits: by arrival or by reply, with those still open in them, and of members only as the installation allows.

One implementation behind every card, table, chart, export and API: `basis` reads the waits, everything else reckons from it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import Metric, Outcome
from inbox.promptness import history, members, percentiles
from inbox.promptness.history import KINDS, OPEN, OUTCOMES, PRIORITIES, History
from inbox.promptness.question import Cohort, Cut, MemberFigures, Question
from inbox.promptness.reading import Column
from inbox.promptness.shelf import Shelf
from inbox.promptness.zones import SECOND, number
from inbox.team.rights import Access

Key = int | str | None
Asked = tuple[Cut, Metric]

NONE, KEPT, LATE, CAUGHT_UP, ON_POLICY, PENDING = range(6)  # how a wait stands to its target
METRICS = list(Metric)
MARKS = 128  # values of a wait's marks: the standing above four yes or no
COMMUNITY = (Outcome.ANSWERED_BY_COMMUNITY,)


@dataclass(frozen=True, slots=True)
class Figure:
    """Response times of some waits of a period, in seconds: by the wall clock and, `business_…`, by each policy's calendar.

    p50 and p90 count those still waiting (Kaplan–Meier); None: too many still wait to know; `p50_low` to `p50_high`: 95 % sure. `mean` is
    of the answered alone. `share`: answered within the wanted time, 0 … 1. `key`: the channel, team …; None: all of them, or nobody.
    `attainment`: ended within their target, of those with one that ended or are late; `team_attainment`: without what reached us too late.
    """

    key: Key
    n: int
    answered: int
    open_now: int
    not_needed: int
    reply_rate: float | None
    p50: float | None
    p50_low: float | None
    p50_high: float | None
    p90: float | None
    mean: float | None
    share: float | None
    business_p50: float | None
    business_p90: float | None
    business_mean: float | None
    business_share: float | None
    native: int
    bulk: int
    community: int
    targeted: int
    kept: int
    late: int
    late_on_policy: int
    caught_up_late: int
    attainment: float | None
    team_attainment: float | None


@dataclass(frozen=True, slots=True)
class Order:
    """The places of one metric's waits by their length on one clock, ascending, with the keys of `percentiles`."""

    rows: Column
    keys: Column


@dataclass(frozen=True, slots=True)
class Measured:
    """Waits with what is reckoned of each: lengths, how they stand to their targets, and their order by length on both clocks."""

    history: History
    microseconds: Column
    answered: Column
    is_open: Column
    standing: Column
    marks: Column  # answered, open, native, bulk and the standing in one number
    lengths: tuple[Column, Column]  # seconds of the answered by the wall clock, and in business time; 0 of the others
    rows: Mapping[Metric, Column] = field(repr=False)  # the places of each metric's waits
    orders: Mapping[Metric, tuple[Order, Order]] = field(repr=False)  # by the wall clock, in business time


@dataclass(frozen=True, slots=True)
class Basis:
    """What a question is answered from."""

    question: Question
    begun: History  # in the period
    inherited: History  # had begun before, and not ended
    cohort: Measured
    community: History


async def basis(
    session: AsyncSession, access: Access, question: Question, *, member_figures: MemberFigures = "own", shelf: Shelf | None = None
) -> Basis:
    """Read what a question needs, on the channels that the member may see."""
    members.check(session, access, question.filters, member_figures, now=question.now)
    now, filters = question.now, question.filters
    since, until = question.since, question.until
    community = await history.load(session, access, since=since, until=until, now=now, filters=filters, shelf=shelf, outcomes=COMMUNITY)
    begun = await history.load(session, access, since=since, until=until, now=now, filters=filters, shelf=shelf)
    inherited = await history.lasting(session, access, since=question.since, now=now, filters=filters, shelf=shelf)
    cohort = begun if question.cohort == Cohort.ARRIVAL else _replied(begun, inherited, question)
    return Basis(question, begun, inherited, await asyncio.to_thread(measured, cohort, question), community)


async def figures(
    session: AsyncSession, access: Access, basis: Basis, asked: Iterable[Asked], *, member_figures: MemberFigures = "own"
) -> dict[Asked, list[Figure]]:
    """The figures of each cut and metric; a cut of no waits has none.

    By member, `member_figures` decides: nobody's, the asking member's own, those of teams of five or more (the key is the team), or all,
    each look at another member's recorded.
    """
    found: dict[Asked, list[Figure]] = {}
    for by, metric in asked:
        shown = await members.shown(session, access, by, member_figures)
        told = await asyncio.to_thread(cut, basis, members.cut(by, member_figures), metric)
        found[by, metric] = [figure for figure in told if shown is None or figure.key in shown]
        if by == Cut.MEMBER and member_figures == "named":
            members.record_looks(session, access, [figure.key for figure in found[by, metric]], now=basis.question.now)
    return found


def measured(waits: History, question: Question) -> Measured:
    """Reckon what every figure needs of each wait."""
    now = number(question.now)
    is_open = waits.closed == OPEN
    answered = waits.outcome == OUTCOMES.index(Outcome.ANSWERED)
    length = np.where(is_open, now, waits.closed) - waits.opened
    stand = standing(waits, now)
    marks = (stand << 4) | (waits.bulk & answered) << 3 | (waits.native & answered) << 2 | is_open.astype(np.int8) << 1 | answered
    clocks = [percentiles.keys(seconds, answered) for seconds in (length // SECOND, np.floor(waits.business))]
    orders: dict[Metric, tuple[Order, Order]] = {}
    rows = {metric: np.flatnonzero(waits.metric == at) for at, metric in enumerate(METRICS)}
    for metric, mine in rows.items():
        wall, business = (_order(mine, keys[mine]) for keys in clocks)
        orders[metric] = wall, business
    lengths = np.where(answered, length / SECOND, 0), np.where(answered, waits.business, 0)
    return Measured(waits, length, answered, is_open, stand, marks, lengths, rows, orders)


def _order(rows: Column, keys: Column) -> Order:
    places = percentiles.order(keys)
    return Order(rows[places], keys[places])


def standing(waits: History, now: int) -> Column:
    """How each wait stands to its target; past it is late though nobody has marked it yet."""
    late = (waits.breached != OPEN) | (waits.due < np.minimum(waits.closed, now))
    told = np.where(waits.closed == OPEN, PENDING, KEPT).astype(np.int8)
    told[late] = LATE
    told[late & waits.caught_up_late] = CAUGHT_UP
    told[late & waits.late_on_policy] = ON_POLICY
    told[waits.due == OPEN] = NONE
    return told


def cut(basis: Basis, by: Cut, metric: Metric) -> list[Figure]:
    """The figures of each group of a cut, ascending by key, nobody's last."""
    told = basis.cohort
    community = _counts(basis.community, by, metric)
    found: list[Figure] = []
    if by == Cut.LABEL:
        for label, mine in told.history.labels.items():
            codes = (~mine).astype(np.uint16)
            found += _figures(told, metric, [label], codes, basis.question.within, community)
    elif len(told.rows[metric]):
        keys, codes = _coded(told.history, by)
        found = _figures(told, metric, keys, codes, basis.question.within, community)
    return sorted(found, key=lambda figure: (figure.key is None, figure.key))


def _coded(waits: History, by: Cut) -> tuple[list[Key], Column]:
    """The keys of a cut, and which of them each wait has."""
    if by == Cut.ALL:
        return [None], np.zeros(len(waits), dtype=np.uint16)
    column = waits.owner if by == Cut.MEMBER else getattr(waits, by.value)
    known = np.unique(column)
    codes = np.searchsorted(known, column).astype(np.uint16 if len(known) < 2**16 else np.int64)
    return [_key(by, int(key)) for key in known], codes


def grouped(order: Order, codes: Column, count: int) -> list[Column]:
    """The keys of each group, still ascending."""
    if count == 1 and not codes.any():
        return [order.keys]
    mine = codes[order.rows]
    places = np.argsort(mine, kind="stable")
    return np.split(order.keys[places], np.searchsorted(mine[places], np.arange(1, count + 1)))[:count]


def counted(told: Measured, rows: Column, codes: Column, count: int) -> Column:
    """How many waits of each group have which marks."""
    places = codes[rows].astype(np.int64) * MARKS + told.marks[rows]
    return np.bincount(places, minlength=count * MARKS)[: count * MARKS].reshape(count, MARKS)


def _figures(
    told: Measured, metric: Metric, keys: Sequence[Key], codes: Column, within: float, community: Mapping[Key, int]
) -> list[Figure]:
    """`codes`: the place of each wait's key in `keys`; what is beyond them belongs to none."""
    count, rows, orders = len(keys), told.rows[metric], told.orders[metric]
    marks = counted(told, rows, codes, count)
    sums = [np.bincount(codes[rows], weights=lengths[rows], minlength=count) for lengths in told.lengths]
    walls, business = (grouped(order, codes, count) for order in orders)
    return [
        _figure(key, marks[at], (float(sums[0][at]), float(sums[1][at])), (walls[at], business[at]), within, community.get(key, 0))
        for at, key in enumerate(keys)
        if len(walls[at])
    ]


def groups(waits: History, rows: Column, by: Cut) -> dict[Key, Column]:
    """These rows, in their order, by what they are cut by; a wait with two labels is in both."""
    if by == Cut.LABEL:
        labelled = {label: rows[mine[rows]] for label, mine in waits.labels.items()}
        return {label: chosen for label, chosen in labelled.items() if len(chosen)}
    keys, codes = _coded(waits, by)
    places = np.argsort(codes[rows], kind="stable")
    parts = np.split(rows[places], np.searchsorted(codes[rows][places], np.arange(1, len(keys))))
    return {key: part for key, part in zip(keys, parts, strict=False) if len(part)}


def _key(by: Cut, key: int) -> Key:
    if by == Cut.KIND:
        return KINDS[key].value
    if by == Cut.PRIORITY:
        return PRIORITIES[key].value
    return key or None


def _figure(key: Key, marks: Column, sums: tuple[float, float], lengths: tuple[Column, Column], within: float, community: int) -> Figure:
    wall, business = (percentiles.curve(each) for each in lengths)
    stand: list[int] = marks.reshape(MARKS // 16, 16).sum(axis=1).tolist()
    flags: list[int] = marks.reshape(MARKS // 16, 16).sum(axis=0).tolist()
    answered, still_open, native, bulk = (sum(many for at, many in enumerate(flags) if at & bit) for bit in (1, 2, 4, 8))
    n, kept, late, caught_up = len(lengths[0]), stand[KEPT], stand[LATE], stand[CAUGHT_UP]
    low, high = wall.interval(0.5)
    return Figure(
        key=key,
        n=n,
        answered=answered,
        open_now=still_open,
        not_needed=n - answered - still_open,
        reply_rate=answered / n,
        p50=wall.percentile(0.5),
        p50_low=low,
        p50_high=high,
        p90=wall.percentile(0.9),
        mean=sums[0] / answered if answered else None,
        share=wall.answered_within(within),
        business_p50=business.percentile(0.5),
        business_p90=business.percentile(0.9),
        business_mean=sums[1] / answered if answered else None,
        business_share=business.answered_within(within),
        native=native,
        bulk=bulk,
        community=community,
        targeted=n - stand[NONE],
        kept=kept,
        late=late,
        late_on_policy=stand[ON_POLICY],
        caught_up_late=caught_up,
        attainment=attainment(stand),
        team_attainment=kept / (kept + late) if kept + late else None,
    )


def attainment(stand: Sequence[int]) -> float | None:
    """Of the waits with a target that ended or are late: how many kept it. `stand`: how many stand how."""
    ended = stand[KEPT] + stand[LATE] + stand[CAUGHT_UP]
    return stand[KEPT] / ended if ended else None


def _counts(waits: History, by: Cut, metric: Metric) -> Mapping[Key, int]:
    rows = np.flatnonzero(waits.metric == METRICS.index(metric))
    return {key: len(mine) for key, mine in groups(waits, rows, by).items()}


def _replied(begun: History, inherited: History, question: Question) -> History:
    """The waits that were answered in the period, whenever they began."""
    since, until = number(question.since), number(question.until)
    parts = [
        part.take((part.outcome == OUTCOMES.index(Outcome.ANSWERED)) & (part.closed >= since) & (part.closed < until))
        for part in (inherited, begun)
    ]
    return history.joined(*parts)
