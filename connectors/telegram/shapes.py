"""What of Telegram's objects is read (https://core.telegram.org/bots/api#available-types); all other fields are left alone."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class User(Shape):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str | None = None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Chat(Shape):
    id: int
    type: str = "private"  # private, group, supergroup or channel
    title: str = ""
    username: str | None = None
    is_direct_messages: bool = False


class Entity(Shape):
    type: str
    offset: int  # in UTF-16 units
    length: int
    url: str | None = None
    user: User | None = None


class Media(Shape):
    """PhotoSize, Document, Video, Voice, Sticker and the like."""

    file_id: str
    file_size: int | None = None
    file_name: str | None = None
    mime_type: str | None = None
    duration: int | None = None
    emoji: str | None = None
    is_animated: bool = False
    is_video: bool = False


class Location(Shape):
    latitude: float
    longitude: float


class Venue(Shape):
    location: Location
    title: str = ""
    address: str = ""


class Contact(Shape):
    phone_number: str = ""
    first_name: str = ""
    last_name: str = ""


class Dice(Shape):
    emoji: str = ""
    value: int = 0


class PollOption(Shape):
    text: str = ""


class Poll(Shape):
    question: str = ""
    options: tuple[PollOption, ...] = ()


class Origin(Shape):
    """Where a forwarded message was said first."""

    type: str = ""
    date: int | None = None
    sender_user: User | None = None
    sender_user_name: str | None = None
    sender_chat: Chat | None = None
    chat: Chat | None = None
    message_id: int | None = None

    @property
    def name(self) -> str:
        chat = self.chat or self.sender_chat
        return (self.sender_user.name if self.sender_user else self.sender_user_name) or (chat.title if chat else "")


class DirectTopic(Shape):
    topic_id: int


class Message(Shape):
    """https://core.telegram.org/bots/api#message"""

    message_id: int
    date: int
    chat: Chat
    sender: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    sender_business_bot: User | None = None
    business_connection_id: str | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    direct_messages_topic: DirectTopic | None = None
    forward_origin: Origin | None = None
    is_automatic_forward: bool = False
    reply_to_message: "Message | None" = None
    edit_date: int | None = None
    media_group_id: str | None = None
    text: str | None = None
    entities: tuple[Entity, ...] = ()
    caption: str | None = None
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[Media, ...] = ()  # the same picture in several sizes, the largest last
    animation: Media | None = None
    video: Media | None = None
    video_note: Media | None = None
    voice: Media | None = None
    audio: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    dice: Dice | None = None
    poll: Poll | None = None
    forum_topic_created: dict[str, Any] | None = None
    migrate_to_chat_id: int | None = None


class Reaction(Shape):
    type: str
    emoji: str = ""


class MessageReaction(Shape):
    """https://core.telegram.org/bots/api#messagereactionupdated"""

    chat: Chat
    message_id: int
    date: int
    user: User | None = None
    actor_chat: Chat | None = None
    old_reaction: tuple[Reaction, ...] = ()
    new_reaction: tuple[Reaction, ...] = ()


class Deleted(Shape):
    """https://core.telegram.org/bots/api#businessmessagesdeleted"""

    business_connection_id: str
    chat: Chat
    message_ids: tuple[int, ...]


class Update(Shape):
    """https://core.telegram.org/bots/api#update; at most one of the optional fields is there."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    business_message: Message | None = None
    edited_business_message: Message | None = None
    deleted_business_messages: Deleted | None = None
    message_reaction: MessageReaction | None = None


class Parameters(Shape):
    """https://core.telegram.org/bots/api#responseparameters"""

    migrate_to_chat_id: int | None = None
    retry_after: float | None = None


class Answer(Shape):
    """What every method answers (https://core.telegram.org/bots/api#making-requests)."""

    ok: bool
    result: Any = None
    error_code: int | None = None
    description: str = ""
    parameters: Parameters = Parameters()
