"""The rooms in which something is said: channels, threads, forum posts, direct chats; and who speaks there. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.discord.shapes import DIRECT, FORUMS, THREADS, Channel, Guild, Member, User
from inbox.contract import Author, ConversationKind, Post

PAGES = "https://discord.com/channels"
PICTURES = "https://cdn.discordapp.com/avatars"


@dataclass(frozen=True, slots=True)
class Room:
    """Where something is said. `parent`: of a thread, the channel that has it."""

    channel: Channel
    guild: Guild | None = None
    parent: Channel | None = None
    me: str = ""
    own_roles: frozenset[str] = frozenset()  # of ours, there

    @property
    def is_direct(self) -> bool:
        return self.channel.type in DIRECT

    @property
    def is_thread(self) -> bool:
        return self.channel.type in THREADS

    @property
    def is_forum_post(self) -> bool:
        return self.is_thread and self.parent is not None and self.parent.type in FORUMS

    @property
    def kind(self) -> ConversationKind:
        return ConversationKind.DIRECT if self.is_direct else ConversationKind.COMMENTS

    @property
    def thread_id(self) -> str:
        """A thread, a forum post and a direct chat are conversations; what is said in a channel belongs to its author's."""
        return self.channel.id if self.is_direct or self.is_thread else ""

    def post(self) -> Post | None:
        """A forum post is one; else the channel is the room that the conversations hang on."""
        if self.is_direct:
            return None
        if self.is_forum_post:
            return Post(self.channel.id, title=self.channel.name, text=f"#{self.parent.name}" if self.parent else "", url=self.link())
        room = self.parent or self.channel
        return Post(room.id, title=f"#{room.name or room.id}", text=room.topic, url=self._link(room.id), is_room=True)

    def link(self, message: str = "") -> str:
        return self._link(self.channel.id) + (f"/{message}" if message else "")

    def starter(self, message: str) -> str | None:
        """The message in the channel that a thread began with: both have the same id."""
        is_begun_there = self.channel.type in {10, 11} and self.parent is not None and not self.is_forum_post
        return f"{self.parent.id}/{self.channel.id}" if is_begun_there and self.parent and message != self.channel.id else None

    def author(self, user: User, member: Member | None, *, is_webhook: bool = False) -> Author:
        """Somebody, with their standing in the server."""
        roles = tuple(role.name for role in self.guild.roles if role.id in member.roles) if self.guild and member else ()
        kind = ("webhook",) if is_webhook else ("bot",) if user.bot else ()
        owner = ("owner",) if self.guild is not None and self.guild.owner_id == user.id else ()
        return Author(
            id=user.id,
            name=(member and member.nick) or user.global_name or user.username or user.id,
            handle=user.username or None,
            avatar=f"{PICTURES}/{user.id}/{user.avatar}.png" if user.avatar else None,
            is_self=user.id == self.me,
            roles=owner + roles + kind,
        )

    def naming(self, channels: Mapping[str, Channel], people: Mapping[str, str]) -> Callable[[str], str]:
        """How people ("@1"), roles ("&1") and channels ("#1") are called; their ids where nobody knows."""
        roles = {role.id: role.name for role in self.guild.roles} if self.guild else {}

        def name(sign: str) -> str:
            kind, number = sign[0], sign[1:]
            if kind == "#":
                return channels[number].name or number if number in channels else number
            return (roles if kind == "&" else people).get(number, number)

        return name

    def portrait(self) -> dict[str, Any]:
        """What is needed to read something of this room again."""
        shown = {"channel": self.channel, "guild": self.guild and Guild(id=self.guild.id), "parent": self.parent}
        return {name: shape.model_dump(mode="json") for name, shape in shown.items() if shape is not None}

    def _link(self, channel: str) -> str:
        return f"{PAGES}/{self.guild.id if self.guild else '@me'}/{channel}"
