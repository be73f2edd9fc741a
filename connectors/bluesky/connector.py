"""The connector: what is said to an account and about it as a stream, and a way to answer."""

import random
from asyncio import sleep
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.bluesky import actions, changes, compose, ids, listing, parse
from connectors.bluesky.config import BlueskyConfig
from connectors.bluesky.direct import names
from connectors.bluesky.direct.reading import ChatReader
from connectors.bluesky.direct.sending import Sender
from connectors.bluesky.place import Place
from connectors.bluesky.reading import Reader
from connectors.bluesky.reread import reread
from connectors.bluesky.server import LARGEST_FILE, Server
from connectors.bluesky.shapes import Account, Json, Post, as_dict, as_text
from inbox.contract import (
    Action,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Length,
    LengthUnit,
    Permanent,
    Receipt,
    Reply,
    Standing,
    Transient,
    Verification,
)

PAUSE = 10.0  # seconds between two looks: three requests each, of 3000 in five minutes
MUTE = "Private messages are switched off in this channel's settings."


class Bluesky:
    """One account of Bluesky, or of another server of its network."""

    name: ClassVar[str] = "bluesky"
    title: ClassVar[str] = "Bluesky"
    Config: ClassVar[type[BaseModel]] = BlueskyConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        unverified_kinds=frozenset({ConversationKind.DIRECT}),
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=300,
        length_unit=LengthUnit.GRAPHEMES,
        other_lengths={ConversationKind.DIRECT: Length(1000, LengthUnit.GRAPHEMES)},
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=LARGEST_FILE,
        actions=frozenset({Action.LIKE, Action.HIDE, Action.UNHIDE, Action.DELETE, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.DELETE}),
        consequences={
            Action.HIDE: "It moves behind the hidden answers of the thread; anybody can look there.",
            Action.DELETE: "Your server deletes it and asks all others to do the same; on some a copy may stay. "
            "A private message goes only from your own view: the other person keeps it.",
        },
    )

    def __init__(self, config: BlueskyConfig) -> None:
        self._config = config
        self._server = Server(config)
        self._direct = Sender(self._server)
        self._did = ""

    @property
    def standing(self) -> Standing:
        """What is left of the requests that the server allows."""
        return self._server.standing

    async def check(self) -> Author:
        """Sign in, and ask for what the stream asks for."""
        me = Account.model_validate(await self._whoami())
        await self._server.get("app.bsky.notification.listNotifications", limit=1)
        return parse.author(me, me.did)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything after the cursor, then whatever comes."""
        place, me = Place.read(cursor), await self._whoami()
        kinds = (Reader, ChatReader) if self._config.private_messages else (Reader,)
        readers = [kind(self._server, me, place, self._config.history) for kind in kinds]
        while True:
            for reader in readers:
                async with aclosing(reader.look()) as batches:
                    async for batch in batches:
                        yield batch
            await sleep(PAUSE * random.uniform(0.8, 1.2))  # noqa: S311  # not a secret

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a post names its time itself
        """Something that could not be read before."""
        return reread(raw, self._did)

    async def listed(self, post_id: str) -> AsyncIterator[Batch]:
        """What stands under a post now."""
        batch = await listing.under(self._server, post_id, (await self._server.session()).did)
        yield batch

    async def send(self, reply: Reply) -> Receipt:
        """Post the answer, under a key made of the reply's own: a second time is refused where it is there; in private are no keys."""
        if self._is_direct(reply):
            return await self._direct.send(reply)
        parent = await self._post(reply.parent_id or reply.thread_id)
        if parent.viewer.get("replyDisabled") is True:
            raise Permanent("The author of the thread lets this account not answer there.")
        record = await compose.record(self._server, reply, parent)
        uri = await actions.put_once(self._server, ids.POST, reply.key, record)
        return Receipt(uri, datetime.now(UTC), ids.link(uri))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for the record under the reply's key; in private for its words."""
        if self._is_direct(reply):
            return await self._direct.find_sent(reply)
        found = await actions.find(self._server, ids.POST, ids.derived(reply.key))
        if found is None:
            return None
        uri, at = as_text(found.get("uri")), as_text(as_dict(found.get("value")).get("createdAt"))
        return Receipt(uri, datetime.fromisoformat(at), ids.link(uri))

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Like, hide or show a message again, or delete one of ours; doing it again does nothing more."""
        if names.is_direct(message_id):
            await self._direct.act(action, message_id)
            return
        if action is Action.DELETE:
            name, session = ids.split(message_id), await self._server.session()
            if name.repo != session.did:
                raise Permanent("Only what this account has said can be deleted.")
            content = {"repo": name.repo, "collection": name.collection, "rkey": name.key}
            await self._server.change("com.atproto.repo.deleteRecord", content)
            return
        doing = {Action.LIKE: actions.like, Action.HIDE: actions.hide, Action.UNHIDE: actions.unhide}.get(action)
        if doing is None:
            raise Permanent("Bluesky does not know this action.")
        await doing(self._server, await self._post(message_id))

    async def aclose(self) -> None:
        await self._server.aclose()

    def _is_direct(self, reply: Reply) -> bool:
        is_direct = reply.private or names.is_direct(reply.thread_id)
        if is_direct and not self._config.private_messages:
            raise Permanent(MUTE)
        return is_direct

    async def _whoami(self) -> Json:
        """The account's profile, as the network shows it."""
        session = await self._server.session()
        self._did = session.did
        told = await self._server.get("app.bsky.actor.getProfile", actor=session.did)
        if as_text(told.get("did")) != session.did:
            raise Transient("The server does not say whose account it is.")
        return told

    async def _post(self, uri: str) -> Post:
        ids.split(uri)
        found = await changes.posts(self._server, [uri])
        if not found:
            raise Permanent("The message that is answered is not there any more.")
        try:
            return Post.model_validate(found[0])
        except ValidationError:
            raise Transient("The server answered with a post that cannot be read.") from None
