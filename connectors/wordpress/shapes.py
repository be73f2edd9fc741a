"""What the site tells, as far as it matters here; addresses and browsers of commenters are left out on purpose.

https://developer.wordpress.org/rest-api/reference/comments/#schema, /posts/#schema, /users/#schema
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PLACE = re.compile(r"/wp/v2/([\w-]+)/(\d+)/?$")  # the end of a link to something, whatever the site's links look like


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def _words(value: Any) -> Any:
    return "" if value is None else value


def _by_name(value: Any) -> Any:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}  # PHP writes an empty map as a list


def _text(value: Any) -> Any:
    """Something written: as it was typed where we may see that, else as it is shown."""
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return told.get("raw", told.get("rendered", ""))
    return _words(value)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
Words = Annotated[str, BeforeValidator(_words)]
Text = Annotated[str, BeforeValidator(_text)]
ByName = Annotated[dict[str, Any], BeforeValidator(_by_name)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)


class Content(Shape):
    raw: str
    rendered: Words = ""


class Comment(Shape):
    """One comment, in the context "edit"."""

    id: str
    post: str = "0"
    parent: str = "0"
    author: str = "0"
    author_name: Words = ""
    author_email: Words = ""
    date_gmt: Moment
    content: Content
    link: str | None = None
    status: Words = "approved"
    author_avatar_urls: ByName = Field(default_factory=dict)
    links: ByName = Field(default_factory=dict, alias="_links")

    @property
    def parent_id(self) -> str | None:
        return None if self.parent in {"", "0"} else self.parent

    @property
    def place(self) -> tuple[str, str]:
        """Kind and id of what it hangs on ("posts", "7"), by its link: only that tells the kind."""
        up: Any = self.links.get("up")
        try:
            match = PLACE.search(str(up[0]["href"]))
        except (TypeError, KeyError, IndexError):
            match = None
        return (match[1], match[2]) if match else ("posts", self.post)


class Entry(Shape):
    """A post, a page, or whatever else may be commented."""

    id: str
    date_gmt: Moment | None = None
    link: str | None = None
    title: Text = ""
    excerpt: Text = ""
    author: str = "0"


class User(Shape):
    id: str
    name: Words = ""
    slug: Words = ""
    link: str | None = None
    roles: tuple[str, ...] = ()
    capabilities: ByName = Field(default_factory=dict)
