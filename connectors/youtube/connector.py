"""The connector: a channel's comments by polling within a quota, and a way to answer and moderate them."""

from asyncio import sleep
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import BaseModel, ValidationError

from connectors.polling import now
from connectors.rest import first, inner
from connectors.youtube import listing, moderation, parse
from connectors.youtube.api import YouTubeApi
from connectors.youtube.config import YouTubeConfig
from connectors.youtube.place import Place
from connectors.youtube.reading import REPLY_PAGES, Reader
from connectors.youtube.shapes import Comment
from inbox.contract import (
    Action,
    Ambiguous,
    AuthError,
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

SCOPE = "youtube.force-ssl"
RESERVE = 5  # one unit of so many is kept for replies
SHORTEST, LONGEST = 15.0, 900.0  # seconds between two looks
RECENT = timedelta(hours=1)  # a doubtful reply was sent within this time


class YouTube:
    """The comments under a channel's videos. YouTube pushes nothing: they are fetched."""

    name: ClassVar[str] = "youtube"
    title: ClassVar[str] = "YouTube"
    Config: ClassVar[type[BaseModel]] = YouTubeConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=10_000,
        edits_in=True,
        deletes_in=True,
        history=True,
        actions=frozenset({Action.HIDE, Action.UNHIDE, Action.APPROVE, Action.SPAM, Action.DELETE, Action.EDIT}),
        own_only=frozenset({Action.EDIT}),
        consequences=moderation.CONSEQUENCES,
    )

    def __init__(self, config: YouTubeConfig) -> None:
        self._config = config
        self._api = YouTubeApi(config)
        self._me = ""

    @property
    def standing(self) -> Standing:
        budget, at = self._api.budget, now()
        return Standing(budget.limit - budget.left(at), budget.limit, budget.resets_at(at))

    async def check(self) -> Author:
        """Ask whose channel it is, and whether the grant is good for answers."""
        told = await self._api.read("channels", part="snippet", mine=True)
        scope = self._api.tokens.scope
        if scope and SCOPE not in scope:
            raise AuthError(f"The access lacks the scope {SCOPE}: comments cannot be answered with it.")
        channel = first(told.get("items"))
        if not channel.get("id"):
            raise AuthError("The Google account has no YouTube channel.")
        self._me = str(channel["id"])
        name, handle = inner(channel, "snippet", "title"), inner(channel, "snippet", "customUrl")
        return Author(self._me, str(name or self._me), str(handle) if handle else None, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Look, and wait as long as the day's units ask for."""
        place = Place.read(cursor)
        reader, budget = Reader(self._api, await self._whoami(), place, self._config.history), self._api.budget
        reserve, looks = budget.limit // RESERVE, 0
        while True:
            at = now()
            if budget.left(at) <= reserve:
                raise RateLimited("The units of the day that are for reading are used up.", (budget.resets_at(at) - at).total_seconds())
            for batch in await reader.look():
                yield batch
            looks += 1
            cost = max(2.0, budget.total / looks)
            await sleep(budget.pause(cost, now(), reserve=reserve, shortest=SHORTEST, longest=LONGEST))

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # a comment names its time itself
        """Something that could not be read before."""
        return listing.reread(raw, self._me)

    def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All comments of a video."""
        return listing.listed(self._api, post_id, self._whoami)

    async def counts(self, post_id: str) -> int:
        """What YouTube says: answers count too."""
        return await listing.count(self._api, post_id)

    async def send(self, reply: Reply) -> Receipt:
        """Answer in the thread: YouTube's threads have one level (https://developers.google.com/youtube/v3/docs/comments/insert)."""
        if reply.attachments:
            raise Permanent("YouTube takes no files with a comment.")
        told = await self._api.change(
            "POST", "comments", {"snippet": {"parentId": reply.thread_id, "textOriginal": reply.text}}, part="snippet"
        )
        try:
            return self._receipt(Comment.model_validate(told), reply.post_id)
        except ValidationError:
            raise Ambiguous("YouTube took the reply, but does not say what became of it.") from None

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Our own latest words in that thread, if they are these. That they are not listed proves nothing."""
        since, me = now() - RECENT, await self._whoami()
        async for page in self._api.pages("comments", most=REPLY_PAGES, part="snippet", parentId=reply.thread_id, textFormat="plainText"):
            for comment in listing.comments(page):
                if comment.snippet.authorChannelId.value == me and comment.text == reply.text and comment.snippet.publishedAt > since:
                    return self._receipt(comment, reply.post_id)
        raise Permanent("YouTube does not list the reply; it may show it later.")

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Moderate a comment, or change one of ours."""
        await moderation.act(self._api, action, message_id, text, self._whoami)

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _whoami(self) -> str:
        if not self._me:
            told = await self._api.read("channels", part="id", mine=True)
            self._me = str(first(told.get("items")).get("id") or "")
        if not self._me:
            raise Transient("YouTube does not say whose channel it is.")
        return self._me

    def _receipt(self, comment: Comment, video: str | None) -> Receipt:
        return Receipt(comment.id, comment.snippet.publishedAt, parse.permalink(comment.id, comment.snippet.videoId or video))
