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
class Measured:
    """Waits with what is reckoned of each: lengths, how they stand to their targets, and their order by length."""

    history: History
    microseconds: Column
    answered: Column
    is_open: Column
    standing: Column
    wall: Column  # keys of `percentiles`
    business: Column
    by_wall: Column = field(repr=False)  # places, ascending
    by_business: Column = field(repr=False)


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
    wall = percentiles.keys(length // SECOND, answered)
    business = percentiles.keys(np.floor(waits.business), answered)
    orders = percentiles.order(wall), percentiles.order(business)
    return Measured(waits, length, answered, is_open, standing(waits, now), wall, business, *orders)


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
    among = told.history.metric == METRICS.index(metric)
    community = _counts(basis.community, by, metric)
    orders = [order[among[order]] for order in (told.by_wall, told.by_business)]
    grouped = [groups(told.history, order, by) for order in orders]
    found = [_figure(told, key, rows, grouped[1][key], basis.question.within, community.get(key, 0)) for key, rows in grouped[0].items()]
    return sorted(found, key=lambda figure: (figure.key is None, figure.key))


def groups(waits: History, rows: Column, by: Cut) -> dict[Key, Column]:
    """These rows, in their order, by what they are cut by; a wait with two labels is in both."""
    if not len(rows):
        return {}
    if by == Cut.ALL:
        return {None: rows}
    if by == Cut.LABEL:
        labelled = {label: rows[mine[rows]] for label, mine in waits.labels.items()}
        return {label: chosen for label, chosen in labelled.items() if len(chosen)}
    column = (waits.owner if by == Cut.MEMBER else getattr(waits, by.value))[rows]
    known = np.unique(column)
    codes = np.searchsorted(known, column).astype(np.uint16 if len(known) < 2**16 else np.int64)
    order = np.argsort(codes, kind="stable")
    parts = np.split(rows[order], np.searchsorted(codes[order], np.arange(1, len(known))))
    return {_key(by, int(key)): part for key, part in zip(known, parts, strict=True)}


def _key(by: Cut, key: int) -> Key:
    if by == Cut.KIND:
        return KINDS[key].value
    if by == Cut.PRIORITY:
        return PRIORITIES[key].value
    return key or None


def _figure(told: Measured, key: Key, rows: Column, by_business: Column, within: float, community: int) -> Figure:
    answered = rows[told.answered[rows]]
    wall, business = percentiles.curve(told.wall[rows]), percentiles.curve(told.business[by_business])
    stand: Sequence[int] = np.bincount(told.standing[rows], minlength=6).tolist()
    kept, late, caught_up = stand[KEPT], stand[LATE], stand[CAUGHT_UP]
    still_open = int(told.is_open[rows].sum())
    low, high = wall.interval(0.5)
    return Figure(
        key=key,
        n=len(rows),
        answered=len(answered),
        open_now=still_open,
        not_needed=len(rows) - len(answered) - still_open,
        reply_rate=len(answered) / len(rows),
        p50=wall.percentile(0.5),
        p50_low=low,
        p50_high=high,
        p90=wall.percentile(0.9),
        mean=float(told.microseconds[answered].mean()) / SECOND if len(answered) else None,
        share=wall.answered_within(within),
        business_p50=business.percentile(0.5),
        business_p90=business.percentile(0.9),
        business_mean=float(told.history.business[answered].mean()) if len(answered) else None,
        business_share=business.answered_within(within),
        native=int(told.history.native[answered].sum()),
        bulk=int(told.history.bulk[answered].sum()),
        community=community,
        targeted=len(rows) - stand[NONE],
        kept=kept,
        late=late,
        late_on_policy=stand[ON_POLICY],
        caught_up_late=caught_up,
        attainment=kept / (kept + late + caught_up) if kept + late + caught_up else None,
        team_attainment=kept / (kept + late) if kept + late else None,
    )


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
