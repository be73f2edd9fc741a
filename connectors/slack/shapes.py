"""What Slack tells, as far as it matters here; the rest is ignored.

https://docs.slack.dev/reference/events/message, /reference/objects/{file,user,conversation}-object, /apis/events-api (the envelope).
"""

from datetime import UTC, datetime
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


def _stamp(value: str) -> str:
    """A message's time, which is its name within its channel."""
    seconds, dot, rest = value.partition(".")
    if not (value.isascii() and seconds.isdecimal() and len(seconds) <= 11 and (not dot or rest.isdecimal())):
        raise ValueError("it is no time stamp of Slack's")
    return value


def _words(value: Any) -> Any:
    return "" if value is None else value


def _dicts(value: Any) -> Any:
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return tuple(cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict))


def _number(value: Any) -> Any:
    return value if isinstance(value, int) else 0


Stamp = Annotated[str, AfterValidator(_stamp)]
Words = Annotated[str, BeforeValidator(_words)]
Dicts = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_dicts)]
Number = Annotated[int, BeforeValidator(_number)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Edited(Shape):
    user: Words = ""
    ts: Stamp


class BotProfile(Shape):
    name: Words = ""
    app_id: Words = ""


class File(Shape):
    id: str
    name: Words = ""
    title: Words = ""
    mimetype: Words = ""
    size: int | None = None
    mode: Words = ""
    url_private: str | None = None
    is_external: bool | None = False
    shares: Any = None


class Reaction(Shape):
    name: str
    users: tuple[str, ...] = ()


class Metadata(Shape):
    event_type: Words = ""
    event_payload: dict[str, Any] = {}


class Message(Shape):
    """A message, as an event or in a history; there without its channel."""

    ts: Stamp
    subtype: Words = ""
    user: Words = ""
    username: Words = ""
    bot_id: Words = ""
    app_id: Words = ""
    bot_profile: BotProfile | None = None
    text: Words = ""
    blocks: Dicts = ()
    attachments: Dicts = ()
    files: Annotated[tuple[File, ...], BeforeValidator(_dicts)] = ()
    thread_ts: Stamp | None = None
    reply_count: Number = 0
    latest_reply: Stamp | None = None
    edited: Edited | None = None
    reactions: tuple[Reaction, ...] = ()
    metadata: Metadata | None = None

    @property
    def at(self) -> datetime:
        return time(self.ts)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


class Profile(Shape):
    display_name: Words = ""
    real_name: Words = ""
    image_72: str | None = None
    email: str | None = None


class User(Shape):
    id: str
    name: Words = ""
    real_name: Words = ""
    deleted: bool | None = False
    is_admin: bool | None = False
    is_owner: bool | None = False
    is_bot: bool | None = False
    is_restricted: bool | None = False
    is_ultra_restricted: bool | None = False
    is_stranger: bool | None = False
    profile: Profile = Profile()


class Channel(Shape):
    """https://docs.slack.dev/reference/objects/conversation-object"""

    id: str
    name: Words = ""
    is_im: bool | None = False
    is_mpim: bool | None = False
    is_member: bool | None = None


def time(stamp: str) -> datetime:
    """A stamp as a time; ValueError or OverflowError beyond what a calendar has."""
    seconds, _, rest = stamp.partition(".")
    return datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(f"{rest:0<6}"[:6]))


def order(stamp: str) -> tuple[int, int]:
    """What stamps are compared by: they are as long as they want to be."""
    seconds, _, rest = stamp.partition(".")
    return int(seconds or 0), int(f"{rest:0<6}"[:6])
