"""Arrivals, people and one more of them: what is inferred from waits alone, and a queue that can be checked by hand."""

from math import isnan
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from inbox.errors import Invalid
from inbox.promptness import queueing, staffing
from inbox.promptness.history import OPEN, History
from inbox.promptness.queueing import HOUR, Arrival
from inbox.promptness.rota import Slot, Staffing
from inbox.promptness.zones import SECOND
from tests.inbox.promptness import past

WEEK = 7 * 86400
START = 1_768_780_800  # Monday, 2026-01-19, 00:00 in London
ZONE = ZoneInfo("Europe/London")


def office(seed: int = 1, *, weeks: int = 8, people: int = 2, arrivals: float = 22.0, minutes: float = 5.0) -> History:
    """So many an hour between nine and five on weekdays, answered first come, first served by so many people, each in some minutes."""
    random = np.random.default_rng(seed)
    waits = []
    for day in range(7 * weeks):
        if day % 7 > 4:
            continue
        opens, closes = START + day * 86400 + 9 * 3600, START + day * 86400 + 17 * 3600
        free = {member: float(opens) for member in range(1, people + 1)}
        for opened in np.sort(random.uniform(opens, closes - 3600, random.poisson(arrivals * 7))):
            member = min(free, key=lambda one: free[one])
            closed = max(opened, free[member]) + random.exponential(60 * minutes)
            free[member] = closed
            waits.append({"opened": opened, "closed": closed, "due": opened + 900, "target": 900.0, "member": member, "channel": 1})
    return past.history(waits)


def study(history: History, slot: Slot | None = None, *, weeks: int = 8) -> Staffing:
    return staffing.study(history, ZONE, slot, since=START * SECOND, until=(START + weeks * WEEK) * SECOND)


def at(minutes: float) -> int:
    return round(minutes * 60 * SECOND)


def test_one_person_answers_one_after_the_other_what_is_due_soonest_first() -> None:
    arrivals = [Arrival(at(0), at(0), at(60), OPEN), Arrival(at(1), at(1), at(40), OPEN), Arrival(at(2), at(2), at(20), OPEN)]
    took = [at(10)] * 3
    assert queueing.simulate(arrivals, {0: 1}, took, at(240)) == [at(10), at(30), at(20)]
    assert queueing.simulate(arrivals, {0: 2}, took, at(240)) == [at(10), at(11), at(20)]
    assert queueing.simulate(arrivals, {0: 0, 1: 1}, took, at(240)) == [at(90), at(80), at(70)]
    assert queueing.simulate(arrivals, {}, took, at(240)) == [OPEN] * 3


def test_who_is_there_is_told_by_answers() -> None:
    waits = [{"opened": START, "closed": START + 60 * minute, "member": 1} for minute in (10, 70, 400)]
    waits.append({"opened": START, "closed": START + 600, "member": 2})
    there = staffing.present(past.history(waits))
    hour = START * SECOND // HOUR
    assert there == {hour: 2, hour + 1: 1, hour + 6: 1}


def test_an_answer_takes_from_when_both_were_there() -> None:
    waits = [
        {"opened": START, "closed": START + 300, "member": 1},
        {"opened": START + 60, "closed": START + 500, "member": 1},  # after the answer before
        {"opened": START + 1000, "closed": START + 1100, "member": 1},  # after the question
        {"opened": START + 60, "closed": START + 90_000, "member": 2},  # over night: not all of it was work
    ]
    assert staffing.handling(past.history(waits)) == [seconds * SECOND for seconds in (300, 200, 100)]


def test_the_week_is_told_hour_by_hour_in_the_workspaces_zone() -> None:
    found = study(office())
    pattern = found.pattern
    assert pattern.weeks == pytest.approx(8)
    assert pattern.arrivals[0][10] == pytest.approx(22, rel=0.25)
    assert pattern.present[2][11] == pytest.approx(2, abs=0.1)
    assert pattern.arrivals[6][10] == 0
    assert isnan(pattern.rate[6][10])
    assert found.handling == pytest.approx(300 * np.log(2), rel=0.2)  # half of an exponential


def test_it_is_right_about_weeks_that_it_has_not_seen() -> None:
    check = study(office()).check
    assert check is not None
    assert check.measured.waits == check.simulated.waits > 1000
    assert check.simulated.share == pytest.approx(check.measured.share, abs=0.08)
    assert check.simulated.p50 == pytest.approx(check.measured.p50, rel=0.35)


def test_one_more_person_helps_in_the_slot_where_the_queue_is() -> None:
    busy = study(office(people=2), Slot(0, 9, 17)).effect
    assert busy is not None
    assert busy.slot_after.share > busy.slot_before.share + 0.02  # type: ignore[operator]
    assert busy.slot_after.p90 < 0.8 * busy.slot_before.p90  # type: ignore[operator]
    idle = study(office(people=2), Slot(6, 9, 17)).effect  # on Sunday nobody writes; what Friday has left is answered earlier
    assert idle is not None
    assert idle.slot_after.waits == 0
    assert 0 <= idle.after.share - idle.before.share < 0.02  # type: ignore[operator]


def test_it_is_the_same_each_time() -> None:
    assert study(office(), Slot(0, 9, 12)).effect == study(office(), Slot(0, 9, 12)).effect


def test_little_history_simulates_nothing() -> None:
    found = study(office(weeks=1, arrivals=1), Slot(0, 9, 12))
    assert (found.effect, found.check) == (None, None)
    assert study(past.history([])).handling is None


@pytest.mark.parametrize(("weekday", "start", "end"), [(7, 9, 12), (-1, 9, 12), (0, 12, 12), (0, 13, 12), (0, 9, 25), (0, -1, 3)])
def test_a_slot_that_is_none_is_refused(weekday: int, start: int, end: int) -> None:
    with pytest.raises(Invalid):
        Slot(weekday, start, end)
