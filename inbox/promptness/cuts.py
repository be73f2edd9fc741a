"""Who had a wait when: its length, cut wherever the conversation changed hands or the answer went its way (docs/promptness.md).

A wait's segments follow from the log and from nothing else, add up to its length by the wall clock and in business time, and are written
with the wait when it ends; those of an open wait are cut when somebody asks.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any

from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.columns import Numbers
from inbox.db import Row
from inbox.promptness import strands

Elapsed = Callable[[datetime, datetime], float]


class Kind(StrEnum):
    """What a stretch of a wait was spent on."""

    UNASSIGNED = "unassigned"
    OWNER = "owner"  # of a member, a team or both
    UNDO = "undo"  # the answer is written, and can be taken back, or waits for its time
    DELIVERY = "delivery"  # from our handing it over until the platform took it


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a wait: seconds by the wall clock, and by the hours that count for the wait; exact to the microsecond."""

    kind: Kind
    member: int | None
    team: int | None
    began: datetime
    seconds: float
    business: float


@dataclass(frozen=True, slots=True)
class Owner:
    member: int | None = None
    team: int | None = None


@dataclass(slots=True)
class Story:
    """What the log says of a conversation: who owned it from when on (`first` before that), and how replies went their way."""

    first: Owner = Owner()
    owned: list[tuple[datetime, Owner]] = field(default_factory=list[tuple[datetime, Owner]])
    leaving: dict[int, list[tuple[datetime, str]]] = field(
        default_factory=dict[int, list[tuple[datetime, str]]]
    )  # by message: kinds of events


STORIES = """
    SELECT conversation_id, kind, at, data FROM event
     WHERE conversation_id = ANY(%b::bigint[])
       AND (kind IN ('conversation.assigned', 'conversation.divided')
            OR kind IN ('reply.queued', 'reply.sending', 'reply.failed') AND (data->>'message')::bigint = ANY(%b::bigint[]))
     ORDER BY id
"""
LEAVING = frozenset(("reply.queued", "reply.sending", "reply.failed"))
OWNING = frozenset(("conversation.assigned", strands.DIVIDED))


async def stories(
    session: AsyncSession, connection: AsyncConnection[Row], owners: Mapping[int, Owner], replies: Collection[int]
) -> dict[tuple[int, int], Story]:
    """What happened in these conversations, and in all that went into them, each as those have it who waited in it first.

    By conversation, and which of those that went into it; itself is one of them (`told`).

    `owners`: who has each now; `replies`: the messages whose way is asked for.
    """
    flow = await strands.read(await connection.execute(strands.FLOWING, (Numbers(sorted(owners)),)))
    joinings = [joining for root in flow.joinings.values() for joining in root]
    now = {**owners, **{joining.id: Owner(joining.assignee_id, joining.team_id) for joining in joinings}}
    every = sorted({*owners, *flow.others(owners)})
    found = await connection.execute(STORIES, (Numbers(every), Numbers(sorted(replies))))
    log: list[Row] = [*await found.fetchall(), *_recorded(session, every, replies)]
    owned: dict[int, list[Row]] = defaultdict(list)
    for row in log:
        if row[1] in OWNING:
            owned[row[0]].append(row)
    leaving = [row for row in log if row[1] in LEAVING]  # a reply's way may have begun in another one
    known = {name: story((row[1:] for row in (*flow.log(name, owned), *leaving)), now=owner) for name, owner in now.items()}
    for joining in reversed(joinings):  # what went last is the nearest
        _go_on(known[joining.id], known[joining.into], joining.at)
    parts = {root: [root, *(joining.id for joining in flow.joinings.get(root, ()))] for root in owners}
    return {(root, name): known[name] for root, names in parts.items() for name in names}


def told(stories: Mapping[tuple[int, int], Story], conversation_id: int, strand: int | None) -> Story:
    """The story of who waited in a conversation since a message of this strand; its own, where that is not, or no more, part of it."""
    return stories.get((conversation_id, strand or conversation_id)) or stories[conversation_id, conversation_id]


