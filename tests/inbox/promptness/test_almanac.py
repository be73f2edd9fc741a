"""What iCalendar files say about days, however they are written."""

import gzip
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from inbox.promptness.agreements import almanac
from inbox.promptness.timetables import Nonsense

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2026, 3, 2)


def file(*events: str) -> bytes:
    """A file of these events; | ends a line."""
    parts = [
        f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\n{event}\r\nEND:VEVENT\r\n".replace("|", "\r\n")
        for number, event in enumerate(events)
    ]
    return "".join(["BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n", *parts, "END:VCALENDAR\r\n"]).encode()


def read(*events: str, opens: bool = False) -> dict[str, object]:
    found = almanac.read(file(*events), zone=BERLIN, today=TODAY, opens=opens)
    return {day: told["name"] if told["spans"] == [] else told["spans"] for day, told in found.items()}


CHRISTMAS = "DTSTART;VALUE=DATE:20261224|DTEND;VALUE=DATE:20261226|SUMMARY:Christmas"
SHORT = "DTSTART:20261224T080000Z|DTEND:20261224T110000Z|SUMMARY:Short day"


@pytest.mark.parametrize(
    ("event", "days"),
    [
        (CHRISTMAS, {"2026-12-24": "Christmas", "2026-12-25": "Christmas"}),  # the end is the day after
        ("DTSTART;VALUE=DATE:20261224|SUMMARY:Eve", {"2026-12-24": "Eve"}),  # one day when no end is said
        ("DTSTART;VALUE=DATE:20260301|DTEND;VALUE=DATE:20260304|SUMMARY:Trip", {"2026-03-02": "Trip", "2026-03-03": "Trip"}),  # from today
        ("DTSTART;VALUE=DATE:20201231|RRULE:FREQ=YEARLY|SUMMARY:Eve", {f"{year}-12-31": "Eve" for year in (2026, 2027, 2028)}),
        (
            "DTSTART;VALUE=DATE:20260605|RRULE:FREQ=WEEKLY;COUNT=3|EXDATE;VALUE=DATE:20260612|SUMMARY:Friday",
            {"2026-06-05": "Friday", "2026-06-19": "Friday"},
        ),
        (f"{CHRISTMAS}|STATUS:CANCELLED", {}),
        (SHORT, {}),  # a meeting closes nothing
        ("DTSTART;VALUE=DATE:20350101|SUMMARY:Far", {}),  # who knows
    ],
)
def test_whole_days_close(event: str, days: dict[str, object]):
    assert read(event) == days


@pytest.mark.parametrize(
    ("event", "days"),
    [
        (SHORT, {"2026-12-24": [["09:00", "12:00"]]}),  # by the calendar's own clock
        ("DTSTART:20261224T090000|DTEND:20261224T120000", {"2026-12-24": [["09:00", "12:00"]]}),  # without a zone: on its wall
        ("DTSTART:20261224T220000|DURATION:PT4H", {"2026-12-24": [["22:00", "24:00"]], "2026-12-25": [["00:00", "02:00"]]}),
        (CHRISTMAS, {"2026-12-24": "Christmas", "2026-12-25": "Christmas"}),
    ],
)
def test_times_open_where_it_is_asked_for(event: str, days: dict[str, object]):
    assert read(event, opens=True) == days


def test_times_of_one_day_are_taken_together_and_count_before_the_whole_day():
    second = "DTSTART:20261224T140000Z|DTEND:20261224T150000Z"
    assert read(SHORT, second, CHRISTMAS, opens=True)["2026-12-24"] == [["09:00", "12:00"], ["15:00", "16:00"]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VEVENT\r\nEND:VEVENT\r\n",
        file("SUMMARY:No beginning"),
        file("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=SECONDLY"),
        file("DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;BYHOUR=1,2,3"),
        file("DTSTART;VALUE=DATE:00010101|RRULE:FREQ=DAILY"),
        file("DTSTART;VALUE=DATE:20260101|DTEND;VALUE=DATE:99991231|SUMMARY:For ever"),
        b"BEGIN:VCALENDAR\r\n" + b"X" * almanac.LARGEST,
    ],
)
def test_what_is_no_calendar_or_more_than_anybody_needs_is_refused(content: bytes):
    with pytest.raises(Nonsense):
        almanac.read(content, zone=BERLIN, today=TODAY, opens=True)


