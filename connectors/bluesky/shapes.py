"""What the server tells, as far as it matters here; the rest is ignored.

https://docs.bsky.app/docs/api/app-bsky-notification-list-notifications, https://docs.bsky.app/docs/api/app-bsky-feed-get-posts; records
themselves: https://docs.bsky.app/docs/advanced-guides/posts. A notification about a post has the post's own fields.
"""

from typing import Annotated, Any, cast

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Json = dict[str, Any]


def as_dict(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


Words = Annotated[str, BeforeValidator(as_text)]
Object = Annotated[Json, BeforeValidator(as_dict)]
Address = Annotated[str, Field(pattern=r"^at://did:[a-z]+:[A-Za-z0-9._:%-]+/[A-Za-z0-9.-]+/[A-Za-z0-9._:~-]+$")]
Entries = Annotated[list[Any], BeforeValidator(as_list)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Account(Shape):
    did: str
    handle: Words = ""
    display_name: Words = ""
    avatar: str | None = None
    verification: Object = {}


class Reference(Shape):
    """One version of one record."""

    uri: str
    cid: str


class Answered(Shape):
    root: Reference
    parent: Reference


class Record(Shape):
    """A post as its author wrote it."""

    text: Words = ""
    facets: Entries = []
    reply: Answered | None = None
    embed: Object = {}
    langs: Entries = []
    created_at: Words = ""

    @property
    def language(self) -> str | None:
        """The one that its author says; of several nobody knows which it is."""
        return as_text(self.langs[0]) if len(self.langs) == 1 else None


class Post(Shape):
    """A post as the network shows it; `embed` is there when somebody has looked its files up."""

    uri: Address
    cid: str
    author: Account
    record: Record
    indexed_at: AwareDatetime
    embed: Object = {}
    viewer: Object = {}

    @property
    def parent(self) -> str | None:
        return self.record.reply.parent.uri if self.record.reply else None


class Notification(Shape):
    uri: str
    reason: Words
    indexed_at: AwareDatetime
    author: Account
    reason_subject: str | None = None
