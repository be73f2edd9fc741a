"""What of Discord's objects is read (https://docs.discord.com/developers/resources/message and its neighbours); the rest is left alone."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

ROOMS = {0, 2, 5, 13}  # text, voice, announcement and stage channels: people talk in them
FORUMS = {15, 16}  # forum and media channels: they hold posts, which are threads
THREADS = {10, 11, 12}  # of announcements, public, private
DIRECT = {1, 3}  # a direct message, a group of them


def _given(value: Any) -> Any:
    return () if value is None else value


def _words(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class User(Shape):
    """https://docs.discord.com/developers/resources/user#user-object"""

    id: str
    username: Words = ""
    global_name: str | None = None
    avatar: str | None = None
    bot: bool | None = False


class Member(Shape):
    """https://docs.discord.com/developers/resources/guild#guild-member-object; without `user` beside a message."""

    nick: str | None = None
    roles: Annotated[tuple[str, ...], BeforeValidator(_given)] = ()
    user: User | None = None


class Emoji(Shape):
    id: str | None = None
    name: Words = ""

    @property
    def text(self) -> str:
        """As people see it; one of a server's own by its name."""
        return f":{self.name}:" if self.id else self.name


class File(Shape):
    """https://docs.discord.com/developers/resources/message#attachment-object"""

    id: str
    filename: Words = ""
    description: Words = ""
    content_type: str | None = None
    size: int | None = None
    url: Words = ""


class Embed(Shape):
    type: Words = ""
    title: Words = ""
    description: Words = ""
    url: Words = ""


class Named(Shape):
    id: str
    name: Words = ""


class PollMedia(Shape):
    text: Words = ""


class PollAnswer(Shape):
    poll_media: PollMedia = PollMedia()


class Poll(Shape):
    question: PollMedia = PollMedia()
    answers: Annotated[tuple[PollAnswer, ...], BeforeValidator(_given)] = ()


class Reference(Shape):
    """What a message answers (type 0) or passes on (type 1)."""

    type: int = 0
    message_id: str | None = None
    channel_id: str | None = None


class Said(Shape):
    """What a message says; all that there is of one that was passed on."""

    content: Words = ""
    attachments: Annotated[tuple[File, ...], BeforeValidator(_given)] = ()
    embeds: Annotated[tuple[Embed, ...], BeforeValidator(_given)] = ()
    sticker_items: Annotated[tuple[Named, ...], BeforeValidator(_given)] = ()


class Snapshot(Shape):
    message: Said = Said()


class Mentioned(User):
    member: Member | None = None


class Message(Said):
    """https://docs.discord.com/developers/resources/message#message-object, with what the gateway adds (`guild_id`, `member`)."""

    id: str
    channel_id: str
    guild_id: str | None = None
    type: int = 0
    timestamp: AwareDatetime
    edited_timestamp: AwareDatetime | None = None
    author: User
    member: Member | None = None
    webhook_id: str | None = None
    mentions: Annotated[tuple[Mentioned, ...], BeforeValidator(_given)] = ()
    mention_roles: Annotated[tuple[str, ...], BeforeValidator(_given)] = ()
    message_reference: Reference | None = None
    message_snapshots: Annotated[tuple[Snapshot, ...], BeforeValidator(_given)] = ()
    poll: Poll | None = None
    nonce: str | None = None


class Deleted(Shape):
    """https://docs.discord.com/developers/events/gateway-events#message-delete and #message-delete-bulk"""

    channel_id: str
    guild_id: str | None = None
    id: str | None = None
    ids: tuple[str, ...] = ()


class Reaction(Shape):
    """https://docs.discord.com/developers/events/gateway-events#message-reaction-add and its neighbours"""

    channel_id: str
    message_id: str
    guild_id: str | None = None
    user_id: str = ""
    member: Member | None = None
    emoji: Emoji = Emoji()


class ThreadMetadata(Shape):
    archive_timestamp: AwareDatetime | None = None


class Channel(Shape):
    """https://docs.discord.com/developers/resources/channel#channel-object"""

    id: str
    type: int = 0
    guild_id: str | None = None
    name: Words = ""
    topic: Words = ""
    parent_id: str | None = None
    last_message_id: str | None = None
    thread_metadata: ThreadMetadata | None = None

    @property
    def archived_at(self) -> datetime | None:
        return self.thread_metadata.archive_timestamp if self.thread_metadata else None


class Guild(Shape):
    """https://docs.discord.com/developers/resources/guild#guild-object, with what the gateway adds."""

    id: str
    name: Words = ""
    owner_id: str | None = None
    joined_at: AwareDatetime | None = None
    roles: Annotated[tuple[Named, ...], BeforeValidator(_given)] = ()
    channels: Annotated[tuple[Channel, ...], BeforeValidator(_given)] = ()
    threads: Annotated[tuple[Channel, ...], BeforeValidator(_given)] = ()
    members: Annotated[tuple[Member, ...], BeforeValidator(_given)] = ()


class Starts(Shape):
    """https://docs.discord.com/developers/events/gateway#session-start-limit-object; `reset_after` in milliseconds."""

    total: int
    remaining: int
    reset_after: int