def test_rules_that_take_the_processor_away_are_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(almanac, "SECONDS", 0.0)
    with pytest.raises(Nonsense, match="too often"):
        read("DTSTART;VALUE=DATE:20260101|RRULE:FREQ=YEARLY")


ZONE = (
    "BEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\n"
    + "DTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n{}\r\nEND:STANDARD"
)


def zoned(rule: str) -> bytes:
    whole = file("DTSTART;TZID=Mine:20261224T080000|DTEND;TZID=Mine:20261224T110000|SUMMARY:Short day").decode()
    return whole.replace("BEGIN:VEVENT", f"{ZONE.format(rule)}\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT", 1).encode()


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SECONDLY",
        "rrule:freq=secondly",
        "RRULE;X=1:FREQ=HOURLY",
        "RRU\r\n LE:FREQ=MINUTELY",
        "RRULE:FREQ=YEARLY;BYHOUR=1,2,3;BYMINUTE=1,2,3",
        "RRULE:FREQ=DAILY",
        "RDATE:" + ",".join(["19700101T000000"] * 5_000),
    ],
)
def test_a_time_zone_that_changes_its_clocks_all_the_time_is_not_followed(rule: str):
    with pytest.raises(Nonsense):
        almanac.read(zoned(rule), zone=BERLIN, today=TODAY, opens=True)


def test_a_time_zone_of_the_files_own_counts():
    days = almanac.read(zoned("RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"), zone=BERLIN, today=TODAY, opens=True)
    assert days["2026-12-24"]["spans"] == [["07:00", "10:00"]]


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART:00010101T000000Z|DTEND:00010101T010000Z",
        "DTSTART:99991231T235959Z|DURATION:P1D",
        "DTSTART:20261224T080000|DTEND;VALUE=DATE:20261225",
        "DTSTART;VALUE=DATE:20261224|DTEND:20261225T080000",
        "DTSTART;VALUE=DATE:20261224|DURATION:P99999999999W",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;INTERVAL=-1",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=YEARLY;BYEASTER=0",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;COUNT=99999999999999999999",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=DAILY;UNTIL=99991231",
        "DTSTART;VALUE=DATE:20261224|RRULE:FREQ=WEEKLY;WKST=XX;BYDAY=99MO",
        "DTSTART;VALUE=DATE:20261224|EXRULE:FREQ=SECONDLY",
        "DTSTART;TZID=../../etc/passwd:20261224T080000",
        "DTSTART;TZID=:20261224T080000",
        "DTSTART:20261224T080000|RECURRENCE-ID:nonsense",
        "DTSTART:20261224T080000|RDATE;VALUE=PERIOD:20261224T080000/20261223T080000",
        "DTSTART:20261224T080000|EXDATE:" + ",".join(["20261225T080000"] * 5_000),
        "DTSTART:20261224T080000|RRULE:FREQ=DAILY|EXDATE:" + ",".join(["20261225T080000"] * 5_000),
        "UID:\x00|DTSTART;VALUE=DATE:20261224|SUMMARY:=cmd\x00\x07\u202e",
    ],
)
@pytest.mark.parametrize("opens", [True, False])
def test_strange_events_are_read_or_refused(event: str, opens: bool):
    try:
        days = almanac.read(file(event), zone=ZoneInfo("America/Los_Angeles"), today=TODAY, opens=opens)
    except Nonsense:
        return
    assert all(told["name"].isprintable() for told in days.values())


def test_a_day_of_very_many_events_is_refused():
    events = [f"UID:{number}|DTSTART:20261224T{number:02}0000Z|DTEND:20261224T{number:02}3000Z" for number in range(24)]
    more = [f"UID:{number}x|DTSTART:20261224T{number:02}4000Z|DTEND:20261224T{number:02}5000Z" for number in range(24)]
    with pytest.raises(Nonsense, match="spans"):
        almanac.read(file(*events, *more), zone=BERLIN, today=TODAY, opens=True)


def test_endless_nesting_and_other_encodings_are_refused():
    for content in (b"BEGIN:VCALENDAR\r\n" * 5_000, file(SHORT).decode().encode("utf-16"), gzip.compress(file(SHORT)), b"\x00" * 1000):
        with pytest.raises(Nonsense):
            almanac.read(content, zone=BERLIN, today=TODAY, opens=True)
