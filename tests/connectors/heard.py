"""What connections that stay open tell, given to their readers without any: by the shapes of each platform's fake.

Nobody answers what a reader asks on the way; so nothing in it ever waits, and it can be run like a function.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from connectors.bluesky.direct.reading import ChatReader
from connectors.bluesky.place import Place as BlueskyPlace
from connectors.bluesky.server import Refusal as BlueskyRefusal
from connectors.discord import reading as discord
from connectors.discord.gateway import Dispatch
from connectors.discord.place import Place as DiscordPlace
from connectors.discord.shapes import User
from connectors.discord.world import World
from connectors.mastodon import reading as mastodon
from connectors.mastodon.listening import Told
from connectors.mastodon.place import Place as MastodonPlace
from connectors.mastodon.server import Refusal as MastodonRefusal
from connectors.mastodon.shapes import Account
from inbox.contract import Batch, Event, Permanent
from tests.connectors.bluesky.chat import Chat
from tests.connectors.bluesky.fake import ANNA, US
from tests.connectors.discord import shapes
from tests.connectors.mastodon import fake as toots

Result = TypeVar("Result")


Reading = Callable[[Any], Coroutine[Any, Any, Sequence[Event]]]
Found = Sequence[tuple[Any, Reading]]


@dataclass(frozen=True)
class Heard:
    """Something that a connection tells, and a reader of its own for each time."""

    payload: Any
    read: Reading

    def take(self, payload: Any) -> list[Event]:
        return list(done(self.read(payload)))


def done(work: Coroutine[Any, Any, Result]) -> Result:
    """What comes of work that waits for nobody."""
    while True:
        try:
            assert work.send(None) is None  # it may let others have a turn
        except StopIteration as end:
            return end.value


def of(platform: str, first: str, second: str) -> list[Heard]:
    """Nothing of one entry is the same object as anything of another: a change is to be of one only."""
    found = {"bluesky": _bluesky, "discord": _discord, "mastodon": _mastodon}[platform](first, second)
    return [Heard(json.loads(json.dumps(told)), read) for told, read in found]


def _bluesky(first: str, second: str) -> Found:
    """https://github.com/bluesky-social/atproto/blob/main/lexicons/chat/bsky/convo/getLog.json"""
    chat = Chat(US)
    for text in (first, second):
        chat.say(ANNA, text)
    chat.react(ANNA, "with-anna", chat.messages["with-anna"][1], "👍")
    return [({"logs": chat.log[1:], "cursor": "3"}, _chatted)]


def _discord(first: str, second: str) -> Found:
    """https://docs.discord.com/developers/events/gateway-events: messages, then what becomes of one; and what a server is like."""
    where = {"guild_id": shapes.GUILD, "member": shapes.member(shapes.ANNA)}
    said = [shapes.message(shapes.GENERAL, shapes.ANNA, text, shapes.MORNING) | where for text in (first, second)]
    about = {"channel_id": shapes.GENERAL, "guild_id": shapes.GUILD, "message_id": said[1]["id"]}
    reaction = {**about, "user_id": shapes.ANNA["id"], "emoji": {"id": None, "name": "👍"}, "member": where["member"]}
    frames = [("MESSAGE_CREATE", one) for one in said]
    later = [
        ("MESSAGE_UPDATE", said[1] | {"edited_timestamp": shapes.stamp(shapes.MORNING)}),
        ("MESSAGE_REACTION_ADD", reaction),
        ("MESSAGE_REACTION_REMOVE", reaction),
        ("MESSAGE_DELETE", {"id": said[0]["id"], "channel_id": shapes.GENERAL, "guild_id": shapes.GUILD}),
    ]
    state = [("GUILD_CREATE", shapes.guild(channels=[shapes.channel(shapes.GENERAL, "general")], threads=[], members=[])), frames[0]]
    return [([{"t": kind, "d": told} for kind, told in some], _dispatched) for some in (frames, later, state)]


async def _dispatched(frames: Any) -> Sequence[Event]:
    reader = discord.Reader(World(Nobody(), User.model_validate(shapes.US), ()), DiscordPlace())  # pyright: ignore
    pieces = discord.Pieces()
    for frame in frames:
        told = frame if isinstance(frame, dict) else {}
        await reader.take(Dispatch(str(told.get("t")), told.get("d"), 1), pieces)
    json.loads(str(reader.place))
    return pieces.events


def _mastodon(first: str, second: str) -> Found:
    """https://docs.joinmastodon.org/methods/streaming/#events, and the notifications to which they lead."""
    server = toots.Mastodon()
    posts = [server.say(toots.ANNA, text) for text in (first, second)]
    live = [{"event": "status.update", "payload": post | {"edited_at": toots.stamp(toots.MORNING)}} for post in posts]
    return [([*live, {"event": "delete", "payload": "7"}], _streamed), (server.notifications[::-1], _listed)]


async def _streamed(told: Any) -> Sequence[Event]:
    reader = mastodon.Reader(Nobody(), Account.model_validate(toots.US), MastodonPlace(is_new=False, notification="1", status="1"), 0)  # pyright: ignore
    events: list[Event] = []
    for one in told:
        entry = one if isinstance(one, dict) else {}
        kind, about = str(entry.get("event") or ""), entry.get("payload")
        data = about if isinstance(about, str) else json.dumps(about)
        events += [event for batch in await _all(reader.hear(Told(kind, data))) for event in batch.events]
    return events


async def _listed(told: Any) -> Sequence[Event]:
    reader = mastodon.Reader(Nobody(told), Account.model_validate(toots.US), MastodonPlace(), 40)  # pyright: ignore
    return [event for batch in await _all(reader.look()) for event in batch.events]


async def _chatted(told: Any) -> Sequence[Event]:
    reader = ChatReader(Nobody(told), US, BlueskyPlace(chat="2"), 0)  # pyright: ignore
    return [event for batch in await _all(reader.look()) for event in batch.events]


async def _all(batches: AsyncGenerator[Batch]) -> list[Batch]:
    return [batch async for batch in batches]


class Nobody:
    """A platform that says one thing, once, and knows nothing else."""

    def __init__(self, told: Any = None) -> None:
        self._told = told

    async def get(self, path: str, **params: Any) -> Any:
        if path == "chat.bsky.convo.getLog":
            told, self._told = self._told, {"logs": [], "cursor": params["cursor"]}
            return told if isinstance(told, dict) else {}
        if path.startswith("chat."):
            raise BlueskyRefusal("There is no such conversation.", "InvalidConvo")
        if path.startswith("/api/v1/"):
            raise MastodonRefusal("There is nothing.")
        raise Permanent("There is nothing.")

    async def list(self, path: str, params: Any) -> Any:
        await asyncio.sleep(0)
        told, self._told = self._told if path == "/api/v1/notifications" else None, None
        return [entry if isinstance(entry, dict) else {} for entry in told or []]
