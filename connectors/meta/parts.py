"""A notification taken apart, so that no part of it takes another along.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications: entries for several accounts, each with
`changes`, or with direct messages as `messaging`, or as `standby` while another app answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from connectors.meta.shapes import Json, dumped, moment
from inbox.contract import Rejected

SEVERAL = ("messages", "statuses", "message_echoes")
CONTENT = {"changes", "messaging", "standby", "field", "value"}
STRANGE = "It is not what Meta's documents say."


@dataclass(frozen=True, slots=True)
class Part:
    """One thing of a notification. `field`: what it is about; `raw`: a whole notification with only this in it, to be read again."""

    entry_id: str
    field: str
    value: Any
    at: datetime
    raw: Json


def split(told: Json, received_at: datetime) -> Iterator[Part | Rejected | str]:
    """The parts; what is none, to be kept; and a word where nothing is told."""
    if "values" in told:
        yield from _without_entries(told, received_at)
        return
    if not isinstance(told.get("entry"), list):
        yield Rejected(dumped(told), "The notification has no entries.")
        return
    entries: list[Any] = told["entry"]
    for entry in entries:
        if isinstance(entry, dict):
            found = list(_entry(told, cast("Json", entry), received_at))
            yield from found or ("an entry without changes",)
        else:
            yield Rejected(dumped({**told, "entry": [entry]}), STRANGE)
    if not entries:
        yield "a notification without entries"


def _entry(told: Json, entry: Json, received_at: datetime) -> Iterator[Part | Rejected]:
    """Instagram tells some changes without a list around them."""
    shell = {name: value for name, value in entry.items() if name not in CONTENT}
    name, at = str(entry.get("id", "")), _time(entry, received_at)
    own = [{"field": entry["field"], "value": entry.get("value")}] if "field" in entry else []
    for change in [*_listed(entry, "changes"), *own]:
        yield from _change(told, shell, change, name, at)
    for box in ("messaging", "standby"):
        for item in _listed(entry, box):
            yield Part(name, "messaging", item, at, {**told, "entry": [{**shell, box: [item]}]})


def _change(told: Json, shell: Json, change: Any, name: str, at: datetime) -> Iterator[Part | Rejected]:
    if not isinstance(change, dict) or "field" not in change:
        yield Rejected(dumped({**told, "entry": [{**shell, "changes": [change]}]}), STRANGE)
        return
    given = cast("Json", change)
    for value in _apart(given.get("value")):
        raw = {**told, "entry": [{**shell, "changes": [{**given, "value": value}]}]}
        yield Part(name, str(given["field"]), value, at, raw)


def _without_entries(told: Json, received_at: datetime) -> Iterator[Part | Rejected | str]:
    """Threads tells one thing at a time (https://developers.facebook.com/docs/threads/webhooks#notification-formats)."""
    at = _time(told, received_at)
    changes = _listed(told, "values")
    for change in changes:
        raw = {**told, "values": change}
        if isinstance(change, dict) and "field" in change:
            given = cast("Json", change)
            yield Part(str(told.get("target_id", "")), str(given["field"]), given.get("value"), at, raw)
        else:
            yield Rejected(dumped(raw), STRANGE)
    if not changes:
        yield "a notification without values"


def _apart(value: Any) -> Iterator[Any]:
    """WhatsApp tells several messages and statuses in one change."""
    given = cast("Json", value) if isinstance(value, dict) else {}
    lists: dict[str, list[Any]] = {name: given[name] for name in SEVERAL if isinstance(given.get(name), list)}
    if not any(lists.values()):
        yield value
        return
    shell = {name: about for name, about in given.items() if name not in lists}
    for name, things in lists.items():
        yield from ({**shell, name: [thing]} for thing in things)


def _listed(inside: Json, name: str) -> list[Any]:
    found: Any = inside.get(name)
    return cast("list[Any]", found) if isinstance(found, list) else [found] if found else []


def _time(entry: Json, received_at: datetime) -> datetime:
    try:
        return moment(entry["time"])
    except (KeyError, ValueError, TypeError, OverflowError, OSError):
        return received_at
