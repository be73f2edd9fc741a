"""What the server tells, as far as it matters here (https://join-lemmy.org/lemmy-js-client-docs/v0.19/)."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value  # before 0.19 the zone was left out


def _words(value: Any) -> Any:
    return "" if value is None else value


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Person(Shape):
    id: int
    name: str
    display_name: Words = ""
    avatar: str | None = None
    actor_id: Words = ""
    bot_account: bool = False


class Entry(Shape):
    """What a comment and a post have in common."""

    id: int
    creator_id: int
    removed: bool = False
    deleted: bool = False
    published: Moment
    updated: Moment | None = None
    ap_id: str

    @property
    def state(self) -> str:
        """What a look compares."""
        edited = self.updated.isoformat() if self.updated else ""
        return f"{edited}|{'d' if self.deleted else ''}{'r' if self.removed else ''}"


class Comment(Entry):
    post_id: int
    content: str
    path: str  # the ids of all above it, and its own: "0.12.15"


class Page(Entry):
    """A post."""

    name: str
    body: Words = ""
    url: str | None = None


class Community(Shape):
    id: int
    name: str
    title: Words = ""


class View(Shape):
    """A comment or, where there is none, a post, with what surrounds it."""

    comment: Comment | None = None
    post: Page
    creator: Person
    community: Community
    creator_is_moderator: bool = False
    creator_is_admin: bool = False


class PrivateMessage(Shape):
    id: int
    creator_id: int
    recipient_id: int
    content: str
    deleted: bool = False
    published: Moment
    updated: Moment | None = None
    ap_id: str

    @property
    def state(self) -> str:
        return f"{self.updated.isoformat() if self.updated else ''}|{'d' if self.deleted else ''}"


class Private(Shape):
    message: PrivateMessage = Field(alias="private_message")
    creator: Person
    recipient: Person
