"""An account's comments as batches: videos whose number of comments changed, and now and then all of the latest videos.

A list of comments is read whole, so that one that is missing from it was deleted. TikTok knows no edits.
"""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import ValidationError

from connectors.polling import LONG_AGO, Pieces, now
from connectors.rest import Json, Refusal
from connectors.tiktok import parse
from connectors.tiktok.api import MOST_PAGES, TikTokApi
from connectors.tiktok.place import Place
from connectors.tiktok.shapes import Comment, Video
from inbox.contract import Batch

VIDEOS = 20  # that are watched
SWEEP = 15  # every so many looks, all of them are read
HIDDEN = "hidden"


class Reader:
    """One stream of an account."""

    def __init__(self, api: TikTokApi, me: str, place: Place, history: int) -> None:
        self.api, self.me, self.place, self._history = api, me, place, history
        self._looks = 0

    async def look(self) -> Iterable[Batch]:
        """Everything that has become known since the last look, oldest first."""
        before, pieces = str(self.place) if self.place.start else None, Pieces()
        videos = self._opened(await self.api.videos(VIDEOS), pieces)
        sweeps = self._looks % SWEEP == 0
        said: list[tuple[Comment, Video]] = []
        for video in videos:
            if sweeps or self.place.counts.get(video.item_id) != video.comments:
                said += [(comment, video) for comment in await self.comments(video.item_id, pieces)]
        self.place.counts = {video.item_id: video.comments for video in videos}
        if self.place.start is None:
            said = self._begin(said)
        for comment, video in said:
            self._tell(comment, video, pieces)
        self._looks += 1
        pieces.events.sort(key=lambda event: event.at)
        return pieces.batches(before, str(self.place))

    def _opened(self, entries: list[Json], pieces: Pieces) -> list[Video]:
        found: list[Video] = []
        for entry in entries:
            try:
                found.append(Video.model_validate(entry))
            except ValidationError as error:
                pieces.reject("video", entry, error)
        return found

    async def comments(self, video: str, pieces: Pieces) -> list[Comment]:
        """All comments of a video, and all answers to them; those that are known and missing were deleted."""
        try:
            found, is_whole = await self._list(video, None, pieces)
            for comment in list(found):
                replies = list(comment.reply_list or ())
                if comment.replies > len(replies):
                    replies, all_of_them = await self._list(video, comment.comment_id, pieces)
                    is_whole = is_whole and all_of_them
                found += [reply.model_copy(update={"parent_comment_id": comment.comment_id}) for reply in replies]
        except Refusal:  # comments are turned off, or the video has just gone
            pieces.pass_over("a video whose comments cannot be listed")
            return []
        if is_whole:
            self._miss({comment.name for comment in found}, video, pieces)
        return sorted(found, key=lambda comment: comment.create_time)

    async def _list(self, video: str, comment: str | None, pieces: Pieces) -> tuple[list[Comment], bool]:
        found: list[Comment] = []
        pages, is_whole = 0, True
        async for page in self.api.comments(video, comment):
            pages += 1
            for entry in page:
                try:
                    found.append(Comment.model_validate(entry))
                except ValidationError as error:
                    is_whole = False
                    pieces.reject("comment", entry, error)
        return found, is_whole and pages < MOST_PAGES

    def _miss(self, found: set[str], video: str, pieces: Pieces) -> None:
        for name in list(self.place.comments.known):
            if name.startswith(f"{video}/") and name not in found:
                self.place.comments.forget(name)
                pieces.events.append(parse.deletion(name, now()))

    def _begin(self, said: list[tuple[Comment, Video]]) -> list[tuple[Comment, Video]]:
        """At first, only the latest: what is older stays out for ever."""
        said = sorted(said, key=lambda one: one[0].create_time)
        kept = said[len(said) - self._history :] if self._history < len(said) else said
        newest = said[-1][0].create_time + timedelta(seconds=1) if said else LONG_AGO
        self.place.start = kept[0][0].create_time if kept else newest
        return kept

    def _tell(self, comment: Comment, video: Video, pieces: Pieces) -> None:
        """A comment as what is new about it, if anything is."""
        if self.place.start and comment.create_time < self.place.start:
            return
        before = self.place.comments.known.get(comment.name)
        state = HIDDEN if comment.status != "PUBLIC" else ""
        if self.place.comments.see(comment.name, state) is None:
            return
        if before is None:
            pieces.events.append(parse.comment(comment, parse.post_of(video), self.me))
        if state != (before or ""):
            pieces.events.append(parse.moderation(comment.name, now(), hides=bool(state)))
