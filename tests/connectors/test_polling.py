"""What platforms without a live stream share: memory, quota, and how far back a list is read."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import polling
from connectors.polling import LONG_AGO, Budget, Pieces, Reach, Window
from inbox.contract import CursorExpired
from tests.connectors.stage import message

NOON = datetime(2026, 3, 2, 20, tzinfo=UTC)  # at the Pacific
DAY = 86_400.0


def test_a_window_tells_new_changed_and_known_and_forgets_the_oldest():
    window = Window(2)
    assert [window.see(name, said) for name, said in (("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"))] == [
        True,
        None,
        False,
        True,
        True,
    ]
    assert window.latest(5) == ["b", "c"]
    window.forget("b")
    assert list(window.known) == ["c"]


def test_a_day_ends_at_midnight_in_its_own_zone_summer_and_winter():
    budget = Budget(10_000, "America/Los_Angeles")
    assert budget.resets_at(NOON) == datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert budget.resets_at(datetime(2026, 7, 1, tzinfo=UTC)) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    budget.spend(4000, NOON)
    assert budget.left(NOON) == 6000
    assert budget.left(NOON + timedelta(hours=12)) == 10_000
    assert budget.total == 4000
    budget.exhaust(NOON + timedelta(hours=12))
    assert budget.left(NOON + timedelta(hours=13)) == 0


@pytest.mark.parametrize(
    ("left", "cost", "seconds"),
    [
        (10_000, 4, 43_200 * 4 / 8000),  # half a day for what is left, but for the reserve
        (10_000, 0.001, 15),  # never more often than this
        (2100, 4, 900),  # nor more rarely
        (2001, 4, 43_200),  # nothing is left but the reserve: until midnight
        (0, 4, 43_200),
    ],
)
def test_what_is_left_lasts_until_the_day_ends(left: int, cost: float, seconds: float):
    budget = Budget(10_000, "America/Los_Angeles")
    budget.spend(10_000 - left, NOON)
    assert budget.pause(cost, NOON, reserve=2000, shortest=15, longest=900) == pytest.approx(seconds)


def test_a_whole_day_of_looks_never_spends_more_than_is_there():
    budget, at, looks = Budget(1000, "UTC"), datetime(2026, 3, 2, tzinfo=UTC), 0
    while at < datetime(2026, 3, 3, tzinfo=UTC):
        if budget.left(at) >= 203:
            budget.spend(3, at)
            looks += 1
        at += timedelta(seconds=budget.pause(3, at, reserve=200, shortest=15, longest=3600))
        assert budget.used <= 800
    assert looks > 250


async def lists(*pages: list[int]) -> AsyncGenerator[list[dict[str, Any]]]:
    for page in pages:
        yield [{"at": number} for number in page]


def began(entry: dict[str, Any]) -> datetime:
    return LONG_AGO + timedelta(seconds=entry["at"])


async def test_a_list_is_read_back_to_what_was_met_before_and_a_little_further():
    reach = Reach(began({"at": 50}), 10, timedelta(seconds=5))
    found = await reach.read(lists([70, 60], [50, 46], [44, 40], [30]), began, 10)
    assert [entry["at"] for entry in found] == [70, 60, 50, 46, 44, 40]
    assert (reach.newest, reach.gap) == (began({"at": 70}), False)


async def test_at_the_beginning_only_the_history_is_read_and_the_youngest_noted_even_if_none_is_wanted():
    for history, expected in ((3, [70, 60, 50]), (0, [])):
        reach = Reach(None, history, timedelta())
        found = await reach.read(lists([70, 60], [50, 40], [30]), began, 10)
        assert [entry["at"] for entry in found] == expected
        assert reach.newest == began({"at": 70})
    empty = Reach(None, 3, timedelta())
    assert await empty.read(lists([]), began, 10) == []
    assert empty.newest == LONG_AGO


async def test_what_lies_further_back_than_may_be_read_is_a_gap():
    reach = Reach(LONG_AGO, 10, timedelta())
    await reach.read(lists([70], [60]), began, 2)
    assert reach.gap


def test_only_the_last_batch_moves_the_cursor_and_only_the_first_has_the_gap():
    pieces = Pieces([message(number) for number in range(450)], gap=True)
    pieces.pass_over("a thing")
    batches = list(pieces.batches("before", "after"))
    assert [(len(batch.events), batch.cursor, batch.gap) for batch in batches] == [
        (200, "before", True),
        (200, "before", False),
        (50, "after", False),
    ]
    assert [dict(batch.passed_over) for batch in batches] == [{}, {}, {"a thing": 1}]


def test_what_is_kept_can_be_opened_again_and_nothing_else():
    pieces = Pieces()
    pieces.reject("comment", {"id": 1}, ValueError("hunter2"))
    (one,) = pieces.rejected
    assert "hunter2" not in one.reason
    assert polling.kept(one.raw) == ("comment", {"id": 1})
    for raw in (b"{", b"[]", b"{}"):
        with pytest.raises(ValueError):  # noqa: PT011  # what json raises is one
            polling.kept(raw)
    with pytest.raises(CursorExpired):
        polling.read_cursor("[")
