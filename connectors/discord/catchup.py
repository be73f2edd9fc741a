"""What was said while there was no session: each room from its last message on, by REST.

https://docs.discord.com/developers/resources/message#get-channel-messages; edits and deletions of the latest messages are found by looking
at them again. Threads that were archived meanwhile are listed by their channels.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, cast

from pydantic import ValidationError

from connectors.discord import parse
from connectors.discord.api import Api
from connectors.discord.place import MARGIN, moment, number
from connectors.discord.reading import Pieces, Reader
from connectors.discord.rooms import Room
from connectors.discord.shapes import FORUMS, THREADS, Channel, Guild
from inbox.contract import Batch, Permanent, Transient

PAGE = 100
HAVE_THREADS = {0, 5} | FORUMS


class Catcher:
    """Reads what the gateway does not tell again. `history`: how much of each room the very first look brings."""

    def __init__(self, api: Api, reader: Reader, history: int) -> None:
        self._api, self._reader, self._history = api, reader, history
        self._closed: set[str] = set()  # rooms that the bot may not read

    async def all(self) -> AsyncGenerator[Batch]:
        """Every server, then every direct chat that is known of; from then on the place needs no history."""
        place, world = self._reader.place, self._reader.world
        for guild in list(world.guilds.values()):
            async with aclosing(self.guild(guild)) as batches:
                async for batch in batches:
                    yield batch
        for chat in list(place.direct):
            async with aclosing(self._room(await world.room(chat, None), 0)) as batches:
                async for batch in batches:
                    yield batch
        if place.is_new:
            newest = max((number({"id": channel.last_message_id}) for channel in world.channels.values()), default=0)
            place.since = newest or max(1, moment(datetime.now(UTC)) - MARGIN)
        place.advance()

    async def guild(self, guild: Guild) -> AsyncGenerator[Batch]:
        """Every room of a server, its active threads, and those that were archived since."""
        world, place = self._reader.world, self._reader.place
        joined = moment(guild.joined_at) if guild.joined_at else 0
        channels = world.readable(guild)
        if not place.is_new:
            for parent in [channel for channel in world.channels.values() if channel.guild_id == guild.id and channel.type in HAVE_THREADS]:
                channels += await self._archived(parent, max(place.since, joined))
        for channel in channels:
            room = await world.room(channel.id, guild.id)
            if world.is_wanted(room):
                async with aclosing(self._room(room, joined)) as batches:
                    async for batch in batches:
                        yield batch

    async def _room(self, room: Room, joined: int) -> AsyncGenerator[Batch]:
        """One room. `joined`: the id of the moment when we came; what was said before is not ours to answer."""
        place, name = self._reader.place, room.channel.id
        watched = {message: known for message, known in place.watched.items() if message.startswith(f"{name}/")}
        newest = number({"id": room.channel.last_message_id})
        is_read = not room.is_direct and newest <= max(place.last(name), 0 if place.is_new else joined)
        if name in self._closed or (is_read and not watched):
            return
        found = False
        async with aclosing(self._pages(room, min(max(place.last(name), joined), place.start(name)))) as pages:
            async for page in pages:
                found, pieces = True, Pieces()
                for entry in page:
                    await self._reader.take_listed(entry, room, pieces, watched.pop(f"{name}/{entry.get('id')}", None))
                yield pieces.batch(place)
        if found and watched:  # an empty list may mean that the bot may not read what was said
            now = datetime.now(UTC)
            for message in watched:
                place.watched.pop(message, None)
            yield Batch([parse.deletion(name, message.partition("/")[2], now) for message in watched], cursor=str(place))

    async def _pages(self, room: Room, start: int) -> AsyncGenerator[list[dict[str, Any]]]:
        """Messages of a room, oldest first."""
        path = f"/channels/{room.channel.id}/messages"
        try:
            if self._reader.place.is_new:
                for page in reversed(await self._latest(path)):
                    yield page
                return
            while True:
                page = _in_order(await self._api.list(path, after=str(start), limit=PAGE))
                if page and number(page[-1]) <= start:
                    raise Transient("Discord answered with a list that has no end.")
                if page:
                    yield page
                    start = number(page[-1])
                if len(page) < PAGE:
                    return
        except Permanent:  # the bot may not see this room, or it is gone
            self._closed.add(room.channel.id)

    async def _latest(self, path: str) -> list[list[dict[str, Any]]]:
        """Pages from the newest back: as much as there may be of history."""
        pages: list[list[dict[str, Any]]] = []
        left, before = self._history, {}
        while left > 0:
            page = _in_order(await self._api.list(path, limit=min(left, PAGE), **before))
            if not page:
                break
            pages.append(page)
            before, left = {"before": str(number(page[0]))}, left - len(page)
            if len(page) < PAGE:
                break
        return pages

    async def whole(self, post: str) -> AsyncGenerator[Batch]:
        """All that stands in a channel with its threads, or under a forum post."""
        world = self._reader.world
        channel = await world.channel(post)
        rooms = [channel]
        if channel.type in HAVE_THREADS and channel.guild_id:
            told = await self._api.get(f"/guilds/{channel.guild_id}/threads/active")
            active = [thread for thread in _threads(told, channel) if thread.parent_id == channel.id]
            rooms += [*active, *await self._archived(channel, 0)]
        for one in rooms:
            world.channels.setdefault(one.id, one)
            room = await world.room(one.id, one.guild_id)
            async with aclosing(self._pages(room, 0)) as pages:
                async for page in pages:
                    pieces = Pieces()
                    for entry in page:
                        await self._reader.take_listed(entry, room, pieces, None)
                    yield pieces.batch(self._reader.place)
        if channel.id in self._closed:
            raise Permanent("The bot may not read this channel, or it does not exist any more.")

    async def _archived(self, parent: Channel, since: int) -> list[Channel]:
        """Public threads of a channel that were archived after something was said in them since; those archived last come first."""
        found: list[Channel] = []
        before: dict[str, str] = {}
        while True:
            try:
                told = await self._api.get(f"/channels/{parent.id}/threads/archived/public", limit=PAGE, **before)
            except Permanent:
                return found
            page = _threads(told, parent)
            for thread in page:
                if number({"id": thread.last_message_id}) > since:
                    self._reader.world.channels[thread.id] = thread  # what is known of it is from before
                    found.append(thread)
            ended = page[-1].archived_at if page else None
            if told.get("has_more") is not True or ended is None or moment(ended) < since or before.get("before") == ended.isoformat():
                return found
            before = {"before": ended.isoformat()}


def _threads(told: Mapping[str, Any], parent: Channel) -> list[Channel]:
    """The threads of a list, as far as they can be read."""
    found: list[Channel] = []
    for entry in cast("list[Any]", told.get("threads") or []):
        try:
            thread = Channel.model_validate(entry)
        except ValidationError:
            continue
        if thread.type in THREADS:
            found.append(thread.model_copy(update={"guild_id": parent.guild_id}))
    return found


def _in_order(page: list[Any]) -> list[dict[str, Any]]:
    """Oldest first; Discord begins with the newest."""
    return sorted((cast("dict[str, Any]", entry) for entry in page if isinstance(entry, Mapping)), key=number)
