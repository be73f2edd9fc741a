"""Business time: exact on every clock, additive, and as a slow count of minutes has it."""

import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.promptness.calendars import Calendar, Nonsense, Versions
from inbox.promptness.timetables import NeverOpen

ZONES = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "Pacific/Apia", "Africa/Casablanca",
    "America/Sao_Paulo", "Asia/Kathmandu", "UTC",
)  # fmt: skip
OFFICE = {"tz": "Europe/Berlin", "hours": {day: [["09:00", "12:30"], ["13:30", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
HOUR = 3600


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-02T09:00", "2026-03-02T18:00", 8),  # a day, without its lunch
        ("2026-03-02T11:00", "2026-03-02T14:00", 2),  # over lunch
        ("2026-03-02T12:30", "2026-03-02T13:30", 0),  # lunch alone
        ("2026-03-06T17:00", "2026-03-09T10:00", 2),  # over a weekend
        ("2026-03-07T00:00", "2026-03-08T23:59", 0),  # a weekend
        ("2026-03-02T00:00", "2026-03-09T00:00", 40),  # a week
        ("2026-03-02T10:00", "2026-03-02T10:00", 0),
    ],
)
def test_a_week_of_office_hours(start, end, hours):
    assert Calendar.from_dict(OFFICE).elapsed(at(start), at(end)) == hours * HOUR


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),  # half an hour
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("America/Sao_Paulo", "2018-11-04", 23),  # begins at one o'clock: there was no midnight
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Pacific/Apia", "2011-12-30", 0),  # never was
        ("Pacific/Apia", "2011-12-31", 24),
        ("Africa/Casablanca", "2026-02-15", 25),  # the month of Ramadan begins
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_give_it(zone, day, hours):
    calendar = Calendar.from_dict({"tz": zone, "dates": {day: [["00:00", "24:00"]]}})
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)
    assert calendar.elapsed(noon - timedelta(days=3), noon + timedelta(days=3)) == hours * HOUR


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin():
    nights = Calendar.from_dict(
        {"tz": "Europe/Berlin", "hours": {"fri": [["22:00", "06:00"]]}, "dates": {"2026-03-07": [], "2026-03-13": []}}
    )
    assert nights.elapsed(at("2026-03-06T00:00"), at("2026-03-09T00:00")) == 8 * HOUR, "Saturday is closed, but Friday's night is Friday's"
    assert nights.elapsed(at("2026-03-13T00:00"), at("2026-03-16T00:00")) == 0, "that Friday is closed, its night too"
    assert nights.elapsed(at("2026-03-27T00:00"), at("2026-03-30T00:00")) == 8 * HOUR, "the clocks change a night later"


def test_hours_that_overlap_count_once():
    calendar = Calendar.from_dict(
        {"tz": "UTC", "hours": {"mon": [["08:00", "12:00"], ["10:00", "14:00"], ["20:00", "03:00"]], "tue": [["02:00", "04:00"]]}}
    )
    assert calendar.elapsed(at("2026-03-02T00:00", "UTC"), at("2026-03-04T00:00", "UTC")) == (6 + 8) * HOUR


def test_holidays_are_closed_unless_a_date_says_otherwise():
    calendar = Calendar.from_dict(
        OFFICE | {"dates": {"2026-12-24": [["09:00", "12:00"]], "2026-12-25": [["10:00", "11:00"]]}, "holidays": ["DE-SH"]}
    )
    assert calendar.elapsed(at("2026-12-24T00:00"), at("2026-12-25T00:00")) == 3 * HOUR
    assert calendar.elapsed(at("2026-12-25T00:00"), at("2026-12-26T00:00")) == HOUR
    assert calendar.elapsed(at("2026-10-30T00:00"), at("2026-11-03T00:00")) == 16 * HOUR, "the Reformation is a Saturday"
    assert calendar.elapsed(at("2025-10-31T00:00"), at("2025-11-01T00:00")) == 0, "and was a Friday the year before"
    assert calendar.closed_on(date(2025, 10, 31))
    assert calendar.closed_on(date(2026, 12, 25)) is None


