"""Nonsense: what is asked for promptness in order, and what stands in the place of its parts."""

from collections.abc import Iterator, Mapping
from typing import Any

HOURS = {"tz": "Europe/Berlin", "hours": {"mon": [["09:00", "17:00"]]}, "dates": {"2026-12-24": []}, "names": {"2026-12-24": "Eve"}}
CALENDAR = {"name": "Office", "definition": {**HOURS, "holidays": ["DE-SH"]}}
POLICY = {"name": "Usual", "targets": {"first": {"normal": 600}}, "conditions": {"kind": ["direct"], "tier": ["gold"]}, "calendar_id": 1}
STEP = {"when": "after", "amount": 60, "to": ["assignee", "member:1"], "by": ["app"], "then": {"priority": "high", "assign": "team:1"}}
DRAFT = {"id": 1, "name": "Usual", "conditions": {"channel": [1]}, "targets": {"first": {"normal": 60}}, "calendar": HOURS}
MANY = ["DE", "DE-SH", "DE-HH", "DE-BY", "AT", "FR", "IT", "ES", "PL", "CZ", "DK"]
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "/calendars"): CALENDAR,
    ("PATCH", "/calendars/{calendar_id}"): {**CALENDAR, "valid_from": "2027-01-01T00:00:00Z", "since_ever": True, "revision": 1},
    ("POST", "/calendars/{calendar_id}/sources"): {"name": "Holidays", "url": "https://example.org/a.ics", "content": None, "opens": True},
    ("POST", "/policies"): POLICY,
    ("PATCH", "/policies/{policy_id}"): {**POLICY, "is_on": True, "revision": 1},
    ("PUT", "/policies/order"): {"policy_ids": [1, 2]},
    ("PUT", "/policies/{policy_id}/alerts"): {"steps": [STEP]},
    ("PUT", "/alerts/{alert_id}/snooze"): {"until": "2026-03-02T10:00:00Z"},
    ("POST", "/metrics/what-if"): {"days": 7, "policies": [DRAFT], "calendars": {"1": HOURS}, "limit": 5, "cursor": 1},
}
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    10**30,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "\x00",
    "‮🏴",
    "9" * 5000,
    "=cmd|' /C calc'!A0",
    "{}",
    "%s{0}{who}",
    "2026-13-45T99:99:99Z",
    "0000-01-01",
    "9999-12-31",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-03-02T10:00:00",
    "../../etc/passwd",
    "HolidayBase",
    "country_holidays",
    "24:00",
    [],
    [None],
    [[]],
    [{}],
    ["x"],
    {},
    {"x": None},
    {"": {}},
    {"\ud800": 1},
    [["00:00", "24:00"]] * 10_000,
)
QUERY = (
    "",
    "x",
    "-1",
    "0",
    "1",
    "99999999999999999999999",
    "nan",
    "inf",
    "1e400",
    "%00",
    "\x00",
    "‮",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-03-02T10:00:00",
    "2026-03-02T10:00:00Z",
    "2026-02-01",
    "Europe/Berlin",
    "../../etc/passwd",
    "--5.3",
    "5.--3",
    "٣.٣",
    "zz",
    "first",
    "member",
    "named",
)
FORMS = {
    "settings/hours/new": {
        "name": "A",
        "tz": "UTC",
        "week": ["09:00-17:00"] * 7,
        "date_day": ["2026-12-24"],
        "date_hours": [""],
        "date_name": ["Eve"],
        "country": ["DE"],
        "region": ["SH"],
        "start": "now",
        "start_at": "",
        "act": "save",
    },
    "settings/hours/1": {
        "name": "A",
        "tz": "UTC",
        "week": ["09:00-17:00"] * 7,
        "date_day": ["2026-12-24"],
        "date_hours": [""],
        "date_name": ["Eve"],
        "country": ["DE"],
        "region": ["SH"],
        "start": "later",
        "start_at": "2026-12-24T10:00",
        "revision": "1",
        "act": "preview",
    },
    "settings/hours/1/feeds": {"name": "A", "url": "https://example.org/a.ics", "opens": "1"},
    "settings/policies/new": {
        "name": "B",
        "is_on": "1",
        "channel": ["1"],
        "kind": ["direct"],
        "label": ["1"],
        "team": ["1"],
        "priority": ["high"],
        "tier": ["gold"],
        "amounts": ["15 min"] * 12,
        "calendar_id": "1",
    },
    "settings/policies/1": {"name": "B", "is_on": "1", "kind": ["direct"], "amounts": ["15 min"] * 12, "calendar_id": "1", "revision": "1"},
    "settings/policies/1/place": {"by": "1"},
    "settings/policies/1/switch": {"on": "1"},
    "settings/alerts/policies/1": {
        "when_0": "after",
        "amount_0": "5",
        "to_0": ["assignee"],
        "by_0": ["app"],
        "priority_0": "high",
        "assign_0": "nobody",
    },
    "settings/alerts/on-call": {"on_call": "member:1", "rota": ["1", "1"]},
    "settings/alerts/ways": {"webhook_url": "https://example.org/x", "apprise_urls": "ntfys://example.org/x", "storm_limit": "5"},
    "settings/notifications": {"mail": "1", "timezone": "UTC", "quiet_from": "22:00", "quiet_until": "06:00", "digest_at": "08:00"},
    "alerts/1/snooze": {"minutes": "10"},
    "metrics/schedules": {"rhythm": "weekly", "members": ["1"]},
}
WRITTEN = (
    "",
    "x",
    "-1",
    "0",
    "99999999999999999999999",
    "nan",
    "inf",
    "1e400",
    "\x00",
    "‮🏴",
    "9" * 5000,
    "0000-01-01",
    "9999-12-31",
    "9999-12-31T23:59",
    "0001-01-01T00:00",
    "2026-12-24T10:00+14:00",
    "https://[",
    "https://x:99999/",
    "https://\x00/",
    "http://[::1",
    "../../etc/passwd",
    "HolidayBase",
    "24:00-24:00",
    "09:00-08:00-07:00",
    "member:x",
    "team:",
    "٣",
    "{0}",
    "%s",
    "1e9 d",
    "99999999999 d",
    "later",
    "ever",
    "preview",
)
PAGES = (
    "metrics",
    "metrics/report",
    "metrics/me",
    "metrics/waits",
    "metrics/posts",
    "metrics.csv",
    "metrics/waits.csv",
    "metrics/waits.parquet",
    "metrics/resolution",
    "metrics/resolution.csv",
    "metrics/staffing",
    "metrics/what-if",
    "metrics/forecast",
    "metrics/schedules",
    "wallboard",
    "alerts",
)
ASKED = (
    "days",
    "metric",
    "within",
    "by",
    "cohort",
    "channel",
    "team",
    "member",
    "label",
    "policy",
    "post",
    "priority",
    "kind",
    "state",
    "cursor",
    "weekday",
    "start",
    "end",
    "tried",
    "calendar",
    "other_hours",
    "after",
    "first_normal",
    "mon",
)


def places(given: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value of a document, and its keys."""
    yield at
    if isinstance(given, dict):
        for key, value in given.items():
            yield from places(value, (*at, key))
    elif isinstance(given, list):
        for place, value in enumerate(given):
            yield from places(value, (*at, place))


def spoiled(given: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The document with another value there."""
    if not at:
        return value
    copy = dict(given) if isinstance(given, dict) else list(given)
    copy[at[0]] = spoiled(given[at[0]], at[1:], value)
    return copy
