"""What LinkedIn tells, as far as it matters here; times are milliseconds since 1970.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api, …/shares/posts-api,
https://learn.microsoft.com/en-us/linkedin/marketing/community-management/organizations/organization-social-action-notifications
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connectors.polling import told_time

COMMENT = re.compile(r"urn:li:comment:\((?:urn:li:)?(\w+):(\d+),(\d+)\)")


def comment_urn(value: Any) -> str:
    """A comment's name in its one long form: notifications write it shorter. Raises ValueError."""
    found = COMMENT.fullmatch(str(value))
    if found is None:
        raise ValueError("it is no comment")
    return f"urn:li:comment:(urn:li:{found[1]}:{found[2]},{found[3]})"


def parts(comment: str) -> tuple[str, str]:
    """What a comment stands under, and its number there. Raises ValueError."""
    found = COMMENT.fullmatch(comment)
    if found is None:
        raise ValueError("it is no comment")
    return f"urn:li:{found[1]}:{found[2]}", found[3]


Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Moment = Annotated[datetime, BeforeValidator(lambda value: told_time(value, 1000))]
CommentUrn = Annotated[str, BeforeValidator(comment_urn)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Stamp(Shape):
    time: Moment


class Text(Shape):
    text: Words = ""
    attributes: tuple[Mapping[str, Any], ...] = ()


class Summary(Shape):
    totalFirstLevelComments: int = 0


class Content(Shape):
    type: Words = ""
    url: Words = ""


class Comment(Shape):
    commentUrn: CommentUrn
    actor: str
    object: str
    message: Text = Text()
    created: Stamp
    lastModified: Stamp | None = None
    parentComment: CommentUrn | None = None
    commentsSummary: Summary = Summary()
    content: tuple[Content, ...] = ()


class Media(Shape):
    title: Words = ""


class Article(Shape):
    title: Words = ""
    source: Words = ""


class PostContent(Shape):
    article: Article | None = None
    media: Media | None = None


class Post(Shape):
    id: str
    commentary: Words = ""
    publishedAt: Moment | None = None
    createdAt: Moment | None = None
    content: PostContent | None = None
    lifecycleState: Words = "PUBLISHED"


class Told(Shape):
    """The comment of a notification."""

    entity: CommentUrn
    owner: str
    text: Words = ""
    object: Words = ""
    parentComment: CommentUrn | None = None


class Decorated(Shape):
    comment: Told | None = None


class SourcePost(Shape):
    entity: Words = ""
    text: Words = ""
    title: Words = ""


class Notification(Shape):
    notificationId: str
    organizationalEntity: str
    action: str
    sourcePost: Words = ""
    generatedActivity: Words = ""
    lastModifiedAt: Moment
    decoratedSourcePost: SourcePost | None = None
    decoratedGeneratedActivity: Decorated = Field(default=Decorated())
