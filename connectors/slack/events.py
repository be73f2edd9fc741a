"""What the Events API tells, pushed or by Socket Mode (https://docs.slack.dev/apis/events-api/)."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.slack import parse, shapes
from connectors.slack.people import Directory
from connectors.slack.shapes import Channel, Message, User
from inbox.contract import Batch, Event, Rejected

Json = dict[str, Any]
SAYING = {"", "file_share", "me_message", "thread_broadcast", "bot_message", "reply_broadcast"}  # subtypes that are messages


class Passed(Exception):
    """It means nothing here; the reason is counted."""


@dataclass(slots=True)
class Pieces:
    """What becomes a batch."""

    events: list[Event] = field(default_factory=list[Event])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    passed: Counter[str] = field(default_factory=Counter[str])

    def take(self, payload: Json, known: Directory, now: datetime) -> None:
        """Read one callback: what cannot be read is kept, what means nothing is counted."""
        try:
            self.events.append(read(payload, known, now))
        except Passed as passed:
            self.passed[str(passed)] += 1
        except (ValueError, OverflowError, OSError) as error:  # ValidationError too; times beyond what a calendar has
            self.rejected.append(Rejected(json.dumps(payload).encode(), reason(error)))

    def batch(self, cursor: str | None = None, *, gap: bool = False) -> Batch:
        return Batch(self.events, cursor, gap, self.rejected, dict(self.passed))


def read(payload: Json, known: Directory, now: datetime) -> Event:
    """The event of a callback. Raises `Passed` for what is none."""
    told: Any = payload.get("event")
    if not isinstance(told, dict):
        raise Passed(f"callback {payload.get('type')}")
    event, kind = cast("Json", told), str(cast("Json", told).get("type"))
    if kind in {"message", "app_mention"}:
        return _message(event, known, _moment(payload, event, now))
    if kind in {"reaction_added", "reaction_removed"}:
        return _reaction(payload, event, known, now)
    _learn(event, kind, known)
    raise Passed(f"event {kind}")


def wrapped(entry: Json, channel: str) -> Json:
    """A message of a history, as a callback would tell it."""
    return {"type": "event_callback", "event": {"type": "message", **entry, "channel": channel}}


def people(payload: Json) -> list[str]:
    """Ids of those whose names are needed to show a callback."""
    told: Any = payload.get("event")
    event: Json = cast("Json", told) if isinstance(told, dict) else {}
    inner: Any = event.get("message")
    return parse.people(cast("Json", inner) if isinstance(inner, dict) else event)


def account(payload: Json) -> str:
    """The user id of the bot that a callback is for; "" where it does not tell (old ones named all who might see it)."""
    given: Any = payload.get("authorizations")
    for entry in cast("list[Any]", given) if isinstance(given, list) else []:
        if isinstance(entry, dict) and cast("Json", entry).get("is_bot"):
            return str(cast("Json", entry).get("user_id") or "")
    return ""


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: it cannot be read."
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def parsed(raw: bytes) -> Json | None:
    try:
        found: Any = json.loads(raw.decode())
    except (ValueError, RecursionError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def _message(event: Json, known: Directory, now: datetime) -> Event:
    subtype, channel, channel_type = str(event.get("subtype") or ""), _text(event, "channel"), str(event.get("channel_type") or "")
    if subtype == "message_deleted":
        return parse.deletion(channel, _text(event, "deleted_ts"), now, event)
    if subtype == "message_changed":
        return _change(event, channel, channel_type, known, now)
    if subtype not in SAYING or event.get("hidden"):
        raise Passed(f"message {subtype or 'hidden'}")
    return parse.message(Message.model_validate(event), channel, channel_type, known, event)


def _change(event: Json, channel: str, channel_type: str, known: Directory, now: datetime) -> Event:
    """An edit, unless only Slack has changed something: a preview of a link, the number of answers.

    A message with answers stays when it is deleted, as a tombstone.
    """
    told = Message.model_validate(event.get("message"))
    before: Any = event.get("previous_message")
    last: Any = cast("Json", before).get("edited") if isinstance(before, dict) else None
    if told.subtype == "tombstone":
        return parse.deletion(channel, told.ts, now, event)
    if told.edited is None or (isinstance(last, dict) and cast("Json", last).get("ts") == told.edited.ts):
        raise Passed("message_changed without new words")
    return parse.edit(told, channel, channel_type, known, event, told.edited)


def _reaction(payload: Json, event: Json, known: Directory, now: datetime) -> Event:
    """https://docs.slack.dev/reference/events/reaction_added"""
    given: Any = event.get("item")
    item: Json = cast("Json", given) if isinstance(given, dict) else {}
    if item.get("type") != "message":
        raise Passed(f"a reaction to a {item.get('type')}")
    channel, stamp = _text(item, "channel"), _text(item, "ts")
    shapes.time(stamp)
    name = _text(event, "reaction") if event.get("type") == "reaction_added" else ""
    event_id = str(payload.get("event_id") or event.get("event_ts") or "") or f"{_text(event, 'user')}:{event.get('reaction')}:{name}"
    return parse.reaction(channel, stamp, name, _text(event, "user"), known, _moment(payload, event, now), event_id, event)


def _learn(event: Json, kind: str, known: Directory) -> None:
    """Names that have changed (https://docs.slack.dev/reference/events/user_change, /channel_rename)."""
    try:
        if kind in {"user_change", "user_profile_changed", "team_join"}:
            known.learn(User.model_validate(event.get("user")))
        elif kind in {"channel_rename", "group_rename"}:
            renamed = Channel.model_validate(event.get("channel"))
            known.channels[renamed.id] = renamed
    except ValidationError:  # names are asked for when they are needed
        return


def _moment(payload: Json, event: Json, now: datetime) -> datetime:
    """When it happened; the message's own time is another matter."""
    stamp: Any = event.get("event_ts") or (event.get("ts") if event.get("subtype") in {"message_deleted", "message_changed"} else None)
    try:
        return shapes.time(stamp) if isinstance(stamp, str) else datetime.fromtimestamp(int(payload["event_time"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return now


def _text(given: Json, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(name)
    return value