def test_an_amount_is_due_at_the_first_moment_that_completes_it():
    calendar = Calendar.from_dict(OFFICE)
    assert calendar.due(at("2026-03-02T09:00"), 8 * HOUR) == at("2026-03-02T18:00"), "as the office closes, not as it opens again"
    assert calendar.due(at("2026-03-02T18:00"), 1) == at("2026-03-03T09:00:01")
    assert calendar.due(at("2026-03-07T12:00"), 0) == at("2026-03-07T12:00")
    assert calendar.due(at("2026-03-02T09:00"), 400 * 8 * HOUR) == at("2027-09-10T18:00")


def test_pauses_do_not_count_and_may_overlap():
    calendar = Calendar.from_dict(OFFICE)
    pauses = [
        (at("2026-03-02T10:00"), at("2026-03-02T11:00")),
        (at("2026-03-02T10:30"), at("2026-03-02T11:30")),
        (at("2026-03-02T12:00"), at("2026-03-02T13:00")),
    ]
    assert calendar.elapsed(at("2026-03-02T09:00"), at("2026-03-02T18:00"), pauses) == 6 * HOUR
    assert calendar.due(at("2026-03-02T09:00"), 6 * HOUR, pauses) == at("2026-03-02T18:00")
    assert calendar.due(at("2026-03-02T09:00"), HOUR, pauses) == at("2026-03-02T10:00")
    assert calendar.due(at("2026-03-02T09:00"), HOUR + 1, pauses) == at("2026-03-02T11:30:01")


def test_a_change_of_hours_does_not_rewrite_what_was_before():
    later = Calendar.from_dict({"tz": "Europe/Berlin", "hours": ALWAYS})
    versions = Versions([(None, Calendar.from_dict(OFFICE)), (at("2026-03-02T20:00"), later)])
    assert versions.elapsed(at("2026-03-02T17:00"), at("2026-03-02T22:00")) == 3 * HOUR
    assert versions.due(at("2026-03-02T17:00"), 3 * HOUR) == at("2026-03-02T22:00")
    assert versions.due(at("2026-03-02T17:00"), HOUR) == at("2026-03-02T18:00")
    assert versions.elapsed(at("2026-03-02T10:00"), at("2026-03-02T11:00")) == HOUR


clocks = st.tuples(st.integers(0, 47), st.integers(0, 48)).filter(lambda pair: pair[0] != pair[1] and pair != (0, 0))


def clock(half_hours: int) -> str:
    return f"{half_hours // 2:02}:{half_hours % 2 * 30:02}"


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    spans = st.lists(clocks.map(lambda pair: [clock(pair[0]), clock(pair[1])]), max_size=2)
    days = st.lists(st.dates(date(2010, 1, 1), date(2030, 1, 1)), max_size=3, unique=True)
    return Calendar.from_dict(
        {
            "tz": draw(st.sampled_from(ZONES)),
            "hours": {day: draw(spans) for day in ("tue", "wed", "sat", "sun")} | {"mon": [["09:00", "17:00"]]},
            "dates": {day.isoformat(): draw(spans) for day in draw(days)},
        }
    )


moments = st.integers(0, 20 * 365 * 86_400).map(lambda after: datetime(2009, 12, 1, tzinfo=UTC) + timedelta(seconds=after))
seconds = st.integers(0, 90 * 86_400)


@given(calendars(), moments, seconds, seconds)
@settings(max_examples=200, deadline=None)
def test_time_adds_up_and_never_runs_backwards(calendar, start, first, second):
    middle = start + timedelta(seconds=first)
    end = middle + timedelta(seconds=second)
    parts = calendar.elapsed(start, middle), calendar.elapsed(middle, end)
    assert sum(parts) == pytest.approx(calendar.elapsed(start, end), abs=1e-5)
    assert min(parts) >= 0
    assert parts[1] <= second


