"""What TikTok tells, as far as it matters here.

https://business-api.tiktok.com/portal/docs?id=1760232109619202 (comments), ?id=1759978319341570 (webhooks), ?id=1832184403754242 (messages)
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from connectors.polling import told_time

MILLISECONDS = 100_000_000_000  # a time beyond this is told in milliseconds

Words = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]
Flag = Annotated[bool, BeforeValidator(bool)]


def moment(value: object) -> datetime:
    """A time in seconds, or in milliseconds. Raises ValueError."""
    number = float(str(value))
    return told_time(number, 1000 if number > MILLISECONDS else 1)


Moment = Annotated[datetime, BeforeValidator(moment)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)  # webhooks tell ids as numbers


class Comment(Shape):
    """`owner`: the account itself wrote it. A comment without a parent begins a thread; threads have one level."""

    comment_id: str
    video_id: str
    unique_identifier: Words = ""
    create_time: Moment
    text: Words = ""
    replies: int = 0
    owner: Flag = False
    status: Words = "PUBLIC"
    username: Words = ""
    display_name: Words = ""
    profile_image: str | None = None
    parent_comment_id: str | None = None
    reply_list: tuple["Comment", ...] | None = None

    @property
    def name(self) -> str:
        """What a comment is called here: to hide it, TikTok wants to know the video too."""
        return f"{self.video_id}/{self.comment_id}"

    @property
    def thread(self) -> str:
        return f"{self.video_id}/{self.parent_comment_id or self.comment_id}"


class Video(Shape):
    item_id: str
    create_time: Moment | None = None
    caption: Words = ""
    share_url: str | None = None
    thumbnail_url: str | None = None
    comments: int = 0


class Envelope(Shape):
    """A webhook: `content` is JSON once more."""

    event: str
    user_openid: str
    create_time: Moment
    content: str = "{}"


class CommentUpdate(Shape):
    comment_id: str
    video_id: str
    parent_comment_id: str | None = None
    comment_action: str
    timestamp: Moment
    unique_identifier: Words = ""
    text: Words = ""


class Party(Shape):
    id: str


class Body(Shape):
    body: Words = ""


class Image(Shape):
    media_id: str


class SharedPost(Shape):
    video_id: Words = ""
    embed_url: Words = ""


class Referenced(Shape):
    referenced_message_id: str | None = None


class Direct(Shape):
    """A direct message. `from` and `to` are handles."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)

    message_id: str
    conversation_id: str
    timestamp: Moment
    type: Words = "text"
    sender: Words = Field(default="", alias="from")
    from_user: Party
    text: Body | None = None
    image: Image | None = None
    share_post: SharedPost | None = None
    referenced_message_info: Referenced | None = None


class Read(Shape):
    last_read_timestamp: Moment


class Seen(Shape):
    conversation_id: str
    from_user: Party
    read: Read
