"""The chance to miss a target: calibrated where there is something to learn, and the base rate where there is not."""

import json
from dataclasses import replace
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from inbox.promptness import fitting
from inbox.promptness.forecast import Forecast, State, features
from inbox.promptness.history import KINDS, History
from inbox.promptness.zones import SECOND
from tests.inbox.promptness import past

WEEK = 7 * 86400
START = 1_768_780_800  # a Monday, 2026-01-19, in London
ZONE = ZoneInfo("Europe/London")
TARGET = 3600.0
KIND = KINDS[0].value
STATE = State(1, KIND, "first", TARGET, 600, 3000, 3000, 4, 2, 5, 10, 2)


def wall(_policy: int, from_: int, to: int) -> float:
    return (to - from_) / SECOND


def pace(opened: float, channel: int) -> float:
    """Answers an hour: quick by day and on the first channel."""
    hour = (opened % 86400) / 3600
    return (3.0 if 8 <= hour < 20 else 0.4) * (1.5 if channel == 1 else 0.5)


@cache
def memoryless(seed: int, count: int) -> History:
    """Waits that are answered after a time without memory: what is left of it depends on the hour and the channel alone."""
    random = np.random.default_rng(seed)
    waits = []
    for opened in np.sort(random.uniform(START, START + 8 * WEEK, count)):
        channel = int(random.integers(1, 3))
        length = random.exponential(3600 / pace(opened, channel))
        waits.append(
            {"opened": opened, "closed": opened + length, "due": opened + TARGET, "target": TARGET, "channel": channel, "member": 1}
        )
    return past.history(waits)


def fitted(history: History) -> Forecast:
    return fitting.fit(history, ZONE, wall, until=(START + 8 * WEEK) * SECOND)


@cache
def learnt() -> Forecast:
    """From much."""
    return fitted(memoryless(2, 10000))


def test_it_beats_the_base_rate_on_weeks_it_has_not_seen_and_says_so() -> None:
    told = learnt()
    assert (told.method, told.reason) == ("model", "")
    assert told.quality is not None
    assert told.quality.brier < 0.85 * told.quality.base_brier
    assert told.quality.since > "2026-02-28"  # the last two of eight weeks, never drawn at random


def test_its_chances_are_those_that_things_happen_with() -> None:
    told = learnt()
    assert told.quality is not None
    large = [each for each in told.quality.bins if each.n > 80]
    assert len(large) >= 6
    assert max(abs(each.told - each.missed) for each in large) < 0.12
    assert sum(each.n * abs(each.told - each.missed) for each in told.quality.bins) / told.quality.n < 0.04


@pytest.mark.parametrize(("hour", "channel", "left"), [(10, 1, 600), (10, 1, 3000), (10, 2, 1800), (2, 1, 1800), (2, 2, 3000)])
def test_it_finds_the_chance_that_is_known(hour: int, channel: int, left: float) -> None:
    state = State(channel, KIND, "first", TARGET, TARGET - left, left, left, 0, 1, 3 if hour == 10 else 1, hour, 2)
    truth = np.exp(-left / 3600 * pace(hour * 3600, channel))
    assert learnt().chance(state) == pytest.approx(truth, abs=0.12)


def test_where_nothing_can_be_learnt_the_base_rate_is_used_and_the_page_is_told_why() -> None:
    """Whether a wait is answered in time is thrown like a coin in its last second: nothing known before says it."""
    random = np.random.default_rng(5)
    waits = []
    for opened in np.sort(random.uniform(START, START + 8 * WEEK, 5000)):
        length = TARGET + random.choice([-1.0, 60.0])
        waits.append({"opened": opened, "closed": opened + length, "due": opened + TARGET, "target": TARGET, "channel": 1, "member": 1})
    told = fitted(past.history(waits))
    assert told.quality is not None
    assert abs(told.quality.brier - told.quality.base_brier) < 0.01
    assert told.overall == pytest.approx(0.5, abs=0.05)
    worse = replace(told, method="base", reason="no_better")
    assert worse.chance(State(1, KIND, "first", TARGET, 0, 1, 1, 9, 0, 0, 3, 6)) == worse.base[1]


def test_a_model_that_is_no_better_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_newton", lambda rows, missed: np.full(rows.shape[1] + 1, 3.0))
    told = fitted(memoryless(1, 3000))
    assert (told.method, told.reason) == ("base", "no_better")


def test_little_history_gives_a_base_rate_by_channel() -> None:
    told = fitted(memoryless(6, 40))
    assert (told.method, told.reason, told.quality) == ("base", "little", None)
    assert 0 < told.overall < 1
    assert fitting.fit(past.history([]), ZONE, wall, until=START * SECOND).chance(STATE) == 0.0


def test_it_is_the_same_each_time_and_after_it_was_kept() -> None:
    one, other = fitted(memoryless(7, 3000)), fitted(memoryless(7, 3000))
    assert one == other
    assert Forecast.from_dict(json.loads(json.dumps(one.to_dict()))).chance(STATE) == one.chance(STATE)


def test_a_wait_that_is_due_after_now_teaches_nothing_yet() -> None:
    """Of those only the answered are known: to learn from them alone would make the future rosy."""
    waits = [{"opened": START + 60 * n, "closed": START + 60 * n + 30, "due": START + 9 * WEEK, "target": 9.0 * WEEK} for n in range(5000)]
    assert fitted(past.history(waits)).states == 0


def test_more_ahead_and_less_time_make_no_feature_infinite() -> None:
    for state in (STATE, replace(STATE, ahead=10**6, left_business=0.0, target=0.0, age=1e9), replace(STATE, answered=0)):
        assert all(np.isfinite(value) for value in features(state).values())
