"""The connector: notifications and lists in, comments and messages out."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel

from connectors.facebook import feed, looking
from connectors.facebook.config import FacebookConfig
from connectors.meta import chats, direct, hooks, outgoing
from connectors.meta.catching_up import catch_up
from connectors.meta.graph import Graph, uploaded
from connectors.meta.hooks import Passed, Pieces
from connectors.meta.parts import Part
from connectors.meta.shapes import Json, inner, moment
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Event,
    Length,
    Permanent,
    Receipt,
    Reply,
    Request,
    Response,
    Standing,
    Verification,
)

APP = "Messenger"
NEEDED = frozenset(
    {"pages_messaging", "pages_manage_engagement", "pages_read_engagement", "pages_read_user_content", "pages_manage_metadata"}
)


class Facebook:
    """One Page: comments on posts and ads, visitor posts, mentions, and Messenger."""

    name: ClassVar[str] = "facebook"
    title: ClassVar[str] = "Facebook"
    Config: ClassVar[type[BaseModel]] = FacebookConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=8000,
        other_lengths={ConversationKind.DIRECT: Length(2000)},
        edits_in=True,
        deletes_in=True,
        history=True,
        attachments=True,
        actions=frozenset({Action.LIKE, Action.HIDE, Action.UNHIDE, Action.DELETE, Action.EDIT, Action.PRIVATE_REPLY}),
        own_only=frozenset({Action.EDIT}),
        consequences={
            Action.HIDE: "Only its author and their friends still see it. It can be shown again.",
            Action.PRIVATE_REPLY: "One message in a private chat, within seven days. What is public stays unanswered for others.",
        },
        window_hours=24,
        human_window_hours=7 * 24,
        window_kinds=frozenset({ConversationKind.DIRECT}),  # comments can be answered at any time
    )
    about: ClassVar[str] = "page"  # of its notifications

    def __init__(self, config: FacebookConfig) -> None:
        self._config = config
        self.own = config.page_id
        self._ours = Author(config.page_id, "Facebook Page", is_self=True)
        self._graph = Graph(self.title, config.graph_url, config.access_token.get_secret_value(), config.app_secret.get_secret_value())

    @property
    def standing(self) -> Standing:
        return self._graph.standing

    async def check(self) -> Author:
        """The token is the Page's own, and may do what is needed."""
        await self._graph.look_at_token(self._config.app_id, NEEDED)
        me = await self._graph.get("me", fields="id,name,username,picture{url}")
        if str(me.get("id")) != self.own:
            raise AuthError("The access token is not this Page's: take the Page's own token, not a person's.")
        picture = inner(me, "picture", "data", "url")
        return Author(self.own, str(me.get("name") or "Facebook Page"), me.get("username"), picture, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What notifications did not bring."""
        async with aclosing(catch_up(self._look, cursor, timedelta(days=self._config.history_days))) as batches:
            async for batch in batches:
                yield batch

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """One address serves all Pages of the app: batches are keyed by the Page's id."""
        return hooks.receive(request, self._config, self)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A notification, or a part of one, that could not be read before."""
        return hooks.reread(raw, received_at, self)

    def account(self, part: Part) -> str:
        return part.entry_id

    def read(self, part: Part, account: str) -> list[Event]:
        """One part of a notification."""
        if part.field == "messaging":
            return list(direct.read(part, Author(account, self._ours.name, is_self=True), APP))
        if part.field in {"feed", "mention"}:
            return list(feed.read(part, account))
        raise Passed(f"changes of {part.field}"[:80])

    async def send(self, reply: Reply) -> Receipt:
        """A message into the chat, or an answer under the comment; with `private`, one message to who commented."""
        customer = direct.customer(reply.thread_id)
        if customer is not None:
            return await outgoing.send(self._graph, reply, {"id": customer}, platform="messenger", keyed=True)
        target = reply.parent_id or reply.thread_id
        if reply.private:
            return await outgoing.send(self._graph, reply, self._whom(target, reply), platform="messenger", keyed=True)
        outgoing.refuse_more_than(reply.attachments, 1, self.title)
        files = {"source": uploaded(reply.attachments[0])} if reply.attachments else None
        told = await self._graph.post(f"{target}/comments", {"message": reply.text}, files=files)
        if not told.get("id"):
            raise Ambiguous("Facebook took the comment, but does not say what became of it.")
        return self._receipt(str(told["id"]))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our comment with these words under the one answered. Chats tell by their echo, which brings our key."""
        if direct.customer(reply.thread_id) is not None or reply.private:
            raise Permanent("Messenger cannot be asked; its echo tells, if the message was sent.")
        edge = f"{reply.parent_id or reply.thread_id}/comments"
        async with aclosing(self._graph.pages(edge, order="reverse_chronological", fields="id,message,created_time,from{id}")) as pages:
            async for page in pages:
                for entry in page:
                    if str(inner(entry, "from", "id")) == self.own and str(entry.get("message", "")).split() == reply.text.split():
                        return Receipt(str(entry["id"]), moment(entry["created_time"]), self._permalink(str(entry["id"])))
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Moderate a comment, or answer who wrote it in private."""
        if not message_id.replace("_", "").isdecimal():
            raise Permanent("Messenger has no such action.")
        if action is Action.LIKE:
            await self._graph.post(f"{message_id}/likes", sending=False)
        elif action in {Action.HIDE, Action.UNHIDE}:
            await self._graph.post(message_id, {"is_hidden": action is Action.HIDE}, sending=False)
        elif action is Action.EDIT:
            await self._graph.post(message_id, {"message": text}, sending=False)
        elif action is Action.DELETE:
            await self._graph.delete(message_id)
        elif action is Action.PRIVATE_REPLY:
            await self.send(Reply(key=f"private:{message_id}", thread_id=message_id, text=text, private=True))
        else:
            raise Permanent("Facebook has no such action.")

    def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a post."""
        return looking.listed(self._graph, self.own, post_id)

    async def counts(self, post_id: str) -> int:
        return await looking.count(self._graph, post_id)

    async def aclose(self) -> None:
        await self._graph.aclose()

    async def _look(self, since: datetime, pieces: Pieces) -> None:
        await self._graph.look_at_token(self._config.app_id)
        await looking.look(self._graph, self.own, since, pieces)
        await chats.look(self._graph, self._ours, "messenger", since, pieces, APP)

    def _whom(self, target: str, reply: Reply) -> Json:
        """A visitor's post and a comment are named differently; only the former has the Page's id in its own."""
        is_post = target.startswith(f"{self.own}_") or target == reply.post_id
        return {"post_id": target} if is_post else {"comment_id": target}

    def _receipt(self, name: str) -> Receipt:
        return Receipt(name, datetime.now(UTC), self._permalink(name))

    def _permalink(self, name: str) -> str:
        return f"https://www.facebook.com/{name}"
