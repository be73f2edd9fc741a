"""A queue of waits and the people who answer it: who is answered when, and how prompt that was. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from inbox.promptness.rota import Result
from inbox.promptness.survival import Duration, curve
from inbox.promptness.zones import HOUR, OPEN, SECOND

Staff = Mapping[int, int]  # people by hour since 1970


@dataclass(frozen=True, slots=True)
class Arrival:
    """A wait that somebody has to answer. Moments in microseconds."""

    opened: int
    seen: int
    due: int
    answered: int


def simulate(arrivals: Sequence[Arrival], staff: Staff, took: Sequence[int], until: int) -> list[int]:
    """When each would have been answered (OPEN: not until the end) by so many people, who always take what is due soonest."""
    done = [OPEN] * len(arrivals)
    order = sorted(range(len(arrivals)), key=lambda place: arrivals[place].seen)
    queue: list[tuple[int, int, int]] = []
    busy: list[int] = []
    reached = 0
    now = arrivals[order[0]].seen if order else until
    while now < until:
        while busy and busy[0] <= now:
            heappop(busy)
        while reached < len(order) and arrivals[order[reached]].seen <= now:
            place = order[reached]
            heappush(queue, (arrivals[place].due, arrivals[place].opened, place))
            reached += 1
        while queue and len(busy) < staff.get(now // HOUR, 0):
            place = heappop(queue)[2]
            done[place] = now + took[place]
            heappush(busy, done[place])
        coming = [arrivals[order[reached]].seen] if reached < len(order) else []
        if queue:
            coming += [(now // HOUR + 1) * HOUR, *(busy[:1] if len(busy) >= staff.get(now // HOUR, 0) else ())]
        if not coming:
            break
        now = max(now + 1, min(coming))
    return [at if at <= until else OPEN for at in done]


def result(arrivals: Sequence[Arrival], done: Sequence[int], until: int) -> Result:
    """How prompt that was; those not answered by the end count as waiting for as long as they did."""
    met = missed = 0
    durations: list[Duration] = []
    for arrival, at in zip(arrivals, done, strict=True):
        is_answered = at != OPEN
        durations.append(Duration(max(0, min(at, until) - arrival.opened) / SECOND, int(is_answered), int(not is_answered)))
        if arrival.due != OPEN:
            is_late = arrival.due < min(at, until)
            missed += is_late
            met += is_answered and not is_late
    told = curve(durations)
    share = met / (met + missed) if met + missed else None
    return Result(len(arrivals), share, told.percentile(0.5), told.percentile(0.9))
