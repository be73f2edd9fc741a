"""The connector: notifications and lists in, replies out in two steps."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel

from connectors.meta import hooks
from connectors.meta.catching_up import catch_up
from connectors.meta.graph import Graph, entries
from connectors.meta.hooks import Pieces
from connectors.meta.parts import Part
from connectors.meta.shapes import inner, moment
from connectors.threads import looking, posts
from connectors.threads.config import ThreadsConfig
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Event,
    Permanent,
    Receipt,
    Reply,
    Request,
    Response,
    Secrets,
    Standing,
    Transient,
    Verification,
)

LOOKS, PAUSE = 10, 2.0  # at a reply that is being made ready, and seconds between them
RENEW = timedelta(days=30)  # before its end a token is renewed; it lasts 60 days


class Threads:
    """One profile: replies to its posts, and mentions of it."""

    name: ClassVar[str] = "threads"
    title: ClassVar[str] = "Threads"
    Config: ClassVar[type[BaseModel]] = ThreadsConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=500,
        deletes_in=True,  # of our own
        history=True,
        actions=frozenset({Action.HIDE, Action.UNHIDE, Action.DELETE}),
        own_only=frozenset({Action.DELETE}),
        consequences={
            Action.HIDE: "It is hidden with all answers below it. It can be shown again.",
        },
    )
    about: ClassVar[str] = "threads"  # of its notifications

    def __init__(self, config: ThreadsConfig) -> None:
        self._config = config
        self.own = config.user_id
        self._graph = Graph(self.title, config.api_url, config.access_token.get_secret_value())
        self._quota = Standing()
        self._secrets: Secrets | None = None

    @property
    def standing(self) -> Standing:
        """How many replies of a day are used; when the token ends."""
        return replace(self._quota, token_expires_at=self._graph.standing.token_expires_at)

    def lend(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def check(self) -> Author:
        """The token is this profile's."""
        me = await self._graph.get("me", fields="id,username,name,threads_profile_picture_url")
        if str(me.get("id")) != self.own:
            raise AuthError("The access token is not this profile's: enter the id that belongs to it.")
        handle = str(me.get("username") or "")
        picture = me.get("threads_profile_picture_url")
        return Author(self.own, str(me.get("name") or handle or "Threads"), handle or None, picture, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What notifications did not bring."""
        async with aclosing(catch_up(self._look, cursor, timedelta(days=self._config.history_days))) as batches:
            async for batch in batches:
                yield batch

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """One address serves all profiles of the app: batches are keyed by the profile's id."""
        return hooks.receive(request, self._config, self)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A notification that could not be read before."""
        return hooks.reread(raw, received_at, self)

    def account(self, part: Part) -> str:
        return posts.account(part)

    def read(self, part: Part, account: str) -> list[Event]:
        """The event of a notification."""
        return [posts.told(part, account)]

    async def send(self, reply: Reply) -> Receipt:
        """Make the reply ready, which nobody sees, then publish it (https://developers.facebook.com/docs/threads/reply-management)."""
        if reply.attachments:
            raise Permanent("Threads fetches files from a public address only: answer without the file.")
        if not reply.text.strip():
            raise Permanent("Threads takes no empty reply.")
        content = {"media_type": "TEXT", "text": reply.text, "reply_to_id": reply.parent_id or reply.thread_id}
        ready = str((await self._graph.post(f"{self.own}/threads", content, sending=False)).get("id") or "")
        await self._wait_for(ready)
        told = await self._graph.post(f"{self.own}/threads_publish", {"creation_id": ready})
        if not told.get("id"):
            raise Ambiguous("Threads took the reply, but does not say what became of it.")
        return Receipt(str(told["id"]), datetime.now(UTC))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our reply with these words to the post answered (https://developers.facebook.com/docs/threads/retrieve-and-discover-posts)."""
        target = reply.parent_id or reply.thread_id
        told = await self._graph.get(f"{self.own}/replies", fields="id,text,timestamp,permalink,replied_to", limit=100)
        for entry in entries(told):
            if str(inner(entry, "replied_to", "id")) == target and str(entry.get("text", "")).split() == reply.text.split():
                return Receipt(str(entry["id"]), moment(entry["timestamp"]), entry.get("permalink"))
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Hide or show a reply to a post of ours with all below it, or delete what we said."""
        if action in {Action.HIDE, Action.UNHIDE}:
            await self._graph.post(f"{message_id}/manage_reply", {"hide": action is Action.HIDE}, sending=False)
        elif action is Action.DELETE:
            await self._graph.delete(message_id)
        else:
            raise Permanent("Threads has no such action.")

    def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All replies to a post, of every depth."""
        return looking.listed(self._graph, self.own, post_id)

    async def aclose(self) -> None:
        await self._graph.aclose()

    async def _look(self, since: datetime, pieces: Pieces) -> None:
        await self._keep_token()
        await looking.look(self._graph, self.own, since, pieces)
        told = await self._graph.get(f"{self.own}/threads_publishing_limit", fields="reply_quota_usage,reply_config")
        for limit in entries(told):
            used, total = limit.get("reply_quota_usage"), inner(limit, "reply_config", "quota_total")
            self._quota = Standing(quota_used=used, quota_limit=total)

    async def _keep_token(self) -> None:
        """Renew a token that ends soon (https://developers.facebook.com/docs/threads/get-started/long-lived-tokens)."""
        await self._graph.look_at_token()
        ends = self._graph.standing.token_expires_at
        if ends is None or ends - datetime.now(UTC) > RENEW:
            return
        with suppress(Permanent):  # too young, or not long-lived: then its end is told
            told = await self._graph.get("refresh_access_token", grant_type="th_refresh_token")
            token, seconds = told.get("access_token"), told.get("expires_in")
            if isinstance(token, str) and token and isinstance(seconds, int):
                if self._secrets is not None:
                    await self._secrets.keep({"access_token": token})
                self._graph.renew(token)
                self._graph.token_ends(datetime.now(UTC) + timedelta(seconds=seconds))

    async def _wait_for(self, ready: str) -> None:
        """https://developers.facebook.com/docs/threads/troubleshooting#publishing-does-not-return-a-media-id"""
        for _ in range(LOOKS):
            told = await self._graph.get(ready, fields="status,error_message")
            status = str(told.get("status") or "FINISHED")
            if status in {"FINISHED", "PUBLISHED"}:
                return
            if status in {"ERROR", "EXPIRED"}:
                raise Permanent(f"Threads cannot publish the reply: {told.get('error_message') or status}"[:300])
            await asyncio.sleep(PAUSE)
        raise Transient("Threads still works on the reply.")
