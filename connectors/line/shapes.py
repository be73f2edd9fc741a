"""What of LINE's webhook events is read (https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects)."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _given(value: Any) -> Any:
    return () if value is None else value


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Source(Shape):
    """https://developers.line.biz/en/reference/messaging-api/#source-user; who it was is left out of rooms at times."""

    type: str
    user: str | None = Field(default=None, alias="userId")
    group: str | None = Field(default=None, alias="groupId")
    room: str | None = Field(default=None, alias="roomId")


class Mentionee(Shape):
    user: str | None = Field(default=None, alias="userId")
    is_self: bool = Field(default=False, alias="isSelf")


class Mention(Shape):
    mentionees: Annotated[tuple[Mentionee, ...], BeforeValidator(_given)] = ()


class Provider(Shape):
    """Who keeps a file: LINE, or whoever sent it."""

    type: str = "line"
    url: str | None = Field(default=None, alias="originalContentUrl")


class Message(Shape):
    """https://developers.line.biz/en/reference/messaging-api/#message-event"""

    id: str
    type: str
    text: str = ""
    quoted: str | None = Field(default=None, alias="quotedMessageId")
    mention: Mention = Mention()
    provider: Provider = Field(default=Provider(), alias="contentProvider")
    file_name: str = Field(default="", alias="fileName")
    file_size: int | None = Field(default=None, alias="fileSize")
    keywords: Annotated[tuple[str, ...], BeforeValidator(_given)] = ()
    title: str | None = None
    address: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Unsend(Shape):
    message: str = Field(alias="messageId")


class Happening(Shape):
    """One event. `mode`: "standby" when another module answers. Its time is in milliseconds."""

    type: str
    mode: str = "active"
    timestamp: int
    source: Source | None = None
    message: Message | None = None
    unsend: Unsend | None = None


class Bot(Shape):
    """https://developers.line.biz/en/reference/messaging-api/#get-bot-info"""

    user: str = Field(alias="userId")
    handle: str | None = Field(default=None, alias="basicId")
    name: str = Field(default="", alias="displayName")
    picture: str | None = Field(default=None, alias="pictureUrl")


class Sent(Shape):
    id: str


class Taken(Shape):
    """https://developers.line.biz/en/reference/messaging-api/#send-push-message-response"""

    messages: tuple[Sent, ...] = Field(alias="sentMessages")


class Quota(Shape):
    """https://developers.line.biz/en/reference/messaging-api/#get-quota: "none" has no limit."""

    type: str
    value: int | None = None


class Consumption(Shape):
    used: int = Field(alias="totalUsage")
