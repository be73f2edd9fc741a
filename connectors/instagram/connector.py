"""The connector: notifications and lists in, comments and direct messages out."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel

from connectors.instagram import comments, looking
from connectors.instagram.comments import MENTION
from connectors.instagram.config import InstagramConfig
from connectors.meta import chats, direct, hooks, outgoing
from connectors.meta.catching_up import catch_up
from connectors.meta.graph import Graph
from connectors.meta.hooks import Passed, Pieces
from connectors.meta.parts import Part
from connectors.meta.shapes import inner, moment
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Event,
    Length,
    LengthUnit,
    Permanent,
    Receipt,
    Reply,
    Request,
    Response,
    Standing,
    Verification,
)

NEEDED = frozenset({"instagram_basic", "instagram_manage_comments", "instagram_manage_messages", "pages_manage_metadata"})


class Instagram:
    """One professional account: comments on posts, reels, ads and live broadcasts, mentions, stories, direct messages."""

    name: ClassVar[str] = "instagram"
    title: ClassVar[str] = "Instagram"
    Config: ClassVar[type[BaseModel]] = InstagramConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=300,  # of a comment (…/docs/instagram-platform/instagram-graph-api/reference/ig-media/comments#limitations)
        other_lengths={ConversationKind.DIRECT: Length(1000, LengthUnit.BYTES)},
        deletes_in=True,  # messages that were taken back
        history=True,
        attachments=True,
        actions=frozenset({Action.HIDE, Action.UNHIDE, Action.DELETE, Action.PRIVATE_REPLY}),
        consequences={
            Action.PRIVATE_REPLY: "One message in a private chat, within seven days. What is public stays unanswered for others.",
        },
        window_hours=24,
        human_window_hours=7 * 24,
        window_kinds=frozenset({ConversationKind.DIRECT}),  # comments can be answered at any time
    )
    about: ClassVar[str] = "instagram"  # of its notifications

    def __init__(self, config: InstagramConfig) -> None:
        self._config = config
        self.own = config.instagram_id
        self._ours = Author(config.instagram_id, "Instagram", is_self=True)
        token, secret = config.access_token.get_secret_value(), config.app_secret.get_secret_value()
        self._graph = Graph(self.title, config.graph_url, token, secret)

    @property
    def standing(self) -> Standing:
        return self._graph.standing

    async def check(self) -> Author:
        """The token may do what is needed, and reaches the account."""
        await self._graph.look_at_token(self._config.app_id, NEEDED)
        me = await self._graph.get(self.own, fields="id,username,name,profile_picture_url")
        handle = str(me.get("username") or "")
        return Author(self.own, str(me.get("name") or handle or "Instagram"), handle or None, me.get("profile_picture_url"), is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What notifications did not bring."""
        async with aclosing(catch_up(self._look, cursor, timedelta(days=self._config.history_days))) as batches:
            async for batch in batches:
                yield batch

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """One address serves all accounts of the app: batches are keyed by the account's id."""
        return hooks.receive(request, self._config, self)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A notification, or a part of one, that could not be read before."""
        return hooks.reread(raw, received_at, self)

    def account(self, part: Part) -> str:
        return part.entry_id

    def read(self, part: Part, account: str) -> list[Event]:
        """One part of a notification."""
        if part.field == "messaging":
            return list(direct.read(part, Author(account, self._ours.name, is_self=True), self.title))
        if part.field in {"comments", "live_comments"}:
            return [comments.told(part, account)]
        if part.field == "mentions":
            return [comments.mentioned(part, account)]
        raise Passed(f"changes of {part.field}"[:80])

    async def send(self, reply: Reply) -> Receipt:
        """A message into the chat, or an answer to the comment or mention; with `private`, one message to who commented."""
        customer = direct.customer(reply.thread_id)
        if customer is not None:
            return await outgoing.send(self._graph, reply, {"id": customer}, platform="instagram", keyed=False)
        if reply.private:
            whom = {"comment_id": reply.parent_id or reply.thread_id}
            return await outgoing.send(self._graph, reply, whom, platform="instagram", keyed=False)
        outgoing.refuse_more_than(reply.attachments, 0, self.title)
        if reply.thread_id.startswith(MENTION):
            media_id, _, comment_id = reply.thread_id.removeprefix(MENTION).partition(":")
            about = {"media_id": media_id} | ({"comment_id": comment_id} if comment_id else {})
            told = await self._graph.post(f"{self.own}/mentions", {**about, "message": reply.text})
        else:  # only comments on the post itself can be answered: an answer to an answer stands beside it
            told = await self._graph.post(f"{reply.thread_id or reply.parent_id}/replies", {"message": reply.text})
        if not told.get("id"):
            raise Ambiguous("Instagram took the comment, but does not say what became of it.")
        return Receipt(str(told["id"]), datetime.now(UTC))

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our answer with these words to the comment. Chats and mentions cannot be asked."""
        if direct.customer(reply.thread_id) is not None or reply.private or reply.thread_id.startswith(MENTION):
            raise Permanent("Instagram cannot be asked for it; its echo tells, if it was sent.")
        edge = f"{reply.thread_id or reply.parent_id}/replies"
        async with aclosing(self._graph.pages(edge, fields="id,text,timestamp,from", limit=50)) as pages:
            async for page in pages:
                for entry in page:
                    is_ours = self.own == str(inner(entry, "from", "id")) or inner(entry, "from", "self_ig_scoped_id") is not None
                    if is_ours and str(entry.get("text", "")).split() == reply.text.split():
                        return Receipt(str(entry["id"]), moment(entry["timestamp"]))
        return None

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Moderate a comment, or answer who wrote it in private."""
        if not message_id.isdecimal():
            raise Permanent("Direct messages have no such action.")
        if action in {Action.HIDE, Action.UNHIDE}:
            await self._graph.post(message_id, {"hide": action is Action.HIDE}, sending=False)
        elif action is Action.DELETE:
            await self._graph.delete(message_id)
        elif action is Action.PRIVATE_REPLY:
            await self.send(Reply(key=f"private:{message_id}", thread_id=message_id, text=text, private=True))
        else:
            raise Permanent("Instagram has no such action.")

    async def fetch_file(self, url: str) -> bytes:
        """The words of a mention, which its notification does not tell."""
        return await looking.words_of_mention(self._graph, self.own, url.removeprefix(comments.SCHEME))

    def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a post, with their answers."""
        return looking.listed(self._graph, self.own, post_id)

    async def counts(self, post_id: str) -> int:
        told = await self._graph.get(post_id, fields="comments_count")
        return int(told.get("comments_count") or 0)

    async def aclose(self) -> None:
        await self._graph.aclose()

    async def _look(self, since: datetime, pieces: Pieces) -> None:
        await self._graph.look_at_token(self._config.app_id)
        await looking.look(self._graph, self.own, since, pieces)
        await chats.look(self._graph, self._ours, "instagram", since, pieces, self.title)
