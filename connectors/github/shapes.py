"""What GitHub tells, as far as it matters here; the rest is ignored.

https://docs.github.com/en/rest/issues/issues, /rest/issues/comments, /rest/reactions; discussions look alike in webhooks
(https://docs.github.com/en/webhooks/webhook-events-and-payloads#discussion), and are made to by our queries.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict


def _words(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class User(Shape):
    login: str
    avatar_url: str | None = None
    type: Words = "User"


class Reactions(Shape):
    total_count: int = 0


class Said(Shape):
    """What issues, discussions and comments have in common; who wrote it may be gone."""

    body: Words = ""
    html_url: Words = ""
    user: User | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    author_association: Words = "NONE"
    node_id: Words = ""
    reactions: Reactions = Reactions()


class Topic(Said):
    """An issue or a discussion."""

    number: int
    title: Words = ""
    pull_request: Any = None
    comments: int = 0


class Remark(Said):
    """A comment below one."""

    id: int | None = None
    issue_url: Words = ""


class Reaction(Shape):
    id: int
    content: str
    user: User | None = None
    created_at: AwareDatetime
