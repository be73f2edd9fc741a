"""What YouTube tells, as far as it matters here.

https://developers.google.com/youtube/v3/docs/comments#resource, /docs/commentThreads#resource, /docs/videos#resource
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AuthorChannel(Shape):
    value: Words = ""


class CommentSnippet(Shape):
    authorDisplayName: Words = ""
    authorProfileImageUrl: str | None = None
    authorChannelId: AuthorChannel = AuthorChannel()  # nobody's, where the account is gone
    textDisplay: Words = ""
    textOriginal: str | None = None
    parentId: str | None = None
    videoId: str | None = None
    moderationStatus: str | None = None
    publishedAt: AwareDatetime
    updatedAt: AwareDatetime | None = None


class Comment(Shape):
    id: str
    snippet: CommentSnippet

    @property
    def version(self) -> str:
        return (self.snippet.updatedAt or self.snippet.publishedAt).isoformat()

    @property
    def is_held(self) -> bool:
        return self.snippet.moderationStatus in {"heldForReview", "likelySpam"}

    @property
    def text(self) -> str:
        return self.snippet.textDisplay if self.snippet.textOriginal is None else self.snippet.textOriginal


class ThreadSnippet(Shape):
    videoId: str | None = None
    topLevelComment: Comment
    totalReplyCount: int = 0


class Replies(Shape):
    comments: tuple[Comment, ...] = ()


class Thread(Shape):
    """A top-level comment, with at most five of the answers to it."""

    id: str
    snippet: ThreadSnippet
    replies: Replies = Replies()


class Thumbnail(Shape):
    url: str = ""


class VideoSnippet(Shape):
    title: Words = ""
    description: Words = ""
    publishedAt: AwareDatetime | None = None
    thumbnails: Mapping[str, Thumbnail] = {}


class Video(Shape):
    id: str
    snippet: VideoSnippet
