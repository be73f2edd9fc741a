"""What X tells, as far as it matters here.

https://docs.x.com/x-api/fundamentals/data-dictionary, https://docs.x.com/x-api/direct-messages/lookup/integrate
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from typing import Annotated, Any, TypeVar, cast

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from connectors.rest import objects

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


Some = TypeVar("Some", bound=Shape)


class Referenced(Shape):
    type: str
    id: str


class Url(Shape):
    url: str
    expanded_url: Words = ""
    media_key: str | None = None


class Mention(Shape):
    id: Words = ""
    username: Words = ""


class Entities(Shape):
    urls: tuple[Url, ...] = ()
    mentions: tuple[Mention, ...] = ()


class Note(Shape):
    """The words of a post that is longer than 280 characters."""

    text: Words = ""
    entities: Entities = Entities()


class Attached(Shape):
    media_keys: tuple[str, ...] = ()


class Variant(Shape):
    url: Words = ""
    content_type: Words = ""
    bit_rate: int = 0


class Media(Shape):
    media_key: str
    type: Words = ""
    url: Words = ""
    preview_image_url: Words = ""
    alt_text: Words = ""
    variants: tuple[Variant, ...] = ()


class User(Shape):
    id: str
    name: Words = ""
    username: Words = ""
    profile_image_url: str | None = None
    verified_type: Words = ""


class Post(Shape):
    """A post. An edit is a post of its own, whose history begins with the first version."""

    id: str
    text: Words = ""
    note_tweet: Note | None = None
    author_id: str = ""
    created_at: AwareDatetime
    conversation_id: str = ""
    in_reply_to_user_id: str | None = None
    referenced_tweets: tuple[Referenced, ...] = ()
    edit_history_tweet_ids: tuple[str, ...] = ()
    attachments: Attached = Attached()
    entities: Entities = Entities()
    lang: Words = ""

    def refers(self, kind: str) -> str | None:
        return next((one.id for one in self.referenced_tweets if one.type == kind), None)

    @property
    def first(self) -> str:
        """The id under which the post is known, however often it was edited."""
        return (
            min(self.edit_history_tweet_ids, key=int, default=self.id) if all(map(str.isdecimal, self.edit_history_tweet_ids)) else self.id
        )

    @property
    def words(self) -> str:
        """The text with the addresses that it leads to; those of its own pictures left out."""
        text, urls = (self.note_tweet.text, self.note_tweet.entities.urls) if self.note_tweet else (self.text, ())
        for url in (*urls, *self.entities.urls):
            text = text.replace(url.url, "" if url.media_key else url.expanded_url or url.url)
        return unescape(text).rstrip() if self.entities.urls else unescape(text)


class Direct(Shape):
    """An event of a direct conversation."""

    id: str
    event_type: Words = "MessageCreate"
    text: Words = ""
    sender_id: str = ""
    dm_conversation_id: str = ""
    created_at: AwareDatetime
    attachments: Attached = Attached()
    entities: Entities = Entities()


@dataclass(slots=True)
class Includes:
    """What comes beside a list: people, posts and media by id."""

    users: dict[str, User] = field(default_factory=dict[str, User])
    posts: dict[str, Post] = field(default_factory=dict[str, Post])
    media: dict[str, Media] = field(default_factory=dict[str, Media])

    @classmethod
    def read(cls, told: Any) -> "Includes":
        given = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        return cls(
            {user.id: user for user in _read(given.get("users"), User)},
            {post.id: post for post in _read(given.get("tweets"), Post)},
            {media.media_key: media for media in _read(given.get("media"), Media)},
        )


def _read(told: Any, shape: type[Some]) -> Iterable[Some]:
    """Those that can be read: what is missing here is only context."""
    for entry in objects(told):
        try:
            yield shape.model_validate(entry)
        except ValidationError:
            continue
