"""A channel's comments as batches: looks at what is new, and now and then at what was read before.

Threads are listed by when they began, so an answer to an old one shows only in its count of answers; an edit only in `updatedAt`; a deleted
comment is missing when it is asked for by its id. Each look costs units, and the day's units are spread over the day (`polling.Budget`).
"""

from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.polling import Pieces, Reach, digest, now
from connectors.rest import Json, Refusal, objects
from connectors.youtube import parse
from connectors.youtube.api import AT_ONCE, YouTubeApi
from connectors.youtube.parse import Said
from connectors.youtube.place import Place
from connectors.youtube.posts import Posts
from connectors.youtube.shapes import Comment, Thread
from inbox.contract import Batch, Event

MOST_PAGES = 50  # of threads that one look reads back, after a long absence
REPLY_PAGES = 10
SWEEP = 10  # every so many looks, what is known is looked at again
SWEEP_PAGES = 2
WATCHED = 300  # comments that are asked for again
OVERLAP = timedelta(hours=1)
HELD = "|held"


class Reader:
    """One stream of a channel."""

    def __init__(self, api: YouTubeApi, me: str, place: Place, history: int) -> None:
        self.api, self.me, self.place, self._history = api, me, place, history
        self.posts = Posts(api)
        self._looks = 0
        api.budget.used, api.budget.day = place.used, place.day

    async def look(self) -> Iterable[Batch]:
        """Everything that has become known since the last look, oldest first."""
        before, pieces = str(self.place) if self.place.start else None, Pieces()
        sweeps = self._looks % SWEEP == 0
        entries = await self._new_threads(pieces, at_least=SWEEP_PAGES if sweeps and before else 1)
        held = [entry async for page in self._threads(1, moderationStatus="heldForReview") for entry in page]
        if self.place.start is None:
            self._begin(entries + held)
        said = [one for entry in [*reversed(entries), *reversed(held)] for one in await self._read(entry, pieces)]
        await self.posts.find(one.video for one in said)
        for one in said:
            self._tell(one, pieces)
        if sweeps and before:
            await self._sweep(pieces)
        pieces.events.sort(key=lambda event: event.at)
        self._looks += 1
        self.place.used, self.place.day = self.api.budget.used, self.api.budget.day
        return pieces.batches(before, str(self.place))

    def _threads(self, most: int, **params: Any) -> AsyncGenerator[list[Json]]:
        given = {"part": "snippet,replies", "order": "time", "textFormat": "plainText", "allThreadsRelatedToChannelId": self.me}
        return self.api.pages("commentThreads", most=most, **given, **params)

    async def _new_threads(self, pieces: Pieces, *, at_least: int) -> list[Json]:
        """Threads from the newest back to those that were met before."""
        reach = Reach(self.place.newest, self._history, OVERLAP, pages=at_least)
        found = await reach.read(self._threads(MOST_PAGES), _began, MOST_PAGES)
        pieces.gap = reach.gap
        self.place.newest = reach.newest
        return found

    def _begin(self, entries: list[Json]) -> None:
        """What comes in at first is all that was asked for: what is older stays out for ever."""
        times = [at for at in map(_began, entries) if at] if self._history else []
        self.place.start = min(times, default=(self.place.newest or now()) + timedelta(seconds=1))

    async def _read(self, entry: Json, pieces: Pieces) -> list[Said]:
        """The comments of a thread: those that came along, and all its answers where there are more than that and their number changed."""
        try:
            thread = Thread.model_validate(entry)
        except ValidationError as error:
            pieces.reject("thread", entry, error)
            return []
        snippet, along = thread.snippet, thread.replies.comments
        news = self.place.threads.see(thread.id, str(snippet.totalReplyCount)) is not None
        replies: Iterable[Comment] = along
        if news and snippet.totalReplyCount > len(along):
            replies = await self._replies(thread.id, pieces) or along
        ordered = sorted(replies, key=lambda reply: reply.snippet.publishedAt)
        return [Said(comment, thread.id, snippet.videoId) for comment in (snippet.topLevelComment, *ordered)]

    async def _replies(self, thread: str, pieces: Pieces) -> list[Comment]:
        found: list[Comment] = []
        try:
            async for page in self.api.pages("comments", most=REPLY_PAGES, part="snippet", parentId=thread, textFormat="plainText"):
                for entry in page:
                    try:
                        found.append(Comment.model_validate(entry))
                    except ValidationError as error:
                        pieces.reject("comment", entry, error)
        except Refusal:  # the thread has just gone: the next look tells
            self.place.threads.forget(thread)
        return found

    def _tell(self, said: Said, pieces: Pieces) -> None:
        """A comment as what is new about it, if anything is."""
        comment, post = said.comment, self.posts.get(said.video)
        version = digest(comment.version)
        before = self.place.comments.known.get(comment.id)
        held = HELD if comment.is_held else ""
        if self.place.comments.see(comment.id, version + held) is None:
            return
        if self.place.start and comment.snippet.publishedAt < self.place.start:
            pieces.pass_over("older than the history asked for")
            return
        if before is None:
            pieces.events.append(parse.message(said, post, self.me))
        # One that is not known may be known from long ago, before it was edited.
        is_edited = comment.snippet.updatedAt not in {None, comment.snippet.publishedAt}
        if is_edited if before is None else before.removesuffix(HELD) != version:
            pieces.events.append(parse.edit(said, post, self.me))
        if held != (HELD if before and before.endswith(HELD) else ""):
            pieces.events.append(parse.moderation(said, now()))

    async def _sweep(self, pieces: Pieces) -> None:
        """What became of the latest comments: those that are missing are gone, unless they are only held for review."""
        known = self.place.comments.known
        names = [name for name in self.place.comments.latest(WATCHED) if not known[name].endswith(HELD)]
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            told = await self.api.read("comments", part="snippet", id=",".join(some), textFormat="plainText", maxResults=100)
            pieces.events += self._compared(objects(told.get("items")), some, pieces)

    def _compared(self, entries: list[Json], names: list[str], pieces: Pieces) -> Iterable[Event]:
        found = {str(entry.get("id")): entry for entry in entries}
        for name in names:
            if name not in found:
                self.place.comments.forget(name)
                yield parse.deletion(name, now())
                continue
            try:
                comment = Comment.model_validate(found[name])
            except ValidationError as error:
                pieces.reject("comment", found[name], error)
                continue
            self._tell(Said(comment, comment.snippet.parentId or name, comment.snippet.videoId), pieces)


def _began(entry: Json) -> datetime | None:
    try:
        return Thread.model_validate(entry).snippet.topLevelComment.snippet.publishedAt
    except ValidationError:
        return None
