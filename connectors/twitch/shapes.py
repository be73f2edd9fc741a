"""What of EventSub's events is read (https://dev.twitch.tv/docs/eventsub/eventsub-reference/#channel-chat-message-event)."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict


def _given(value: Any) -> Any:
    return () if value is None else value


def _words(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Mention(Shape):
    user_id: str


class Fragment(Shape):
    mention: Mention | None = None


class Text(Shape):
    text: Words = ""
    fragments: Annotated[tuple[Fragment, ...], BeforeValidator(_given)] = ()


class Badge(Shape):
    set_id: Words = ""


class Reply(Shape):
    parent_message_id: str
    parent_user_id: Words = ""
    parent_user_login: Words = ""
    parent_user_name: Words = ""


class Message(Shape):
    """https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage; a shared chat's message has a `source`."""

    broadcaster_user_id: str
    broadcaster_user_login: Words = ""
    broadcaster_user_name: Words = ""
    chatter_user_id: str
    chatter_user_login: Words = ""
    chatter_user_name: Words = ""
    message_id: str
    message: Text = Text()
    badges: Annotated[tuple[Badge, ...], BeforeValidator(_given)] = ()
    reply: Reply | None = None
    source_broadcaster_user_id: str | None = None


class Deletion(Shape):
    """https://dev.twitch.tv/docs/eventsub/eventsub-subscription-types/#channelchatmessage_delete"""

    broadcaster_user_id: str
    message_id: str


class Metadata(Shape):
    """Of every message by websocket (https://dev.twitch.tv/docs/eventsub/websocket-reference/)."""

    message_id: str
    message_type: str
    message_timestamp: AwareDatetime
    subscription_type: Words = ""


class Session(Shape):
    id: str
    keepalive_timeout_seconds: int | None = None
    reconnect_url: str | None = None


class Account(Shape):
    """https://dev.twitch.tv/docs/api/reference/#get-users"""

    id: str
    login: Words = ""
    display_name: Words = ""
    profile_image_url: str | None = None