@given(calendars(), moments, st.integers(1, 60 * 86_400))
@settings(max_examples=200, deadline=None)
def test_due_is_the_inverse_of_elapsed_and_the_earliest(calendar, start, amount):
    due = calendar.due(start, amount)
    assert calendar.elapsed(start, due) == pytest.approx(amount, abs=1e-5)
    assert calendar.elapsed(start, due - timedelta(seconds=1)) < amount
    later = calendar.due(start + timedelta(hours=1), amount)
    assert later >= due, "who begins later is not done earlier"


@given(calendars(), moments, seconds, st.lists(st.tuples(seconds, seconds), max_size=4), st.integers(1, 86_400))
@settings(max_examples=150, deadline=None)
def test_what_is_paused_never_counts_twice(calendar, start, length, breaks, amount):
    pauses = [(start + timedelta(seconds=low), start + timedelta(seconds=low + more)) for low, more in breaks]
    whole = calendar.elapsed(start, start + timedelta(seconds=length))
    assert 0 <= calendar.elapsed(start, start + timedelta(seconds=length), pauses) <= whole
    assert calendar.elapsed(start, calendar.due(start, amount, pauses), pauses) == pytest.approx(amount, abs=1e-5)


def minutes_open(given: dict, start: datetime, minutes: int) -> int:
    """The slow way: look at the clock on the wall once a minute."""
    zone, names = ZoneInfo(given["tz"]), ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

    @cache
    def spans(day: date) -> list[tuple[int, int]]:
        written = given["dates"].get(day.isoformat(), given["hours"].get(names[day.weekday()], []))
        read = [tuple(int(part[:2]) * 60 + int(part[3:]) for part in span) for span in written]
        return [(low, high if high > low else high + 1440) for low, high in read]

    count = 0
    for minute in range(minutes):
        wall = (start + timedelta(minutes=minute)).astimezone(zone)
        now = wall.hour * 60 + wall.minute
        count += any(low <= now < high for low, high in spans(wall.date())) or any(
            low <= now + 1440 < high for low, high in spans(wall.date() - timedelta(days=1))
        )
    return count


def test_a_thousand_random_stretches_are_as_long_as_a_slow_count_of_minutes_says():
    chance = random.Random(4)
    edges = {  # days on which the clocks of these zones change
        "Europe/Berlin": ["2026-03-29", "2026-10-25"], "America/New_York": ["2026-03-08", "2026-11-01"],
        "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"], "Pacific/Chatham": ["2026-04-05", "2026-09-27"],
        "Pacific/Apia": ["2011-12-30", "2011-04-02"], "Africa/Casablanca": ["2026-02-15", "2026-03-22"],
        "America/Sao_Paulo": ["2018-11-04", "2018-02-17"], "UTC": ["2026-01-01"], "Asia/Kathmandu": ["2026-01-01"],
    }  # fmt: skip

    def spans() -> list[list[str]]:
        return [
            [clock(low), clock(high)] for low, high in [(chance.randrange(48), chance.randrange(49))] * chance.randrange(3) if low != high
        ]

    for _ in range(1000):
        zone = chance.choice(sorted(edges))
        day = date.fromisoformat(chance.choice(edges[zone]))
        given = {
            "tz": zone,
            "hours": {name: spans() for name in ("mon", "wed", "thu", "sat", "sun")} | {"tue": [["08:00", "16:30"]]},
            "dates": {(day + timedelta(days=chance.randrange(-2, 3))).isoformat(): spans() for _ in range(2)},
        }
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=chance.randrange(-2880, 1440))
        minutes = chance.randrange(1, 1500)
        expected = minutes_open(given, start, minutes)
        assert Calendar.from_dict(given).elapsed(start, start + timedelta(minutes=minutes)) == expected * 60, (given, start, minutes)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"tz": "Europe/Atlantis", "hours": ALWAYS}, "Atlantis"),
        ({"hours": ALWAYS}, "time zone"),
        ({"tz": "../etc/passwd", "hours": ALWAYS}, "time zone"),
        ({"tz": "UTC"}, "never open"),
        ({"tz": "UTC", "hours": {"mon": []}, "dates": {"2026-12-24": []}}, "never open"),
        ({"tz": "UTC", "hours": {"mon": [["09:00", "09:00"]]}}, "empty"),
        ({"tz": "UTC", "hours": {"mon": [["24:00", "09:00"]]}}, "empty"),
        ({"tz": "UTC", "hours": {"mon": [["9", "17"]]}}, "time of day"),
        ({"tz": "UTC", "hours": {"mon": [["09:00", "24:30"]]}}, "time of day"),
        ({"tz": "UTC", "hours": {"mon": [["09:00", "17:60"]]}}, "time of day"),
        ({"tz": "UTC", "hours": {"mon": [["09:00"]]}}, "list of spans"),
        ({"tz": "UTC", "hours": {"mon": "09:00-17:00"}}, "list of spans"),
        ({"tz": "UTC", "hours": {"monday": [["09:00", "17:00"]]}}, "weekday"),
        ({"tz": "UTC", "hours": ["mon"]}, "hours"),
        ({"tz": "UTC", "dates": {"24.12.2026": [["09:00", "17:00"]]}}, "date"),
        ({"tz": "UTC", "hours": ALWAYS, "holidays": ["XX"]}, "XX"),
        ({"tz": "UTC", "hours": ALWAYS, "holidays": ["DE-XX"]}, "DE-XX"),
        ({"tz": "UTC", "hours": ALWAYS, "zone": "UTC"}, "zone"),
    ],
)
def test_what_is_no_calendar_is_refused_with_a_word_about_it(given, word):
    with pytest.raises(Nonsense, match=word):
        Calendar.from_dict(given)