def _go_on(story: Story, into: Story, at: datetime) -> None:
    """Let a conversation's story go on as that of the one into which it went."""
    had = next((owner for moment, owner in reversed(into.owned) if moment <= at), into.first)
    later = [change for change in into.owned if change[0] > at]
    story.owned = [*(change for change in story.owned if change[0] < at), (at, had), *later]


def story(log: Iterable[Row], *, now: Owner) -> Story:
    """Read lines of the log: kind, time and data. `now`: who has the conversation, and had it always where the log knows of no change."""
    told = Story(first=now)
    for kind, at, data in sorted(log, key=itemgetter(1)):
        if kind == "conversation.assigned":
            if not told.owned:
                told.first = before(data)
            told.owned.append((at, Owner(data.get("assignee"), data.get("team"))))
        elif kind in LEAVING:
            told.leaving.setdefault(data["message"], []).append((at, kind))
    return told


def before(data: Mapping[str, Any]) -> Owner:
    """Who had the conversation before it was assigned, as the event says."""
    had = data.get("before")
    if isinstance(had, Mapping):
        return Owner(had.get("assignee"), had.get("team"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # our own event
    return Owner(had, data.get("team"))  # the member was removed


def cut(story: Story, opened_at: datetime, until: datetime, elapsed: Elapsed, *, reply_id: int | None = None) -> list[Segment]:
    """The segments of a wait, in order, without gaps: at least one, though it have no length. `reply_id`: the answer that ended it."""
    until = max(opened_at, until)  # an answer that the platform dates before the question took no time
    changes: list[tuple[datetime, Owner | str]] = [*story.owned, *story.leaving.get(reply_id or 0, ())]
    changes.sort(key=itemgetter(0))
    owner, way = story.first, None
    places: list[tuple[datetime, Kind, Owner]] = []
    for at, change in [(opened_at, None), *((at, change) for at, change in changes if at < until)]:
        if isinstance(change, Owner):
            owner = change
        elif change is not None:
            way = _next(way, change)
        kind = way or (Kind.UNASSIGNED if owner == Owner() else Kind.OWNER)
        begun = max(at, opened_at)
        while places and places[-1][0] == begun:  # what lasted no time, or was over before the wait began
            places.pop()
        if not places or places[-1][1:] != (kind, owner):
            places.append((begun, kind, owner))
    return _measured(places, until, elapsed)


def _next(way: Kind | None, event: str) -> Kind | None:
    """Where a reply is after an event: what is put back once it was handed over is still being delivered; what failed is its owner's."""
    if event == "reply.sending":
        return Kind.DELIVERY
    if event == "reply.failed":
        return None
    return way or Kind.UNDO


def _measured(places: Sequence[tuple[datetime, Kind, Owner]], until: datetime, elapsed: Elapsed) -> list[Segment]:
    ends = [*(begun for begun, _, _ in places[1:]), until]
    return [
        Segment(kind, owner.member, owner.team, begun, (end - begun).total_seconds(), round(elapsed(begun, end), 6))
        for (begun, kind, owner), end in zip(places, ends, strict=True)
    ]


def dumped(segments: Sequence[Segment]) -> str:
    """As they are kept with the wait."""
    return json.dumps(
        [
            {
                "kind": one.kind.value, "member": one.member, "team": one.team, "began": one.began.isoformat(),
                "seconds": one.seconds, "business": one.business,
            }
            for one in segments
        ]
    )  # fmt: skip


def loaded(kept: Sequence[Mapping[str, Any]]) -> list[Segment]:
    """What `dumped` wrote."""
    return [
        Segment(Kind(one["kind"]), one["member"], one["team"], datetime.fromisoformat(one["began"]), one["seconds"], one["business"])
        for one in kept
    ]


def _recorded(session: AsyncSession, conversations: Collection[int], replies: Collection[int]) -> list[Row]:
    """What this transaction has recorded and not yet written."""
    return [
        (event.conversation_id, event.kind, event.at, event.data)
        for event in events.recorded(session)
        if event.conversation_id in conversations and (event.kind in OWNING or (event.kind in LEAVING and event.data["message"] in replies))
    ]
