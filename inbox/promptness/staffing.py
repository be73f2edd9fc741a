"""Arrivals and handling by hour and weekday, and what one more person would have changed. Pure and deterministic; loads numpy.

No rota is recorded: who was there is inferred from who answered when, and how long an answer takes from the time between them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import numpy as np

from inbox.models import Outcome
from inbox.promptness import zones
from inbox.promptness.history import OPEN, OUTCOMES, History
from inbox.promptness.queueing import Arrival, Staff, result, simulate
from inbox.promptness.rota import Check, Effect, Grid, Pattern, Slot, Staffing
from inbox.promptness.zones import HOUR, SECOND

TOGETHER = 90 * 60 * SECOND  # between two answers of a person who stayed
LONGEST = HOUR  # that an answer takes; what took longer had other reasons
HELD_BACK = 0.25
LEAST_ANSWERS, LEAST_SERVICES = 100, 30
SEED = 6


class Week:
    """Hours since 1970 as weekday and hour of a place."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone, self._known = zone, dict[int, tuple[int, int]]()

    def at(self, bucket: int) -> tuple[int, int]:
        if bucket not in self._known:
            there = zones.moment(bucket * HOUR).astimezone(self._zone)
            self._known[bucket] = there.weekday(), there.hour
        return self._known[bucket]


def study(history: History, zone: ZoneInfo, slot: Slot | None, *, since: int, until: int) -> Staffing:
    """What the waits from `since` to `until` tell about arrivals and staffing, and about one more person in a slot."""
    week, arrivals = Week(zone), _arrivals(history)
    there, services = present(history), handling(history)
    pattern = _pattern(history, week, there, since, until)
    answered = sum(1 for arrival in arrivals if arrival.answered != OPEN)
    is_enough = answered >= LEAST_ANSWERS and len(services) >= LEAST_SERVICES
    return Staffing(
        pattern=pattern,
        handling=float(np.median(services)) / SECOND if services else None,
        services=len(services),
        effect=_effect(arrivals, there, services, slot, week, until) if slot and is_enough else None,
        check=_check(history, week, since, until) if is_enough else None,
    )


