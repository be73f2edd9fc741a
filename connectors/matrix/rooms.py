"""What is known about the account's rooms: names, kinds, members and their standing, from state events.

https://spec.matrix.org/v1.15/client-server-api/#room-events
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from inbox.contract import Author, ConversationKind, Post

ADMIN, MODERATOR = 100, 50  # the power levels that clients give names to
CREATORS_RULE = 12  # from this room version on, creators have no level: they may do everything


def as_dict(value: Any) -> dict[str, Any]:
    """Anybody's JSON where an object should be."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


@dataclass(slots=True)
class Room:
    """One room. `said_direct`: the invitation called it a direct chat; `listed_direct`: the account's own list does."""

    id: str
    name: str = ""
    topic: str = ""
    alias: str = ""
    said_direct: bool = False
    listed_direct: bool = False
    is_encrypted: bool = False
    members: int | None = None  # joined and invited
    names: dict[str, str] = field(default_factory=dict[str, str])  # by person, of those who were met
    levels: dict[str, Any] = field(default_factory=dict[str, Any])
    creators: frozenset[str] = frozenset()

    @property
    def is_direct(self) -> bool:
        """A chat of two people without a name is one, though nobody has said so."""
        return self.listed_direct or self.said_direct or (self.members is not None and self.members <= 2 and not (self.name or self.alias))

    @property
    def kind(self) -> ConversationKind:
        return ConversationKind.DIRECT if self.is_direct else ConversationKind.COMMENTS

    def post(self) -> Post | None:
        """The room as what its conversations hang on; a direct chat hangs on nothing."""
        if self.is_direct:
            return None
        return Post(self.id, title=self.name or self.alias or self.id, text=self.topic, url=link(self.alias or self.id), is_room=True)

    def author(self, user: str, me: str) -> Author:
        roles = () if self.is_direct else self._roles(user)  # whoever opens a chat with us is the admin of that room
        return Author(id=user, name=self.names.get(user) or local(user), handle=user, is_self=user == me, roles=roles)

    def _roles(self, user: str) -> tuple[str, ...]:
        if user in self.creators:
            return ("creator", "admin", "moderator")
        levels = as_dict(self.levels.get("users"))
        level = levels.get(user, self.levels.get("users_default", 0))
        if not isinstance(level, int):
            return ()
        named = ("admin",) * (level >= ADMIN) + ("moderator",) * (level >= MODERATOR)
        return (*named, f"power {level}") if level else ()

    def learn(self, event: Mapping[str, Any], me: str) -> None:
        """Take in a state event; what does not look like one changes nothing."""
        content, kind, key = as_dict(event.get("content")), event.get("type"), event.get("state_key")
        if not isinstance(key, str):
            return
        if kind == "m.room.member":
            self._meet(key, content, event, me)
        elif kind == "m.room.name":
            self.name = as_text(content.get("name"))
        elif kind == "m.room.topic":
            self.topic = as_text(content.get("topic"))
        elif kind == "m.room.canonical_alias":
            self.alias = as_text(content.get("alias"))
        elif kind == "m.room.encryption":
            self.is_encrypted = bool(content.get("algorithm"))
        elif kind == "m.room.power_levels":
            self.levels = content
        elif kind == "m.room.create":
            self._create(content, as_text(event.get("sender")))

    def _meet(self, user: str, content: Mapping[str, Any], event: Mapping[str, Any], me: str) -> None:
        self.names[user] = as_text(content.get("displayname")) or self.names.get(user, "")
        if user == me:
            before = as_dict(as_dict(event.get("unsigned")).get("prev_content"))
            self.said_direct = self.said_direct or content.get("is_direct") is True or before.get("is_direct") is True

    def _create(self, content: Mapping[str, Any], sender: str) -> None:
        version = as_text(content.get("room_version"))
        if version.isdigit() and int(version) >= CREATORS_RULE:
            others = (as_text(user) for user in as_list(content.get("additional_creators")))
            self.creators = frozenset({sender, *others})

    def count(self, summary: Mapping[str, Any]) -> None:
        """How many people there are, where the homeserver tells it."""
        joined, invited = summary.get("m.joined_member_count"), summary.get("m.invited_member_count")
        if isinstance(joined, int):
            self.members = joined + (invited if isinstance(invited, int) else 0)


class Rooms:
    """The rooms that this stream has met."""

    def __init__(self, me: str) -> None:
        self.me = me
        self._rooms: dict[str, Room] = {}
        self._direct: frozenset[str] = frozenset()

    def room(self, room_id: str) -> Room:
        found = self._rooms.get(room_id)
        if found is None:
            found = self._rooms[room_id] = Room(room_id, listed_direct=room_id in self._direct)
        return found

    def learn(self, room_id: str, events: Iterable[Any]) -> None:
        room = self.room(room_id)
        for event in events:
            room.learn(as_dict(event), self.me)

    def list_direct(self, content: Mapping[str, Any]) -> None:
        """The account's own list of direct chats: people, and the rooms of each."""
        self._direct = frozenset(as_text(room) for rooms in content.values() for room in as_list(rooms))
        for room in self._rooms.values():
            room.listed_direct = room.id in self._direct


def link(*parts: str) -> str:
    """A permanent link that opens in the client of whoever follows it."""
    return "https://matrix.to/#/" + "/".join(parts)


def local(user: str) -> str:
    return user.removeprefix("@").partition(":")[0] or user
