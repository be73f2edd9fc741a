"""Percentiles of waits of which some are still open, over columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.promptness import percentiles
from inbox.promptness.survival import Duration, curve

WAITS = st.lists(st.tuples(st.integers(0, 50) | st.integers(0, 2**31 - 1), st.booleans()), max_size=60)


def of(waits: list[tuple[int, bool]]) -> percentiles.Curve:
    keys = percentiles.keys(np.array([wait[0] for wait in waits], dtype=np.int64), np.array([wait[1] for wait in waits], dtype=np.bool_))
    return percentiles.curve(percentiles.ascending(keys))


@settings(deadline=None)
@given(waits=WAITS, share=st.floats(0.01, 0.99), within=st.floats(0, 100))
def test_columns_tell_what_the_plain_curve_tells(waits, share, within):
    plain, columns = curve(Duration(seconds, int(done), int(not done)) for seconds, done in waits), of(waits)
    assert columns.percentile(share) == plain.percentile(share)
    assert columns.answered_within(within) == pytest.approx(plain.answered_within(within), abs=1e-9)


@pytest.mark.parametrize(("share", "seed"), [(0.5, 1), (0.5, 2), (0.9, 3), (0.9, 4)])
def test_the_truth_lies_within_the_interval_though_a_third_still_waits(share, seed):
    generator = np.random.default_rng(seed)
    lengths, patience = generator.exponential(1000, 20_000), generator.exponential(2000, 20_000)  # a third is seen only until it is cut off
    answered = lengths <= patience
    keys = percentiles.keys(np.minimum(lengths, patience), answered)
    told = percentiles.curve(percentiles.ascending(keys))
    low, high = told.interval(share)
    truth = -1000 * np.log(1 - share)
    assert 0.3 < 1 - answered.mean() < 0.37
    assert low <= truth <= high
    assert high - low < 0.1 * truth
    assert np.quantile(lengths[answered], share) < low  # what a figure of the answered alone would say


def test_the_interval_holds_the_truth_as_often_as_it_promises():
    generator = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        lengths, patience = generator.exponential(1000, 300), generator.exponential(2000, 300)
        keys = percentiles.keys(np.minimum(lengths, patience), lengths <= patience)
        low, high = percentiles.curve(percentiles.ascending(keys)).interval(0.5)
        held += low <= 1000 * np.log(2) <= (np.inf if high is None else high)
    assert 0.92 <= held / 400 <= 0.98


@settings(deadline=None)
@given(waits=st.lists(st.tuples(st.integers(0, 2**31 - 1), st.booleans(), st.integers(0, 3)), max_size=60), count=st.sampled_from([1, 4]))
def test_each_groups_waits_are_sorted_by_length_the_answered_first(waits, count):
    lengths, answered = np.array([wait[0] for wait in waits], dtype=np.int64), np.array([wait[1] for wait in waits], dtype=np.bool_)
    codes = np.array([wait[2] % count for wait in waits], dtype=np.int64)
    for code, part in enumerate(percentiles.split(codes, percentiles.keys(lengths, answered), count)):
        ordered = sorted((wait for wait in waits if wait[2] % count == code), key=lambda wait: (wait[0], not wait[1]))
        assert percentiles.ascending(part).tolist() == [2 * seconds + (not done) for seconds, done, _ in ordered]


def test_many_waits_are_in_order_as_few_are():
    keys = np.random.default_rng(3).integers(0, 2**22, percentiles.MANY + 1000, dtype=np.uint32)
    assert percentiles.ascending(keys).tolist() == sorted(keys.tolist())
