"""What Reddit tells, as far as it matters here (https://github.com/reddit-archive/reddit/wiki/JSON).

Things are known by their full names: t1_ a comment, t3_ a post, t4_ a message. Times are seconds since 1970.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from connectors.polling import told_time

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Moment = Annotated[datetime, BeforeValidator(lambda value: told_time(value))]
Flag = Annotated[bool, BeforeValidator(bool)]
NOBODY = "[deleted]"
REMOVED = "[removed]"


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    author: Words = ""  # nobody's, where the account is gone; a subreddit's, in messages of its moderators
    created_utc: Moment
    distinguished: Words = ""
    edited: Any = False  # or when
    removed: Flag = False  # told to moderators only
    spam: Flag = False
    banned_by: Any = None  # told to moderators only
    removed_by_category: str | None = None
    permalink: str = ""

    @property
    def is_hidden(self) -> bool:
        """A moderator or Reddit has taken it away; its author can still see it."""
        return self.removed or self.spam or bool(self.banned_by) or self.removed_by_category not in {None, "deleted"}

    @property
    def edited_at(self) -> datetime | None:
        is_time = isinstance(self.edited, int | float) and not isinstance(self.edited, bool)
        return told_time(self.edited) if is_time else None


class Comment(Shape):
    """Also an entry of the inbox, which names its post only in its `context`."""

    body: Words = ""
    body_html: Words = ""
    parent_id: str = ""
    link_id: str = ""
    link_title: Words = ""
    is_submitter: Flag = False
    context: Words = ""

    @property
    def post(self) -> str:
        parts = self.context.split("/")
        found = parts[parts.index("comments") + 1] if "comments" in parts[:-1] else ""
        return self.link_id or (f"t3_{found}" if found else "")

    @property
    def is_deleted(self) -> bool:
        return self.body == NOBODY and self.author in {NOBODY, ""}


class Source(BaseModel):
    u: str = ""


class Media(BaseModel):
    m: str = ""
    s: Source = Source()


class Link(Shape):
    """A post."""

    title: Words = ""
    selftext: Words = ""
    selftext_html: Words = ""
    url: Words = ""
    is_self: Flag = False
    post_hint: Words = ""
    media_metadata: Mapping[str, Media] | None = None
    num_comments: int = 0

    @property
    def is_deleted(self) -> bool:
        return self.author == NOBODY and self.removed_by_category in {None, "deleted"}


class Message(Shape):
    """A private message."""

    body: Words = ""
    body_html: Words = ""
    subject: Words = ""
    dest: Words = ""
    subreddit: str | None = None
    parent_id: str | None = None
    first_message_name: str | None = None


SHAPES: dict[str, type[Comment | Link | Message]] = {"t1": Comment, "t3": Link, "t4": Message}
