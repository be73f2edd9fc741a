"""The connector: subreddits and an inbox by polling, and a way to answer and moderate."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.polling import now, spread
from connectors.reddit import listing, moderation, parse
from connectors.reddit.api import SPARE, RedditApi
from connectors.reddit.config import RedditConfig
from connectors.reddit.parse import Account
from connectors.reddit.place import Place
from connectors.reddit.reading import Reader
from connectors.reddit.shapes import Comment, Message
from connectors.rest import first, inner
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConnectorError,
    ConversationKind,
    Permanent,
    Receipt,
    Reply,
    Secrets,
    Standing,
    Transient,
    Verification,
)

SHORTEST, LONGEST = 20.0, 600.0  # seconds between two looks
COST = 6.0  # requests of a look
RECENT = timedelta(hours=1)  # a doubtful reply was sent within this time


class Reddit:
    """One account: what is said in subreddits, and to the account wherever it is said."""

    name: ClassVar[str] = "reddit"
    title: ClassVar[str] = "Reddit"
    Config: ClassVar[type[BaseModel]] = RedditConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=10_000,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=moderation.ACTIONS,
        own_only=frozenset({Action.EDIT}),
        consequences=moderation.CONSEQUENCES,
    )

    def __init__(self, config: RedditConfig) -> None:
        self._config = config
        self._api = RedditApi(config)
        self._me: Account | None = None

    @property
    def standing(self) -> Standing:
        return self._api.standing

    def lend(self, secrets: Secrets) -> None:
        self._api.tokens.lend(secrets)

    async def check(self) -> Author:
        """Ask whose account it is, and whether the lists can be read."""
        me = await self._whoami()
        if self._config.subreddits:
            await self._api.get(f"/r/{self._config.together}/new", limit=1)
        if self._config.inbox:
            await self._api.get("/message/inbox", limit=1)
        return Author(me.name, me.name, f"u/{me.name}", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Look, and wait: longer where few requests are left."""
        reader = Reader(self._api, self._config, await self._whoami(), Place.read(cursor))
        while True:
            for batch in await reader.look():
                yield batch
            pause = SHORTEST
            if self._api.used:
                left = self._api.left - SPARE
                pause = spread(self._api.rest_of(now()), left, COST, shortest=SHORTEST, longest=LONGEST)
            await sleep(pause)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a thing names its time itself
        """Something that could not be read before."""
        return listing.reread(raw, self._me or Account(self._config.username))

    def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a post that Reddit lists at once."""
        return listing.listed(self._api, post_id, self._me or Account(self._config.username))

    async def counts(self, post_id: str) -> int:
        """What Reddit says; removed and deleted comments count too."""
        return await listing.count(self._api, post_id)

    async def send(self, reply: Reply) -> Receipt:
        """Answer a comment, a post or a message (https://www.reddit.com/dev/api#POST_api_comment)."""
        if reply.attachments:
            raise Permanent("Reddit takes no files with a comment.")
        told = await self._api.change("/api/comment", {"thing_id": reply.parent_id or reply.thread_id, "text": reply.text})
        thing = first(inner(told, "json", "data", "things"))
        try:
            sent = (Message if thing.get("kind") == "t4" else Comment).model_validate(thing.get("data"))
        except ValidationError:
            raise Ambiguous("Reddit took the reply, but does not say what became of it.") from None
        if self._config.distinguish and isinstance(sent, Comment):
            with suppress(ConnectorError):  # the reply stands, with or without its mark
                await self._api.change("/api/distinguish", {"id": sent.name, "how": "yes"})
        return _receipt(sent)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our own latest words there, if they are these. That they are not listed proves nothing."""
        since, me = now() - RECENT, await self._whoami()
        answered = reply.parent_id or reply.thread_id
        path = "/message/sent" if answered.startswith("t4_") else f"/user/{me.name}/comments"
        told = await self._api.get(path, limit=100)
        for sent in listing.readable(inner(told, "data", "children")):
            if sent.created_utc > since and isinstance(sent, Comment | Message) and (sent.parent_id, sent.body) == (answered, reply.text):
                return _receipt(sent)
        raise Permanent("Reddit does not list the reply; it may show it later.")

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Vote for, moderate or change a comment or a post."""
        await moderation.act(self._api, action, message_id, text, await self._whoami())

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _whoami(self) -> Account:
        if self._me is None:
            told = await self._api.get("/api/v1/me")
            if not isinstance(told.get("name"), str):
                raise Transient("Reddit does not say whose account it is.")
            self._me = Account(str(told["name"]))
        return self._me


def _receipt(sent: Comment | Message) -> Receipt:
    return Receipt(sent.name, sent.created_utc, parse.address(sent.permalink))
