"""Figures about waits: by arrival or by reply, with those still open in them, and of members only as the installation allows.

One implementation behind every card, table, chart, export and API: `basis` reads the waits, everything else reckons from it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import WAITS, Metric, Outcome
from inbox.promptness import history, members, percentiles
from inbox.promptness.history import KINDS, OPEN, OUTCOMES, PRIORITIES, History
from inbox.promptness.question import Cohort, Cut, MemberFigures, Question
from inbox.promptness.reading import Column, spelled
from inbox.promptness.shelf import Shelf
from inbox.promptness.zones import SECOND, number
from inbox.team.rights import Access

Key = int | str | None
Asked = tuple[Cut, Metric]

NONE, KEPT, LATE, CAUGHT_UP, ON_POLICY, PENDING = range(6)  # how a wait stands to its target
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
class Measured:
    """Waits with what is reckoned of each: lengths, and how they stand to their targets."""

    history: History
    microseconds: Column
    answered: Column
    is_open: Column
    standing: Column
    marks: Column  # answered, open, native, bulk and the standing in one number
    keys: tuple[Column, Column]  # of `percentiles`: by the wall clock, in business time
    rows: Mapping[Metric, Column] = field(repr=False)  # the places of each metric's waits


@dataclass(frozen=True, slots=True)
class Group:
    """Waits with something in common: how many have which marks, and their lengths on both clocks, as curves."""

    marks: Column
    wall: percentiles.Curve
    business: percentiles.Curve

    def count(self, mark: int) -> int:
        """How many are answered (1), open (2), native (4) or bulk (8)."""
        return int(self.marks[:, [at for at in range(16) if at & mark]].sum())

    @property
    def standing(self) -> list[int]:
        """How many stand how to their target."""
        return self.marks.sum(axis=1).tolist()


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
    return await asyncio.to_thread(_basis, question, begun, inherited, community)


def _basis(question: Question, begun: History, inherited: History, community: History) -> Basis:
    cohort = begun if question.cohort == Cohort.ARRIVAL else _replied(begun, inherited, question)
    return Basis(question, begun, inherited, measured(cohort, question), community)


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
    flags = (answered, is_open, waits.native & answered, waits.bulk & answered)
    marks = sum((flag.view(np.int8) << np.int8(at) for at, flag in enumerate(flags)), start=stand << np.int8(4))
    clocks = percentiles.keys(length // SECOND, answered), percentiles.keys(np.floor(waits.business), answered)
    rows = {metric: np.flatnonzero(waits.metric == at) for at, metric in enumerate(WAITS)}
    return Measured(waits, length, answered, is_open, stand, marks, clocks, rows)


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
    told, within = basis.cohort, basis.question.within
    rows, community = told.rows[metric], _counts(basis.community, by, metric)
    found: list[Figure] = []
    if by == Cut.LABEL:
        for label, mine in told.history.labels.items():
            found += _figures(told, rows[mine[rows]], [label], within, community)
    elif by == Cut.ALL:
        found = _figures(told, rows, [None], within, community)
    else:
        keys, codes = _coded(told.history, by, rows)
        found = _figures(told, rows, keys, within, community, codes)
    return sorted(found, key=lambda figure: (figure.key is None, figure.key))


def _coded(waits: History, by: Cut, rows: Column) -> tuple[list[Key], Column]:
    """The keys of a cut, and the place among them of each of these waits' key."""
    column = (waits.owner if by == Cut.MEMBER else getattr(waits, by.value))[rows]
    known, codes = percentiles.coded(column)
    return [_key(by, key) for key in known.tolist()], codes


def grouped(told: Measured, rows: Column, codes: Column, count: int) -> list[Group]:
    """These waits by their codes, below `count`."""
    marks = np.bincount(codes * MARKS + told.marks[rows], minlength=count * MARKS).reshape(count, MARKS // 16, 16)
    clocks = [
        [percentiles.curve(percentiles.ascending(part)) for part in percentiles.split(codes, keys[rows], count)] for keys in told.keys
    ]
    return [Group(*each) for each in zip(marks, *clocks, strict=True)]


def _figures(
    told: Measured, rows: Column, keys: Sequence[Key], within: float, community: Mapping[Key, int], codes: Column | None = None
) -> list[Figure]:
    """`codes`: the place of each row's key in `keys`; None: there is but one."""
    if not len(rows):
        return []
    answered = told.answered[rows]
    lengths = [np.where(answered, each, 0) for each in (told.microseconds[rows] / SECOND, told.history.business[rows])]
    if codes is None:
        codes, sums = np.zeros(len(rows), dtype=np.int64), [[float(each.sum())] for each in lengths]
    else:
        sums = [np.bincount(codes, weights=each, minlength=len(keys)).tolist() for each in lengths]
    groups = grouped(told, rows, codes, len(keys))
    return [_figure(key, group, both, within, community.get(key, 0)) for key, group, *both in zip(keys, groups, *sums, strict=True)]


def _key(by: Cut, key: int) -> Key:
    if by == Cut.KIND:
        return KINDS[key].value
    if by == Cut.PRIORITY:
        return PRIORITIES[key].value
    if by == Cut.LANGUAGE:
        return spelled(key) or None
    return key or None


def _figure(key: Key, group: Group, sums: Sequence[float], within: float, community: int) -> Figure:
    wall, business, stand = group.wall, group.business, group.standing
    n, answered, still_open = len(wall.ordered), group.count(1), group.count(2)
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
        native=group.count(4),
        bulk=group.count(8),
        community=community,
        targeted=n - stand[NONE],
        kept=stand[KEPT],
        late=stand[LATE],
        late_on_policy=stand[ON_POLICY],
        caught_up_late=stand[CAUGHT_UP],
        attainment=attainment(stand),
        team_attainment=stand[KEPT] / ours if (ours := stand[KEPT] + stand[LATE]) else None,
    )


def attainment(stand: Sequence[int]) -> float | None:
    """Of the waits with a target that ended or are late: how many kept it. `stand`: how many stand how."""
    ended = stand[KEPT] + stand[LATE] + stand[CAUGHT_UP]
    return stand[KEPT] / ended if ended else None


def _counts(waits: History, by: Cut, metric: Metric) -> Mapping[Key, int]:
    """How many waits of each key."""
    rows = np.flatnonzero(waits.metric == WAITS.index(metric))
    if by == Cut.ALL:
        return {None: len(rows)}
    if by == Cut.LABEL:
        return {label: int(mine[rows].sum()) for label, mine in waits.labels.items()}
    keys, codes = _coded(waits, by, rows)
    return dict(zip(keys, np.bincount(codes).tolist(), strict=True))


def _replied(begun: History, inherited: History, question: Question) -> History:
    """The waits that were answered in the period, whenever they began."""
    since, until = number(question.since), number(question.until)
    parts = [
        part.take((part.outcome == OUTCOMES.index(Outcome.ANSWERED)) & (part.closed >= since) & (part.closed < until))
        for part in (inherited, begun)
    ]
    return history.joined(*parts)
