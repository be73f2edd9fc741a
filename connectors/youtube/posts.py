"""The videos that comments stand under, asked for once."""

from collections.abc import Iterable

from pydantic import ValidationError

from connectors.rest import Refusal, objects
from connectors.youtube import parse
from connectors.youtube.api import AT_ONCE, YouTubeApi
from connectors.youtube.shapes import Video
from inbox.contract import Post

MOST_KNOWN = 500


class Posts:
    """Videos by id, as far as YouTube shows them."""

    def __init__(self, api: YouTubeApi) -> None:
        self._api = api
        self._known: dict[str, Post] = {}

    async def find(self, videos: Iterable[str | None]) -> None:
        """Ask for those that are not known yet, fifty at once."""
        names = [name for name in dict.fromkeys(videos) if name and name not in self._known]
        for first in range(0, len(names), AT_ONCE):
            some = names[first : first + AT_ONCE]
            try:
                told = await self._api.read("videos", part="snippet", id=",".join(some))
            except Refusal:  # the comments are more important than what they stand under
                return
            for entry in objects(told.get("items")):
                try:
                    post = parse.post_of(Video.model_validate(entry))
                except ValidationError:
                    continue
                self._known[post.id] = post
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def get(self, video: str | None) -> Post | None:
        if not video:
            return None
        return self._known.get(video) or Post(video, url=f"{parse.WATCH}{video}")
