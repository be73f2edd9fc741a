"""What the forum tells of a post, as far as it matters here (https://docs.discourse.org/#tag/Posts); a webhook tells the same."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

REGULAR, MODERATOR = 1, 2  # kinds of post; 3 tells what was done to a topic, 4 is whispered among staff
PRIVATE = "private_message"


def _words(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Post(Shape):
    id: int
    topic_id: str
    post_number: str
    post_type: int = REGULAR
    user_id: int = 0
    username: str
    name: Words = ""
    avatar_template: Words = ""
    created_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    raw: str
    cooked: Words = ""
    reply_to_post_number: str | None = None
    version: int = 1
    topic_slug: Words = ""
    topic_title: Words = ""
    topic_archetype: Words = ""
    admin: bool = False
    moderator: bool = False
    staff: bool = False
    primary_group_name: Words = ""
    trust_level: int | None = None
    hidden: bool = False
    user_deleted: bool = False
    deleted_at: AwareDatetime | None = None

    @property
    def name_in_topic(self) -> str:
        """Its topic and its number there: what an answer names, and what addresses are made of."""
        return f"{self.topic_id}/{self.post_number}"


class User(Shape):
    id: int
    username: str
    name: Words = ""


class Like(Shape):
    post: Post
    user: User
