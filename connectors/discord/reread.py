"""A kept payload, read again without asking anybody: who speaks has only the standing that the payload tells."""

import json

from connectors.discord import parse
from connectors.discord.parse import Passed
from connectors.discord.reading import UNREADABLE, reason
from connectors.discord.rooms import Room
from connectors.discord.shapes import Channel, Guild, Message
from inbox.contract import Batch, Rejected

READERS = {"MESSAGE_CREATE": parse.message, "MESSAGE_UPDATE": parse.edit}


def reread(raw: bytes, me: str) -> Batch:
    """The event, if there is one by now."""
    try:
        kept = json.loads(raw)
        told = Message.model_validate(kept["data"])
        room = _room(kept.get("room") or {}, told, me)
        author = room.author(told.author, told.member, is_webhook=told.webhook_id == told.author.id)
        return Batch([READERS[kept["kind"]](told, room, author, {})])
    except Passed as passed:
        return Batch(passed_over={str(passed): 1})
    except (*UNREADABLE, RecursionError) as error:
        return Batch(rejected=[Rejected(raw, reason(error))])


def _room(portrait: dict[str, object], told: Message, me: str) -> Room:
    if portrait:
        guild, parent = portrait.get("guild"), portrait.get("parent")
        return Room(
            Channel.model_validate(portrait["channel"]),
            Guild.model_validate(guild) if guild else None,
            Channel.model_validate(parent) if parent else None,
            me,
        )
    if told.guild_id is None:
        return Room(Channel(id=told.channel_id, type=1), me=me)
    return Room(Channel(id=told.channel_id, type=0, guild_id=told.guild_id), Guild(id=told.guild_id), me=me)
