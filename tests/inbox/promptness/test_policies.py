"""Which policy counts, how long it lets a customer wait, and what is no policy."""

from datetime import UTC, datetime, timedelta

import pytest

from inbox.contract import ConversationKind
from inbox.models import Metric, Priority
from inbox.promptness import policies
from inbox.promptness.calendars import Calendar
from inbox.promptness.policies import BadPolicy, Facts, Rule

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
COMMENT = Facts(7, ConversationKind.COMMENTS, Priority.HIGH, 3, frozenset({1, 2}), language="de")


@pytest.mark.parametrize(
    ("conditions", "unmet"),
    [
        ({}, []),
        ({"channel": [7, 8], "kind": ["comments"], "priority": ["high"], "team": [3], "label": [2, 9], "language": ["de", "en"]}, []),
        ({"language": ["en"]}, ["language"]),
        ({"channel": [8]}, ["channel"]),
        ({"kind": ["direct", "email"]}, ["kind"]),
        ({"label": [9], "team": [4], "channel": [7]}, ["label", "team"]),
    ],
)
def test_a_policy_fits_when_all_its_conditions_hold_and_says_which_do_not(conditions, unmet):
    assert Rule(1, "One", policies.read_conditions(conditions)).unmet(COMMENT) == unmet


def test_the_first_that_fits_counts():
    rules = [
        Rule(1, "Chats", policies.read_conditions({"kind": ["direct"]})),
        Rule(2, "Urgent", policies.read_conditions({"priority": ["high"]})),
        Rule(3, "Everything"),
    ]
    assert policies.first_fit(rules, COMMENT) is rules[1]
    assert policies.first_fit(rules, Facts(7, ConversationKind.EMAIL)) is rules[2]
    assert policies.first_fit(rules[:1], COMMENT) is None


def test_each_priority_has_its_own_target_or_the_normal_one():
    rule = Rule(1, "One", targets=policies.read_targets({"first": {"urgent": 900, "normal": 3600}, "next": {"urgent": 60}}))
    assert [rule.target(Metric.FIRST, priority) for priority in Priority] == [900, 3600, 3600, 3600]
    assert [rule.target(Metric.NEXT, priority) for priority in Priority] == [60, None, None, None]


def test_time_is_that_of_the_calendar_or_of_the_wall_clock():
    hours = Rule(1, "One", calendar=Calendar.from_dict({"tz": "UTC", "hours": {"mon": [["09:00", "10:00"]]}}))
    assert hours.due(MONDAY, 5400) == MONDAY + timedelta(days=7, minutes=30)
    assert hours.elapsed(MONDAY, MONDAY + timedelta(days=7, minutes=30)) == 5400
    wall = Rule(2, "Two")
    assert wall.due(MONDAY, 5400) == MONDAY + timedelta(minutes=90)
    assert wall.elapsed(MONDAY, MONDAY - timedelta(minutes=1)) == 0, "an answer that is dated before the question"


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        ({"weather": ["rain"]}, "weather"),
        ({"channel": []}, "at least one"),
        ({"channel": 7}, "list"),
        ({"channel": ["7"]}, "7"),
        ({"channel": [True]}, "True"),
        ({"kind": ["letters"]}, "letters"),
        ({"priority": [None]}, "None"),
        ({"language": ["German"]}, "German"),
        ({"language": ["und"]}, "und"),
        ({"language": [["de"]]}, "de"),
        (["channel"], "by name"),
    ],
)
def test_conditions_that_make_no_sense_are_refused_with_a_word_about_them(conditions, word):
    with pytest.raises(BadPolicy, match=word):
        policies.read_conditions(conditions)


@pytest.mark.parametrize(
    ("targets", "word"),
    [
        ({}, "no target"),
        ({"first": {}}, "no target"),
        ({"third": {"normal": 60}}, "third"),
        ({"first": {"whenever": 60}}, "whenever"),
        ({"first": {"normal": 0}}, "between"),
        ({"first": {"normal": -60}}, "between"),
        ({"first": {"normal": 400 * 86_400}}, "366"),
        ({"first": {"normal": 1.5}}, "between"),
        ({"first": {"normal": "60"}}, "between"),
        ({"first": 60}, "by name"),
        (None, "by name"),
    ],
)
def test_targets_that_nobody_could_keep_are_refused_with_a_word_about_them(targets, word):
    with pytest.raises(BadPolicy, match=word):
        policies.read_targets(targets)
