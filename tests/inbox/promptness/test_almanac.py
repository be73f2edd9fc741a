"""What iCalendar files say about days, however they are written."""

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
