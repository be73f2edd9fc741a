"""Where the reading stands: the session to resume, and the last message of each room for when there is nothing to resume.

Discord's ids tell the time and grow with it (https://docs.discord.com/developers/reference#snowflakes), so one of them stands for a moment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, cast

from connectors.discord.gateway import Session
from inbox.contract import CursorExpired

EPOCH = 1_420_070_400_000  # milliseconds
MARGIN = (5 * 60 * 1000) << 22  # as a difference of ids: what may still come from a server that lags behind
MOST_ROOMS = 200
MOST_DIRECT = 500  # Discord lists a bot's direct messages nowhere: those not remembered here cannot be caught up
MOST_WATCHED = 100
MOST_REACTIONS = 200


@dataclass(slots=True)
class Place:
    """`since`: all before it was read everywhere. `watched`: messages, by room, with the time of their last edit that is known."""

    since: int = 0
    rooms: dict[str, int] = field(default_factory=dict[str, int])
    direct: dict[str, int] = field(default_factory=dict[str, int])
    watched: dict[str, str] = field(default_factory=dict[str, str])
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    session: Session | None = None

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        if cursor is None:
            return cls()
        try:
            told = cast("dict[str, Any]", json.loads(cursor))
            given = told.get("session")
            session = Session(str(given[0]), str(given[1]), int(given[2])) if given else None
            return cls(
                int(told["since"]),
                {str(name): int(last) for name, last in told["rooms"].items()},
                {str(name): int(last) for name, last in told["direct"].items()},
                {str(name): str(known) for name, known in told["watched"].items()},
                {str(name): [str(one) for one in emoji] for name, emoji in told["reactions"].items()},
                session,
            )
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise CursorExpired("The place where reading stopped is not readable.") from None

    def __str__(self) -> str:
        session = [self.session.id, self.session.address, self.session.number] if self.session else None
        told = {"since": self.since, "rooms": self.rooms, "direct": self.direct, "watched": self.watched, "reactions": self.reactions}
        return json.dumps(told | {"session": session}, ensure_ascii=False, separators=(",", ":"))

    @property
    def is_new(self) -> bool:
        return not self.since

    def start(self, room: str) -> int:
        """The id after which a room is to be read: before what is watched there, so that its edits and deletions are found."""
        watched = [int(name.partition("/")[2]) - 1 for name in self.watched if name.startswith(f"{room}/")]
        return min([self.last(room), *watched])

    def last(self, room: str) -> int:
        return self.rooms.get(room) or self.direct.get(room) or self.since

    def reach(self, room: str, message: int, *, is_direct: bool) -> None:
        """This message of the room was read."""
        rooms = self.direct if is_direct else self.rooms
        rooms[room] = max(message, rooms.pop(room, 0))  # the latest at the end
        _forget(rooms, MOST_DIRECT if is_direct else MOST_ROOMS)

    def advance(self) -> None:
        """All rooms are read up to now, by the newest id that is known of."""
        newest = max([*self.rooms.values(), *self.direct.values()], default=0)
        self.since = max(self.since, newest - MARGIN)

    def watch(self, message: str, edited: str) -> None:
        """Look at this message again after a pause."""
        self.watched.pop(message, None)
        self.watched[message] = edited
        _forget(self.watched, MOST_WATCHED)

    def react(self, message: str, user: str, emoji: str) -> None:
        known = self.reactions.pop(f"{message} {user}", [])
        self.reactions[f"{message} {user}"] = [*(one for one in known if one != emoji), emoji]
        _forget(self.reactions, MOST_REACTIONS)

    def unreact(self, message: str, user: str, emoji: str) -> str:
        """What is left of somebody's reactions, the newest, when one is taken away: Discord allows several."""
        left = [one for one in self.reactions.pop(f"{message} {user}", []) if one != emoji]
        if left:
            self.reactions[f"{message} {user}"] = left
        return left[-1] if left else ""

    def reactors(self, message: str, emoji: str = "") -> list[str]:
        """Who is remembered to have reacted."""
        names = [name for name, known in self.reactions.items() if name.startswith(f"{message} ") and (not emoji or emoji in known)]
        return [name.partition(" ")[2] for name in names]


def moment(at: datetime) -> int:
    """The id that a message of this moment would have at least."""
    return max(0, int(at.timestamp() * 1000) - EPOCH) << 22


def _forget(known: dict[str, Any], most: int) -> None:
    while len(known) > most:
        del known[next(iter(known))]


def number(entry: Mapping[str, Any]) -> int:
    """The id of one of Discord's things, 0 where it has none."""
    name = str(entry.get("id"))
    return int(name) if name.isdecimal() else 0
