"""One look at the account: /sync, and the pages that it left out.

https://spec.matrix.org/v1.15/client-server-api/#syncing
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.matrix.config import MatrixConfig
from connectors.matrix.homeserver import LONG_POLL, Homeserver, Json, Refusal, escape
from connectors.matrix.place import Place
from connectors.matrix.rooms import Room, Rooms, as_dict, as_list, as_text
from inbox.contract import CursorExpired

STATE = [
    "m.room.name",
    "m.room.topic",
    "m.room.canonical_alias",
    "m.room.encryption",
    "m.room.power_levels",
    "m.room.create",
    "m.room.member",
]
AT_ONCE = 50  # events of one room in one answer
PAGE = 100
MOST_PAGES = 200  # of one room: beyond that a gap is shown
BEFORE_JOINING = 3  # pages that are looked through for our invitation


@dataclass(slots=True)
class News:
    """What one look has brought, each room's events oldest first."""

    events: list[tuple[Room, Json]] = field(default_factory=list[tuple[Room, Json]])
    receipts: list[tuple[Room, Json]] = field(default_factory=list[tuple[Room, Json]])
    invitations: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])  # room, and who invites
    gap: bool = False


async def look(homeserver: Homeserver, config: MatrixConfig, place: Place, rooms: Rooms, *, first: bool) -> tuple[News, str]:
    """What is new since the place, as soon as there is something, and the place after it.

    `first`: nothing is known of the rooms yet, so all of their state comes along and nobody waits.
    """
    limit = AT_ONCE if place.since else config.history
    params = {"filter": _filter(limit), "timeout": "0" if first else str(int(LONG_POLL * 1000))}
    if place.since:
        params |= {"since": place.since} | ({"full_state": "true"} if first else {})
    try:
        answer = await homeserver.get("/sync", params, poll=LONG_POLL)
    except Refusal as error:
        if place.since and error.status == 400:
            raise CursorExpired("The homeserver no longer knows the place we stopped at.") from None
        raise
    for event in as_list(as_dict(answer.get("account_data")).get("events")):
        if as_dict(event).get("type") == "m.direct":
            rooms.list_direct(as_dict(as_dict(event).get("content")))
    news, groups = News(), as_dict(answer.get("rooms"))
    for group in ("join", "leave"):
        for room_id, told in as_dict(groups.get(group)).items():
            await _read_room(homeserver, place, rooms, room_id, as_dict(told), news)
    for room_id, told in as_dict(groups.get("invite")).items():
        events = as_list(as_dict(as_dict(told).get("invite_state")).get("events"))
        rooms.learn(room_id, events)
        inviter = next((as_text(as_dict(event).get("sender")) for event in events if _is_membership(event, rooms.me, "invite")), "")
        news.invitations.append((room_id, inviter))
    return news, as_text(answer.get("next_batch")) or place.since


def _filter(limit: int) -> str:
    return json.dumps(
        {
            "presence": {"not_types": ["*"]},
            "account_data": {"types": ["m.direct"]},
            "room": {
                "account_data": {"not_types": ["*"]},
                "ephemeral": {"types": ["m.receipt"]},
                "state": {"types": STATE, "lazy_load_members": True},
                "timeline": {"limit": limit, "lazy_load_members": True},
            },
        }
    )


async def _read_room(homeserver: Homeserver, place: Place, rooms: Rooms, room_id: str, told: Json, news: News) -> None:
    room, timeline = rooms.room(room_id), as_dict(told.get("timeline"))
    rooms.learn(room_id, as_list(as_dict(told.get("state")).get("events")))
    room.count(as_dict(told.get("summary")))
    events = [as_dict(event) for event in as_list(timeline.get("events"))]
    if timeline.get("limited") is True and place.since:
        older, gap = await _left_out(homeserver, rooms, room_id, place.since, timeline, events)
        events, news.gap = older + events, news.gap or gap
    rooms.learn(room_id, (event for event in events if "state_key" in event))
    news.events += [(room, event) for event in events]
    news.receipts += [(room, as_dict(event)) for event in as_list(as_dict(told.get("ephemeral")).get("events"))]


async def _left_out(
    homeserver: Homeserver, rooms: Rooms, room_id: str, since: str, timeline: Json, events: list[Json]
) -> tuple[list[Json], bool]:
    """The events between the place and the newest few, oldest first, and whether some stay unknown.

    A room that we have just joined was left out from its beginning: of that, what was said since we were invited is ours to answer.
    """
    start, joined = as_text(timeline.get("prev_batch")), any(_is_joining(event, rooms.me) for event in events)
    pages, gap = await _page_back(homeserver, rooms, room_id, start, "" if joined else since, BEFORE_JOINING if joined else MOST_PAGES)
    known = {as_text(event.get("event_id")) for event in events}
    older = [event for event in reversed(pages) if as_text(event.get("event_id")) not in known]
    invited = _last(older, lambda event: _is_membership(event, rooms.me, "invite"))
    if joined:
        return (older[invited:] if invited >= 0 else []), False
    joining = _last(older, lambda event: _is_joining(event, rooms.me))
    return (older[invited if invited >= 0 else joining :] if joining >= 0 else older), gap


async def _page_back(homeserver: Homeserver, rooms: Rooms, room_id: str, start: str, until: str, most: int) -> tuple[list[Json], bool]:
    """Newest first; whether the pages ended before the place was reached."""
    pages: list[Json] = []
    where = start
    for _ in range(most):
        if not where:
            return pages, not start
        params = {"from": where, "dir": "b", "limit": str(PAGE), "filter": '{"lazy_load_members":true}'} | ({"to": until} if until else {})
        try:
            answer = await homeserver.get(f"/rooms/{escape(room_id)}/messages", params)
        except Refusal:  # we were put out of the room meanwhile: the rest is not ours to read
            return pages, True
        chunk = [as_dict(event) for event in as_list(answer.get("chunk"))]
        rooms.learn(room_id, as_list(answer.get("state")))
        pages += chunk
        end = as_text(answer.get("end"))
        where = end if chunk and end != where else ""
    return pages, True


def _is_membership(event: Any, me: str, membership: str) -> bool:
    told = as_dict(event)
    is_ours = told.get("type") == "m.room.member" and told.get("state_key") == me
    return is_ours and as_dict(told.get("content")).get("membership") == membership


def _is_joining(event: Mapping[str, Any], me: str) -> bool:
    """Whether this is our own way in; a new name of ours looks the same, but for what was before."""
    before = as_dict(as_dict(event.get("unsigned")).get("prev_content"))
    return _is_membership(event, me, "join") and before.get("membership") != "join"


def _last(events: list[Json], matches: Callable[[Json], bool]) -> int:
    return next((number for number in range(len(events) - 1, -1, -1) if matches(events[number])), -1)
