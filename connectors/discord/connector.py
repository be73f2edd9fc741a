"""The connector: what is said where the bot is, by the gateway and by REST, and a way to answer it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from connectors.discord import compose, endings, gateway
from connectors.discord.api import UNKNOWN_MESSAGE, Api, Refusal
from connectors.discord.catchup import Catcher
from connectors.discord.config import DiscordConfig
from connectors.discord.live import Live
from connectors.discord.place import Place
from connectors.discord.reading import Reader
from connectors.discord.reread import reread
from connectors.discord.shapes import Channel, Message, Starts, User
from connectors.discord.world import World
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    RateLimited,
    Receipt,
    Reply,
    Standing,
    Transient,
    Verification,
)

LIKE = quote("👍")
WORDS = 1 << 18 | 1 << 19  # flags of an application that may read what people write, by leave or by switch
FEW_MINUTES = 2  # "the past few minutes": two are a few in any case


class Discord:
    """One bot: channels, threads, forum posts and direct messages."""

    name: ClassVar[str] = "discord"
    title: ClassVar[str] = "Discord"
    Config: ClassVar[type[BaseModel]] = DiscordConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.CLIENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=2000,
        idempotent_send=True,
        idempotent_minutes=FEW_MINUTES,
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=10 * 1024 * 1024,
        actions=frozenset({Action.LIKE, Action.DELETE, Action.EDIT, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.EDIT}),
        consequences={
            Action.LIKE: "A 👍 from the bot that everybody in the channel sees.",
            Action.PRIVATE_REPLY: "A direct message from the bot, where its author takes them; what is public stays unanswered for others.",
        },
    )

    def __init__(self, config: DiscordConfig) -> None:
        self._config = config
        self._token = config.token.get_secret_value()
        self._api = Api(config.api_url, self._token)
        self._me = User(id="")
        self._standing = Standing()

    @property
    def standing(self) -> Standing:
        """How many sessions the bot may still begin today."""
        return self._standing

    async def check(self) -> Author:
        """The token is accepted, and the bot may read what people write."""
        me = await self._whoami()
        flags = (await self._api.get("/applications/@me")).get("flags")
        if isinstance(flags, int) and not flags & WORDS:
            raise Permanent(endings.INTENT)
        await self._gateway()
        return Author(me.id, me.global_name or me.username or me.id, me.username or None, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then live. A connection that breaks is resumed; how, `Live` knows."""
        place, me = Place.read(cursor), await self._whoami()
        live = Live(self._api, World(self._api, me, self._config.channels), place, self._config.history)
        while True:
            address = place.session.address if place.session else ""
            address = address or await self._gateway(starting=place.session is None)
            async with aclosing(self._connection(live, address)) as batches:
                async for batch in batches:
                    yield batch

    async def _connection(self, live: Live, address: str) -> AsyncGenerator[Batch]:
        try:
            async with (
                gateway.connected(address, self._token, live.place.session, secure=self._config.api_url.startswith("https:")) as connection,
                aclosing(live.batches(connection)) as batches,
            ):
                async for batch in batches:
                    yield batch
        except endings.Ended:
            live.place.session = None
            await live.pause()
        except endings.Broken:
            await live.pause()

    async def listed(self, post_id: str) -> AsyncIterator[Batch]:
        """All that stands in a channel or under a forum post now, page by page."""
        reader = Reader(World(self._api, await self._whoami(), ()), Place(since=1))
        async with aclosing(Catcher(self._api, reader, 0).whole(post_id)) as batches:
            async for batch in batches:
                yield batch

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # Discord names the time itself
        """Something that could not be read before."""
        return reread(raw, self._me.id)

    async def send(self, reply: Reply) -> Receipt:
        """One message. The reply's key is its nonce: Discord takes a second one for the first, for some minutes."""
        channel = await self._direct(reply) if reply.private and reply.post_id else compose.channel(reply)
        shape, files = compose.message(reply, channel), compose.files(reply)
        told = await self._api.change("POST", f"/channels/{channel}/messages", shape, files=files)
        try:
            sent = Message.model_validate(told)
        except ValidationError:
            raise Ambiguous("Discord took the reply, but does not say what became of it.") from None
        return Receipt(f"{channel}/{sent.id}", sent.timestamp)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or delete a message; doing it again does nothing more."""
        channel, _, number = message_id.partition("/")
        path = f"/channels/{channel}/messages/{number}"
        if action is Action.LIKE:
            await self._api.change("PUT", f"{path}/reactions/{LIKE}/@me")
        elif action is Action.EDIT:
            await self._api.change("PATCH", path, {"content": text, "allowed_mentions": {"parse": ["users"]}})
        elif action is Action.DELETE:
            try:
                await self._api.change("DELETE", path)
            except Refusal as error:
                if error.code != UNKNOWN_MESSAGE:
                    raise
        else:
            raise Permanent("Discord does not know this action.")

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _direct(self, reply: Reply) -> str:
        """The direct chat with whoever is answered; Discord gives the same one every time."""
        if not reply.recipient:
            raise Permanent("Nobody knows whom this private answer is for.")
        told = await self._api.change("POST", "/users/@me/channels", {"recipient_id": reply.recipient})
        try:
            return Channel.model_validate(told).id
        except ValidationError:
            raise Transient("Discord does not say where the direct chat is.") from None

    async def _whoami(self) -> User:
        try:
            self._me = User.model_validate(await self._api.get("/users/@me"))
        except ValidationError:
            raise Transient("Discord does not say whose token it is.") from None
        return self._me

    async def _gateway(self, *, starting: bool = False) -> str:
        """Where the gateway is, and how many sessions may still begin (https://docs.discord.com/developers/events/gateway#get-gateway-bot)."""
        told = await self._api.get("/gateway/bot")
        try:
            limit = Starts.model_validate(told.get("session_start_limit"))
        except ValidationError:
            return str(told.get("url", ""))
        self._standing = Standing(limit.total - limit.remaining, limit.total, datetime.now(UTC) + timedelta(milliseconds=limit.reset_after))
        if starting and limit.remaining <= 0:
            seconds = limit.reset_after / 1000
            raise RateLimited("The bot has begun too many sessions today: another program may use its token.", seconds)
        return str(told.get("url", ""))
