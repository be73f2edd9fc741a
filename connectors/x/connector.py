"""The connector: an account's mentions, answers and direct messages, and a way to answer them."""

from asyncio import sleep
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.polling import kept, now, reason
from connectors.rest import Json, inner, objects
from connectors.x import outgoing, parse, webhook
from connectors.x.api import POSTS, XApi
from connectors.x.config import XConfig
from connectors.x.place import Place
from connectors.x.reading import Reader, reread
from connectors.x.shapes import Post
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
    Rejected,
    Reply,
    Request,
    Response,
    Standing,
    Transient,
    Verification,
)

RECENT = timedelta(hours=1)  # a doubtful reply was sent within this time


class X:
    """One account on X."""

    name: ClassVar[str] = "x"
    title: ClassVar[str] = "X"
    Config: ClassVar[type[BaseModel]] = XConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=280,
        length_unit=LengthUnit.X_WEIGHTED,
        other_lengths={ConversationKind.DIRECT: Length(10_000)},
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        max_attachment_bytes=outgoing.LARGEST,
        actions=frozenset({Action.LIKE, Action.HIDE, Action.UNHIDE, Action.DELETE, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.DELETE}),
        consequences={
            Action.HIDE: "It moves behind the hidden answers of the post; anybody can look there.",
        },
    )

    def __init__(self, config: XConfig) -> None:
        self._config = config
        self._api = XApi(config)

    @property
    def standing(self) -> Standing:
        return self._api.standing

    async def check(self) -> Author:
        """Ask whose account it is (https://docs.x.com/x-api/users/get-my-user)."""
        told = await self._api.get("/2/users/me", **{"user.fields": POSTS["user.fields"]})
        if str(inner(told, "data", "id")) != self._config.account:
            raise Transient("X does not say whose account it is.")
        name, handle = str(inner(told, "data", "name") or ""), str(inner(told, "data", "username") or "")
        return Author(self._config.account, name or handle, f"@{handle}", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Read each list as often as X allows."""
        reader = Reader(self._api, self._config, Place.read(cursor))
        while True:
            for batch in await reader.look():
                yield batch
            await sleep(reader.pause())

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """What X pushes, if somebody has set that up: it comes sooner than the lists bring it."""
        return webhook.receive(request, self._config.consumer_secret.get_secret_value(), self._config.account)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """Something that could not be read before: an entry of a list, or what was pushed."""
        try:
            kind, entry = kept(raw)
        except (ValueError, RecursionError) as error:
            if raw.lstrip().startswith(b'{"data"'):
                return webhook.opened(raw, received_at, self._config.account)
            return Batch(rejected=[Rejected(raw, reason(error))])
        return reread(raw, kind, entry, self._config.account)

    async def send(self, reply: Reply) -> Receipt:
        """Answer a post, or write a direct message."""
        return await outgoing.send(self._api, reply)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our own latest words there, if they are these. That they are not listed proves nothing."""
        if reply.private or not reply.parent_id or reply.thread_id.startswith(parse.DIRECT):
            raise Permanent("X may have taken the message; it cannot be asked for it.")
        told = await self._api.get(f"/2/users/{self._config.account}/tweets", **POSTS, max_results=10)
        for post in _posts(told):
            is_it = post.refers("replied_to") == reply.parent_id and reply.text.strip() in post.words
            if is_it and post.created_at > now() - RECENT:
                return Receipt(post.id, post.created_at, parse.permalink(post.id))
        raise Permanent("X does not list the reply; it may show it later.")

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Like or hide an answer, or delete a post of ours (https://docs.x.com/x-api/posts/hide-reply, /users/like-post)."""
        if message_id.startswith(parse.DIRECT):
            raise Permanent("X offers nothing to do to a direct message.")
        if action is Action.LIKE:
            await self._api.change("POST", f"/2/users/{self._config.account}/likes", {"tweet_id": message_id})
        elif action in {Action.HIDE, Action.UNHIDE}:
            await self._api.change("PUT", f"/2/tweets/{message_id}/hidden", {"hidden": action is Action.HIDE})
        elif action is Action.DELETE:
            await self._api.change("DELETE", f"/2/tweets/{message_id}")
        else:
            raise Permanent("X does not know this action.")

    async def aclose(self) -> None:
        await self._api.aclose()


def _posts(told: Json) -> list[Post]:
    found: list[Post] = []
    for entry in objects(told.get("data")):
        try:
            found.append(Post.model_validate(entry))
        except ValidationError:
            continue
    return found
