"""What the gateway tells as events, and the place after each."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from connectors.discord import parse
from connectors.discord.gateway import Dispatch
from connectors.discord.parse import Passed
from connectors.discord.place import Place
from connectors.discord.rooms import Room
from connectors.discord.shapes import Deleted, Message, Reaction
from connectors.discord.world import World
from inbox.contract import Batch, Event, Rejected

STATE = {
    *("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE", "GUILD_MEMBER_UPDATE"),
    *("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC"),
}
SILENT = {"READY", "RESUMED"}  # of the connection itself
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)  # whatever somebody else's JSON may be


class Pieces:
    """What becomes a batch."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.rejected: list[Rejected] = []
        self.passed: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self.events or self.rejected or self.passed)

    def batch(self, place: Place) -> Batch:
        return Batch(self.events, cursor=str(place), rejected=self.rejected, passed_over=dict(self.passed))


class Reader:
    """One stream of a bot: reads events one by one."""

    def __init__(self, world: World, place: Place) -> None:
        self.world, self.place = world, place

    async def take(self, dispatch: Dispatch, pieces: Pieces) -> None:
        """Read one event; what cannot be read is kept, what means nothing is counted."""
        kind, told = dispatch.kind, dispatch.data
        try:
            if kind in STATE:
                self.world.learn(kind, told)
            elif kind in self._readers:
                await self._readers[kind](dispatch, pieces)
            elif not kind:
                raise ValueError("it is not JSON")
            elif kind not in SILENT:
                raise Passed(f"event {kind:.60}")
        except Passed as passed:
            pieces.passed[str(passed)] += 1
        except UNREADABLE as error:
            raw = told if isinstance(told, bytes) else json.dumps({"kind": kind, "data": told}).encode()
            pieces.rejected.append(Rejected(raw, reason(error)))
        if self.place.session is not None and dispatch.number is not None:
            self.place.session = replace(self.place.session, number=dispatch.number)

    async def take_listed(self, entry: Any, room: Room, pieces: Pieces, known: str | None) -> None:
        """Read one message of a list. `known`: what was known of its last edit, where it was read before."""
        guild = {"guild_id": room.guild.id} if room.guild else {}
        try:
            told = Message.model_validate({**entry, "channel_id": room.channel.id, **guild})
            if known is None or known != edited(told):
                pieces.events.append(await self._changed(told, room, parse.message if known is None else parse.edit))
        except Passed as passed:
            pieces.passed[str(passed)] += 1
        except UNREADABLE as error:
            kept = {"kind": "MESSAGE_CREATE", "data": entry, "room": room.portrait()}
            pieces.rejected.append(Rejected(json.dumps(kept).encode(), reason(error)))

    @property
    def _readers(self) -> dict[str, Callable[[Dispatch, Pieces], Awaitable[None]]]:
        return {
            "MESSAGE_CREATE": self._message,
            "MESSAGE_UPDATE": self._update,
            "MESSAGE_DELETE": self._deletion,
            "MESSAGE_DELETE_BULK": self._deletion,
            "MESSAGE_REACTION_ADD": self._reaction,
            "MESSAGE_REACTION_REMOVE": self._reaction,
            "MESSAGE_REACTION_REMOVE_ALL": self._no_reactions,
            "MESSAGE_REACTION_REMOVE_EMOJI": self._no_reactions,
        }

    async def _message(self, dispatch: Dispatch, pieces: Pieces) -> None:
        told = Message.model_validate(dispatch.data)
        room = await self._wanted(told.channel_id, told.guild_id)
        pieces.events.append(await self._changed(told, room, parse.message))

    async def _update(self, dispatch: Dispatch, pieces: Pieces) -> None:
        if not dispatch.data.get("edited_timestamp"):  # a preview of an address has come, or it was pinned
            raise Passed("an update that changed no words")
        told = Message.model_validate(dispatch.data)
        room = await self._wanted(told.channel_id, told.guild_id)
        pieces.events.append(await self._changed(told, room, parse.edit))

    async def _changed(self, told: Message, room: Room, read: Callable[..., Event]) -> Event:
        is_webhook = told.webhook_id is not None and told.webhook_id == told.author.id
        author = await self.world.author(told.author, told.member, room, is_webhook=is_webhook)
        self.place.reach(room.channel.id, int(told.id), is_direct=room.is_direct)
        event = read(told, room, author, self.world.channels)
        self.place.watch(parse.name(told), edited(told))
        return event

    async def _deletion(self, dispatch: Dispatch, pieces: Pieces) -> None:
        told, now = Deleted.model_validate(dispatch.data), datetime.now(UTC)
        await self._wanted(told.channel_id, told.guild_id)
        for number in (*told.ids, *([told.id] if told.id else [])):
            self.place.watched.pop(f"{told.channel_id}/{number}", None)
            pieces.events.append(parse.deletion(told.channel_id, number, now))

    async def _reaction(self, dispatch: Dispatch, pieces: Pieces) -> None:
        told = Reaction.model_validate(dispatch.data)
        room, target = await self._wanted(told.channel_id, told.guild_id), f"{told.channel_id}/{told.message_id}"
        if dispatch.kind == "MESSAGE_REACTION_ADD":
            self.place.react(target, told.user_id, told.emoji.text)
            emoji = told.emoji.text
        else:
            emoji = self.place.unreact(target, told.user_id, told.emoji.text)
        user = told.member.user if told.member and told.member.user else await self.world.person(told.user_id)
        author = await self.world.author(user, told.member, room)
        event_id = f"reaction:{target}:{told.user_id}:{self._once(dispatch)}"
        pieces.events.append(parse.reaction(event_id, target, room, author, emoji, datetime.now(UTC)))

    async def _no_reactions(self, dispatch: Dispatch, pieces: Pieces) -> None:
        """All of them, or all of one emoji: Discord does not say whose they were."""
        told = Reaction.model_validate(dispatch.data)
        room, target = await self._wanted(told.channel_id, told.guild_id), f"{told.channel_id}/{told.message_id}"
        emoji = told.emoji.text
        reactors = self.place.reactors(target, emoji)
        if not reactors:
            raise Passed("reactions taken away that nobody remembers")
        for user in reactors:
            left = self.place.unreact(target, user, emoji) if emoji else ""
            if not emoji:
                self.place.reactions.pop(f"{target} {user}", None)
            author = await self.world.author(await self.world.person(user), None, room)
            event_id = f"reaction:{target}:{user}:{self._once(dispatch)}"
            pieces.events.append(parse.reaction(event_id, target, room, author, left, datetime.now(UTC)))

    async def _wanted(self, channel: str, guild: str | None) -> Room:
        room = await self.world.room(channel, guild)
        if not self.world.is_wanted(room):
            raise Passed("a channel that is not chosen")
        return room

    def _once(self, dispatch: Dispatch) -> str:
        """A name of this event that it has again when it comes again."""
        return f"{self.place.session.id if self.place.session else ''}:{dispatch.number}"


def edited(told: Message) -> str:
    return told.edited_timestamp.isoformat() if told.edited_timestamp else ""


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return f"{type(error).__name__}: it cannot be read."
