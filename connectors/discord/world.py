"""What is known of the bot's servers: channels, threads, roles, people. The gateway tells it; what it has not told is asked for.

After a resumed session nothing is told anew, so a process that has just started knows nothing.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from connectors.discord.api import Api
from connectors.discord.rooms import Room
from connectors.discord.shapes import DIRECT, ROOMS, THREADS, Channel, Guild, Member, Shape, User
from inbox.contract import Author, Permanent

MOST_PEOPLE = 2000
Shaped = TypeVar("Shaped", bound=Shape)


class World:
    """The servers of one bot. `only`: ids of channels, categories and servers that are read; empty: all."""

    def __init__(self, api: Api, me: User, only: Sequence[str]) -> None:
        self._api, self.me, self._only = api, me, frozenset(only)
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self._members: dict[tuple[str, str], Member] = {}
        self._people: dict[str, User] = {}
        self._own_roles: dict[str, frozenset[str]] = {}

    def learn(self, kind: str, told: Any) -> None:
        """Take in an event about servers, channels or threads. Raises ValidationError for what cannot be read."""
        if kind in {"GUILD_CREATE", "GUILD_UPDATE"}:
            self._learn_guild(Guild.model_validate(told))
        elif kind in {"CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"}:
            channel = Channel.model_validate(told)
            self.channels[channel.id] = channel
        elif kind in {"CHANNEL_DELETE", "THREAD_DELETE"}:
            self.channels.pop(Channel.model_validate(told).id, None)
        elif kind == "THREAD_LIST_SYNC":
            found = Guild.model_validate({"id": told.get("guild_id"), "threads": told.get("threads")})
            self._learn_channels(found)
        else:
            self._forget(kind, told)

    def is_wanted(self, room: Room) -> bool:
        """Whether this room is one of those that are read."""
        if not self._only or room.is_direct:
            return True
        category = (room.parent or room.channel).parent_id
        names = {room.channel.id, room.parent.id if room.parent else "", category or "", room.guild.id if room.guild else ""}
        return bool(names & self._only)

    async def room(self, channel_id: str, guild_id: str | None) -> Room:
        """Where something was said."""
        if guild_id is None and channel_id not in self.channels:
            return Room(Channel(id=channel_id, type=1), me=self.me.id)  # what comes without a server is direct
        channel = await self.channel(channel_id)
        guild_id = guild_id or channel.guild_id
        if channel.type in DIRECT or guild_id is None:
            return Room(channel, me=self.me.id)
        parent = await self.channel(channel.parent_id) if channel.type in THREADS and channel.parent_id else None
        return Room(channel, await self._guild(guild_id), parent, self.me.id, await self._roles_of_ours(guild_id))

    async def channel(self, name: str) -> Channel:
        if name not in self.channels:
            self.channels[name] = await self._ask(f"/channels/{name}", Channel(id=name))
        return self.channels[name]

    def readable(self, guild: Guild) -> list[Channel]:
        """The channels and active threads of a server in which people talk."""
        return [channel for channel in self.channels.values() if channel.guild_id == guild.id and channel.type in ROOMS | THREADS]

    async def author(self, user: User, member: Member | None, room: Room, *, is_webhook: bool = False) -> Author:
        """Somebody, with their standing as the event tells it, else as the server does."""
        if member is None and room.guild is not None and not is_webhook:
            member = await self._member(room.guild.id, user.id)
        self._people[user.id] = user
        _forget(self._people)
        return room.author(user, member, is_webhook=is_webhook)

    async def person(self, name: str) -> User:
        """Somebody of whom only the id was told."""
        if name == self.me.id:
            return self.me
        if name not in self._people:
            self._people[name] = await self._ask(f"/users/{name}", User(id=name))
            _forget(self._people)
        return self._people[name]

    def _forget(self, kind: str, told: Any) -> None:
        """What changed is asked for again when it matters: roles, our own ones, or a server that is gone."""
        guild = str(told.get("guild_id") or told.get("id"))
        self._own_roles.pop(guild, None)
        if kind == "GUILD_MEMBER_UPDATE":
            self._members.pop((guild, str(told["user"]["id"])), None)
        else:
            self.guilds.pop(guild, None)

    def _learn_guild(self, guild: Guild) -> None:
        before = self.guilds.get(guild.id)
        self._learn_channels(guild)
        if guild.joined_at is None and before is not None:  # an update does not tell when we came
            guild = guild.model_copy(update={"joined_at": before.joined_at})
        self.guilds[guild.id] = guild.model_copy(update={"channels": (), "threads": (), "members": ()})
        for member in guild.members:
            if member.user is not None and member.user.id == self.me.id:
                self._own_roles[guild.id] = frozenset(member.roles)

    def _learn_channels(self, guild: Guild) -> None:
        for channel in (*guild.channels, *guild.threads):  # they come without the server's id
            self.channels[channel.id] = channel.model_copy(update={"guild_id": guild.id})

    async def _guild(self, name: str) -> Guild:
        if name not in self.guilds:
            self.guilds[name] = await self._ask(f"/guilds/{name}", Guild(id=name))
        return self.guilds[name]

    async def _roles_of_ours(self, guild: str) -> frozenset[str]:
        if guild not in self._own_roles:
            self._own_roles[guild] = frozenset((await self._member(guild, self.me.id)).roles)
        return self._own_roles[guild]

    async def _member(self, guild: str, user: str) -> Member:
        place = (guild, user)
        if place not in self._members:
            self._members[place] = await self._ask(f"/guilds/{guild}/members/{user}", Member())  # nobody: they have left
            _forget(self._members)
        return self._members[place]

    async def _ask(self, path: str, otherwise: Shaped) -> Shaped:
        """What Discord tells of one thing; `otherwise` where it does not."""
        try:
            return type(otherwise).model_validate(await self._api.get(path))
        except (Permanent, ValidationError):
            return otherwise


def _forget(known: dict[Any, Any]) -> None:
    while len(known) > MOST_PEOPLE:
        del known[next(iter(known))]