def test_what_cannot_be_reckoned_is_refused():
    calendar = Calendar.from_dict(OFFICE)
    once = Calendar.from_dict({"tz": "UTC", "dates": {"2026-12-24": [["09:00", "12:00"]]}})
    with pytest.raises(Nonsense, match="before the start"):
        calendar.elapsed(at("2026-03-02T10:00"), at("2026-03-02T09:00"))
    with pytest.raises(Nonsense, match="zone"):
        calendar.elapsed(at("2026-03-02T10:00").replace(tzinfo=None), at("2026-03-02T11:00").replace(tzinfo=None))
    with pytest.raises(Nonsense, match="negative"):
        calendar.due(at("2026-03-02T10:00"), -1)
    with pytest.raises(Nonsense, match="pause"):
        calendar.due(at("2026-03-02T10:00"), 1, [(at("2026-03-02T11:00"), at("2026-03-02T10:00"))])
    with pytest.raises(Nonsense, match="any more"):
        once.due(at("2026-12-24T10:00"), 3 * HOUR + 1)
    assert once.due(at("2020-01-01T10:00"), 3 * HOUR) == datetime(2026, 12, 24, 12, tzinfo=UTC)
    with pytest.raises(Nonsense, match="since ever"):
        Versions([(at("2026-03-02T10:00"), calendar)])


def test_what_is_written_down_reads_the_same_again():
    given = OFFICE | {"dates": {"2026-12-24": [["22:00", "02:30"]], "2026-12-25": []}, "holidays": ["DE-SH", "AT"]}
    assert Calendar.from_dict(given).to_dict() == given


def test_a_preview_shows_each_day_by_the_clock_of_the_calendar():
    calendar = Calendar.from_dict({"tz": "Europe/Berlin", "hours": {"sat": [["22:00", "06:00"]], "mon": [["09:00", "17:00"]]}})
    saturday, sunday, monday = calendar.spans(date(2026, 3, 28), 3)
    assert saturday == (date(2026, 3, 28), [(at("2026-03-28T22:00"), at("2026-03-29T00:00"))])
    assert sunday[1] == [(at("2026-03-29T00:00"), at("2026-03-29T06:00"))]
    assert monday[1] == [(at("2026-03-30T09:00"), at("2026-03-30T17:00"))]


def test_what_would_be_due_in_thousands_of_years_is_never_due():
    minutes = Calendar.from_dict({"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "09:05"]]}, "holidays": ["DE-SH"]})
    with pytest.raises(NeverOpen):
        minutes.due(datetime(2026, 3, 2, tzinfo=UTC), 366 * 86_400)
