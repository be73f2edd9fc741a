"""A page's comments as batches: posts whose number of comments changed, and now and then all of the latest posts, for edits.

A list of comments is read whole, so that one that is missing from it was deleted.
"""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import ValidationError

from connectors.linkedin import parse
from connectors.linkedin.api import MOST_PAGES, PAGE, LinkedInApi
from connectors.linkedin.place import Place
from connectors.linkedin.shapes import Comment, Post, parts
from connectors.polling import LONG_AGO, Pieces, digest, now
from connectors.rest import Json, Refusal
from inbox.contract import Batch, EventKind

POSTS = 20  # that are watched
SWEEP = 10  # every so many looks, all of them are read


class Reader:
    """One stream of a page."""

    def __init__(self, api: LinkedInApi, me: str, place: Place, history: int) -> None:
        self.api, self.me, self.place, self._history = api, me, place, history
        self._looks = 0
        api.budget.used, api.budget.day = place.used, place.day

    async def look(self) -> Iterable[Batch]:
        """Everything that has become known since the last look, oldest first."""
        before, pieces = str(self.place) if self.place.start else None, Pieces()
        posts = self._opened(await self.api.posts(POSTS), pieces)
        counts = await self.api.counts([post.id for post in posts]) if posts else {}
        sweeps = self._looks % SWEEP == 0
        said: list[tuple[Comment, Post]] = []
        for post in posts:
            if sweeps or counts.get(post.id) != self.place.counts.get(post.id):
                found = await self.comments(post.id, pieces)
                said += [(comment, post) for comment in found]
        self.place.counts = counts
        if self.place.start is None:
            said = self._begin(said)
        for comment, post in said:
            self._tell(comment, post, pieces)
        self._looks += 1
        self.place.used, self.place.day = self.api.budget.used, self.api.budget.day
        pieces.events.sort(key=lambda event: event.at)
        return pieces.batches(before, str(self.place))

    def _opened(self, entries: list[Json], pieces: Pieces) -> list[Post]:
        found: list[Post] = []
        for entry in entries:
            try:
                post = Post.model_validate(entry)
            except ValidationError as error:
                pieces.reject("post", entry, error)
                continue
            if post.lifecycleState == "PUBLISHED":
                found.append(post)
        return found

    async def comments(self, post: str, pieces: Pieces) -> list[Comment]:
        """All comments of a post, and all answers to them; those that are known and missing were deleted."""
        try:
            found, is_whole = await self._list(post, pieces)
            for comment in list(found):
                if comment.commentsSummary.totalFirstLevelComments:
                    replies, all_of_them = await self._list(comment.commentUrn, pieces, comment.commentUrn)
                    found, is_whole = found + replies, is_whole and all_of_them
        except Refusal:  # comments are turned off, or the post has just gone
            pieces.pass_over("a post whose comments cannot be listed")
            return []
        if is_whole and found:
            self._miss({comment.commentUrn for comment in found}, parts(found[0].commentUrn)[0], pieces)
        return sorted(found, key=lambda comment: comment.created.time)

    async def _list(self, of: str, pieces: Pieces, parent: str | None = None) -> tuple[list[Comment], bool]:
        found: list[Comment] = []
        pages, is_whole, last = 0, True, 0
        async for page in self.api.comments(of):
            pages, last = pages + 1, len(page)
            for entry in page:
                try:
                    found.append(Comment.model_validate(entry | ({"parentComment": parent} if parent else {})))
                except ValidationError as error:
                    is_whole = False
                    pieces.reject("comment", entry, error)
        return found, is_whole and not (pages == MOST_PAGES and last == PAGE)

    def _miss(self, found: set[str], activity: str, pieces: Pieces) -> None:
        for name in list(self.place.comments.known):
            if name not in found and parts(name)[0] == activity:
                self.place.comments.forget(name)
                pieces.events.append(parse.deletion(name, now()))

    def _begin(self, said: list[tuple[Comment, Post]]) -> list[tuple[Comment, Post]]:
        """At first, only the latest: what is older stays out for ever."""
        said = sorted(said, key=lambda one: one[0].created.time)
        kept = said[len(said) - self._history :] if self._history < len(said) else said
        newest = said[-1][0].created.time + timedelta(milliseconds=1) if said else LONG_AGO
        self.place.start = kept[0][0].created.time if kept else newest
        return kept

    def _tell(self, comment: Comment, post: Post, pieces: Pieces) -> None:
        """A comment as what is new about it, if anything is."""
        if self.place.start and comment.created.time < self.place.start:
            return
        is_new = self.place.comments.see(comment.commentUrn, digest(comment.message.text))
        if is_new is None:
            return
        hung = parse.post_of(post, comment.object)
        if is_new:
            pieces.events.append(parse.comment(comment, hung, self.me))
        # One that is not known may be known from long ago, before it was edited.
        if not is_new or (comment.lastModified and comment.lastModified.time > comment.created.time + timedelta(seconds=1)):
            pieces.events.append(parse.comment(comment, hung, self.me, EventKind.EDIT))
