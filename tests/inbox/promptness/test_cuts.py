"""A wait is cut where the conversation changes hands, and its pieces add up."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.promptness import cuts
from inbox.promptness.calendars import Calendar
from inbox.promptness.cuts import Kind, Owner, Segment
from tests.make import MONDAY

OFFICE = Calendar.from_dict(
    {"tz": "Europe/Berlin", "hours": {day: [["09:30", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed")}}
)
ANNA, BERND, TEAM = 1, 2, 9


def at(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def assigned(minutes: float, member: int | None, team: int | None = None, before: Any = None) -> tuple[str, datetime, dict[str, Any]]:
    return "conversation.assigned", at(minutes), {"assignee": member, "team": team, "before": before or {"assignee": None, "team": None}}


def way(minutes: float, kind: str, message: int = 7) -> tuple[str, datetime, dict[str, Any]]:
    return f"reply.{kind}", at(minutes), {"message": message}


def pieces(
    *log: tuple[str, datetime, dict[str, Any]], until: float = 60, reply: int | None = 7, now: Owner = Owner()
) -> list[tuple[Any, ...]]:
    """Kind, member, team and minutes of each segment of a wait that began on Monday at nine."""
    found = cuts.cut(cuts.story(log, now=now), MONDAY, at(until), OFFICE.elapsed, reply_id=reply)
    return [(one.kind.value, one.member, one.team, one.seconds / 60) for one in found]


def test_a_wait_that_nobody_had_is_one_piece():
    assert pieces() == [("unassigned", None, None, 60)]


def test_each_owner_has_a_piece_of_their_own_and_reassigning_resets_nothing():
    log = (assigned(10, ANNA), assigned(25, BERND, TEAM), assigned(40, None))
    assert pieces(*log) == [
        ("unassigned", None, None, 10),
        ("owner", ANNA, None, 15),
        ("owner", BERND, TEAM, 15),
        ("unassigned", None, None, 20),
    ]


def test_a_team_alone_owns_too():
    assert pieces(assigned(10, None, TEAM)) == [("unassigned", None, None, 10), ("owner", None, TEAM, 50)]


def test_what_was_assigned_before_the_wait_began_counts_from_its_beginning_and_what_came_after_its_end_not_at_all():
    assert pieces(assigned(-9, ANNA), assigned(-5, BERND), assigned(61, ANNA)) == [("owner", BERND, None, 60)]


def test_where_the_log_knows_of_no_change_whoever_has_it_now_had_it_always():
    assert pieces(now=Owner(ANNA, TEAM)) == [("owner", ANNA, TEAM, 60)]


def test_where_the_log_begins_late_its_first_line_says_who_had_it_before():
    assert pieces(assigned(10, BERND, before={"assignee": ANNA, "team": None})) == [("owner", ANNA, None, 10), ("owner", BERND, None, 50)]
    assert pieces(assigned(10, None, TEAM, before=ANNA)) == [("owner", ANNA, TEAM, 10), ("owner", None, TEAM, 50)], "the member was removed"


def test_the_answers_undo_window_and_its_delivery_are_told_apart_from_its_owners_time():
    log = (assigned(10, ANNA), way(50, "queued"), way(51, "sending"))
    assert pieces(*log) == [("unassigned", None, None, 10), ("owner", ANNA, None, 40), ("undo", ANNA, None, 1), ("delivery", ANNA, None, 9)]


def test_another_reply_that_was_taken_back_is_its_owners_time():
    assert pieces(assigned(0, ANNA), way(20, "queued", message=6)) == [("owner", ANNA, None, 60)]


def test_what_the_platform_put_off_is_still_being_delivered_and_what_failed_is_its_owners_again():
    put_off = (assigned(0, ANNA), way(10, "queued"), way(11, "sending"), way(12, "queued"), way(20, "sending"))
    assert pieces(*put_off) == [("owner", ANNA, None, 10), ("undo", ANNA, None, 1), ("delivery", ANNA, None, 49)]
    failed = (assigned(0, ANNA), way(10, "queued"), way(11, "sending"), way(13, "failed"), way(40, "queued"), way(41, "sending"))
    assert [(kind, minutes) for kind, _, _, minutes in pieces(*failed)] == [
        ("owner", 10), ("undo", 1), ("delivery", 2), ("owner", 27), ("undo", 1), ("delivery", 19),
    ]  # fmt: skip


def test_saying_the_same_again_cuts_nothing():
    assert pieces(assigned(10, ANNA), assigned(20, ANNA), assigned(20, BERND), assigned(20, ANNA)) == [
        ("unassigned", None, None, 10), ("owner", ANNA, None, 50),
    ]  # fmt: skip


@pytest.mark.parametrize("until", [0, -5])
def test_a_wait_of_no_length_is_one_piece_of_no_length(until: float):
    assert pieces(assigned(-1, ANNA), until=until) == [("owner", ANNA, None, 0)]


def test_what_is_kept_with_a_wait_is_read_back_as_it_was():
    found = cuts.cut(cuts.story([assigned(0.01, ANNA, TEAM)], now=Owner()), MONDAY, at(60), OFFICE.elapsed)
    assert cuts.loaded(json.loads(cuts.dumped(found))) == found
    assert isinstance(found[0], Segment)


lines = st.one_of(
    st.builds(assigned, st.floats(-100, 9000), st.sampled_from([None, ANNA, BERND]), st.sampled_from([None, TEAM])),
    st.builds(way, st.floats(-100, 9000), st.sampled_from(["queued", "sending", "failed"])),
)


@given(st.lists(lines, max_size=12), st.floats(0, 10_000))
def test_the_pieces_follow_one_another_and_add_up_by_the_clock_and_in_business_time(log: list[Any], length: float):
    until = at(length)
    found = cuts.cut(cuts.story(log, now=Owner()), MONDAY, until, OFFICE.elapsed, reply_id=7)
    assert round(sum(one.seconds for one in found), 6) == (until - MONDAY).total_seconds()
    assert round(sum(one.business for one in found), 6) == round(OFFICE.elapsed(MONDAY, until), 6)
    assert all(0 <= one.business <= one.seconds for one in found)
    for one, after in pairwise(found):
        assert one.began + timedelta(seconds=one.seconds) == after.began
        assert (one.kind, one.member, one.team) != (after.kind, after.member, after.team)
    assert {one.kind for one in found} <= set(Kind)
    assert found[0].began.astimezone(ZoneInfo("UTC")) == MONDAY
