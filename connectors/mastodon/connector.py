"""The connector: an account's mentions and private messages as a stream, and a way to answer them."""

import random
from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from time import monotonic
from typing import Any, ClassVar

from pydantic import BaseModel, ValidationError

from connectors.mastodon import compose, parse
from connectors.mastodon.config import MastodonConfig
from connectors.mastodon.listening import listening
from connectors.mastodon.place import Place
from connectors.mastodon.reading import Reader
from connectors.mastodon.reread import reread
from connectors.mastodon.server import Refusal, Server
from connectors.mastodon.shapes import Account, Status
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    LengthUnit,
    Permanent,
    Receipt,
    Reply,
    Transient,
    Verification,
)

NAMING = 32  # characters: "@", the longest name of somebody answered, and a blank
SHORTEST, LONGEST = 2.0, 60.0  # seconds between two tries to hear live events


class Mastodon:
    """One account of the Fediverse, on Mastodon or what speaks its API."""

    name: ClassVar[str] = "mastodon"
    title: ClassVar[str] = "Mastodon"
    Config: ClassVar[type[BaseModel]] = MastodonConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.CLIENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=500 - NAMING,
        length_unit=LengthUnit.GRAPHEMES,
        idempotent_send=True,
        idempotent_minutes=50,  # the server remembers a key for an hour
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=16 * 1024 * 1024,
        actions=frozenset({Action.LIKE, Action.DELETE}),
        own_only=frozenset({Action.DELETE}),
        consequences={
            Action.LIKE: "A favourite: its author is told, and anybody can see it.",
            Action.DELETE: "Your server deletes it and asks all others to do the same; on some a copy may stay.",
        },
    )

    def __init__(self, config: MastodonConfig) -> None:
        self._config = config
        self._server = Server(config)
        self._me: Account | None = None

    async def check(self) -> Author:
        """Ask the server whose token it is, and what it is good for."""
        me = await self._whoami()
        await self._server.list("/api/v1/notifications", {"limit": 1})
        scopes = await self._server.scopes()
        if scopes and not {"write", "write:statuses"} & set(scopes):
            raise AuthError("The access token may read but not write: it lacks the scope write.")
        return parse.author(me, me)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then live. Where live events do not come, a look every minute does."""
        reader = Reader(self._server, await self._whoami(), Place.read(cursor), self._config.history)
        pause = SHORTEST
        while True:
            began = monotonic()
            async with aclosing(self._live(reader)) as batches:
                async for batch in batches:
                    yield batch
            async with aclosing(reader.look()) as batches:  # what is wrong with the server itself shows here
                async for batch in batches:
                    yield batch
            pause = SHORTEST if monotonic() - began > LONGEST else min(2 * pause, LONGEST)
            await sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret

    async def _live(self, reader: Reader) -> AsyncGenerator[Batch]:
        """Look once the connection is open, so that nothing falls between; then whatever comes, until it breaks."""
        try:
            async with listening(self._server) as events, aclosing(events):
                async with aclosing(reader.look()) as batches:
                    async for batch in batches:
                        yield batch
                async for told in events:
                    async with aclosing(reader.hear(told)) as batches:
                        async for batch in batches:
                            yield batch
        except (Transient, Permanent):
            return

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a status names its time itself
        """Something that could not be read before."""
        return reread(raw, self._me)

    async def send(self, reply: Reply) -> Receipt:
        """Post the answer, as private as what it answers. The reply's key makes a second request the first one, for an hour."""
        me, limits = await self._whoami(), await self._server.limits()
        parent = await self._status(reply.parent_id or reply.thread_id)
        if reply.private and not parent.is_direct:
            parent = parent.model_copy(update={"visibility": "direct"})
        if len(reply.attachments) > limits.files:
            raise Permanent(f"The server takes {limits.files} attachments at once.")
        shape = compose.status(reply.text, parent, me, limits)
        if reply.attachments:
            shape["media_ids"] = [await self._server.upload(file) for file in reply.attachments]
        told = await self._server.change("POST", "/api/v1/statuses", shape, key=reply.key)
        try:
            sent = Status.model_validate(told)
        except ValidationError:
            raise Ambiguous("The server took the reply, but does not say what became of it.") from None
        return Receipt(sent.id, sent.created_at, sent.url)

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Favourite a message, or delete one of ours; doing it again does nothing more."""
        path = f"/api/v1/statuses/{message_id}"
        if action is Action.LIKE:
            await self._server.change("POST", f"{path}/favourite")
        elif action is Action.DELETE:
            await self._server.change("DELETE", path)
        else:
            raise Permanent("Mastodon does not know this action.")

    async def aclose(self) -> None:
        await self._server.aclose()

    async def _whoami(self) -> Account:
        if self._me is None:
            told: Any = await self._server.get("/api/v1/accounts/verify_credentials")
            try:
                self._me = Account.model_validate(told)
            except ValidationError:
                raise Transient("The server does not say whose access token it is.") from None
        return self._me

    async def _status(self, name: str) -> Status:
        try:
            return Status.model_validate(await self._server.get(f"/api/v1/statuses/{name}"))
        except Refusal as error:
            raise Permanent("The message that is answered is not there any more.") if error.is_gone else error from None
        except ValidationError:
            raise Transient("The server answered with a status that cannot be read.") from None