def present(history: History) -> dict[int, int]:
    """How many people were there in each hour: those who answered in it, and between two answers that lie close together."""
    there: dict[int, set[int]] = defaultdict(set)
    for member, moments in _by_member(history).items():
        last = None
        for at in moments:
            first = last if last is not None and at - last <= TOGETHER else at
            for bucket in range(first // HOUR, at // HOUR + 1):
                there[bucket].add(member)
            last = at
    return {bucket: len(members) for bucket, members in there.items()}


def handling(history: History) -> list[int]:
    """Microseconds that answers took: from when the customer had written and the same person's answer before was out."""
    found: list[int] = []
    answered = _answered(history)
    order = np.argsort(history.closed[answered], kind="stable")
    columns = (history.member[answered][order], history.opened[answered][order], history.closed[answered][order])
    last: dict[int, int] = {}
    for member, opened, closed in zip(*(column.tolist() for column in columns), strict=True):
        took = closed - max(opened, last.get(member, opened))
        last[member] = closed
        if 0 <= took <= LONGEST:
            found.append(took)
    return found


def _arrivals(history: History) -> list[Arrival]:
    """What somebody answered, or has yet to: what was closed without an answer took nobody's time."""
    wanted = _answered(history) | (history.closed == OPEN)
    seen = np.maximum(history.opened, history.received)
    columns = (history.opened, seen, history.due, history.closed)
    return [Arrival(*row) for row in zip(*(column[wanted].tolist() for column in columns), strict=True)]


def _effect(arrivals: Sequence[Arrival], there: Staff, services: Sequence[int], slot: Slot, week: Week, until: int) -> Effect:
    took = _draw(services, len(arrivals))
    first = min(arrival.seen for arrival in arrivals) // HOUR
    more = dict(there)
    for bucket in range(first, until // HOUR + 1):
        if slot.holds(*week.at(bucket)):
            more[bucket] = more.get(bucket, 0) + 1
    before, after = simulate(arrivals, there, took, until), simulate(arrivals, more, took, until)
    inside = [place for place, arrival in enumerate(arrivals) if slot.holds(*week.at(arrival.opened // HOUR))]
    of_slot = [arrivals[place] for place in inside]
    return Effect(
        measured=result(arrivals, [arrival.answered for arrival in arrivals], until),
        before=result(arrivals, before, until),
        after=result(arrivals, after, until),
        slot_before=result(of_slot, [before[place] for place in inside], until),
        slot_after=result(of_slot, [after[place] for place in inside], until),
    )


def _check(history: History, week: Week, since: int, until: int) -> Check | None:
    """Held-back weeks with what the weeks before them tell about people and answers."""
    split = int(since + (until - since) * (1 - HELD_BACK))
    earlier = _until(history, split)
    services, arrivals = handling(earlier), [arrival for arrival in _arrivals(history) if arrival.seen >= split]
    if len(services) < LEAST_SERVICES or not arrivals:
        return None
    usual = _pattern(earlier, week, present(earlier), since, split).present
    random = np.random.default_rng(SEED)
    staff: dict[int, int] = {}
    for bucket in range(split // HOUR, until // HOUR + 1):
        weekday, hour = week.at(bucket)
        staff[bucket] = int(usual[weekday][hour] + random.random())  # 1.4 people: sometimes one, sometimes two
    simulated = simulate(arrivals, staff, _draw(services, len(arrivals)), until)
    measured = [arrival.answered for arrival in arrivals]
    return Check(split, result(arrivals, measured, until), result(arrivals, simulated, until))


def _until(history: History, split: int) -> History:
    """The answers that had been given by then."""
    known = history.closed <= split
    columns = {one.name: getattr(history, one.name)[known] for one in fields(history) if isinstance(getattr(history, one.name), np.ndarray)}
    return replace(history, **columns, labels={})


def _pattern(history: History, week: Week, there: Staff, since: int, until: int) -> Pattern:
    """Means over every hour of the period, those without anything among them."""
    hours, people = _grid(), _grid()
    for bucket in range(since // HOUR, until // HOUR):
        weekday, hour = week.at(bucket)
        hours[weekday][hour] += 1
        people[weekday][hour] += there.get(bucket, 0)
    arrivals, answers = _grid(), _grid()
    answered = _answered(history)
    for grid, moments in ((arrivals, history.opened), (answers, history.closed[answered])):
        for at in moments.tolist():
            weekday, hour = week.at(at // HOUR)
            grid[weekday][hour] += 1
    return Pattern(
        weeks=(until - since) / HOUR / 168,
        arrivals=list(_ratios(arrivals, hours)),
        answers=list(_ratios(answers, hours)),
        present=list(_ratios(people, hours)),
        rate=list(_ratios(answers, people)),
        people=len(set(history.member[answered].tolist()) - {0}),
    )


def _ratios(above: Grid, below: Grid) -> Iterator[list[float]]:
    for counts, of in zip(above, below, strict=True):
        yield [count / all_ if all_ else float("nan") for count, all_ in zip(counts, of, strict=True)]


def _grid() -> list[list[float]]:
    return [[0.0] * 24 for _ in range(7)]


def _by_member(history: History) -> dict[int, list[int]]:
    """The moments of everybody's answers, in order. Who answered in the platform's own app is one unknown person."""
    answered = _answered(history)
    found: dict[int, list[int]] = defaultdict(list)
    for at, member in sorted(zip(history.closed[answered].tolist(), history.member[answered].tolist(), strict=True)):
        found[member].append(at)
    return found


def _answered(history: History) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return history.outcome == OUTCOMES.index(Outcome.ANSWERED)


def _draw(services: Sequence[int], count: int) -> list[int]:
    """How long each answer takes, drawn from those recorded; the same for each wait whatever the staffing."""
    return np.random.default_rng(SEED).choice(np.array(services, np.int64), count).tolist()
