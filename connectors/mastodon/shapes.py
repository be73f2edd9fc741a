"""What the server tells, as far as it matters here; the rest is ignored.

https://docs.joinmastodon.org/entities/Status/, /entities/Account/, /entities/Notification/, /entities/MediaAttachment/, /entities/Poll/,
/entities/Quote/. Lists may be missing or null on servers that are not Mastodon.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

DIRECT = "direct"


def _given(value: Any) -> Any:
    return () if value is None else value


def _words(value: Any) -> Any:
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_words)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class Role(Shape):
    name: Words = ""


class Account(Shape):
    id: str
    username: Words = ""
    acct: Words = ""
    display_name: Words = ""
    avatar: str | None = None
    avatar_static: str | None = None
    bot: bool | None = False
    roles: Annotated[tuple[Role, ...], BeforeValidator(_given)] = ()


class Mention(Shape):
    id: str
    acct: Words = ""


class Media(Shape):
    id: str
    type: Words = "unknown"
    url: str | None = None
    remote_url: str | None = None
    description: Words = ""


class PollOption(Shape):
    title: Words = ""


class Poll(Shape):
    options: Annotated[tuple[PollOption, ...], BeforeValidator(_given)] = ()


class Quote(Shape):
    quoted_status: "Status | None" = None


class Status(Shape):
    """One post; `reblog` is there when it only passes another one on."""

    id: str
    created_at: AwareDatetime
    edited_at: AwareDatetime | None = None
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    spoiler_text: Words = ""
    visibility: Words = "public"
    language: str | None = None
    url: str | None = None
    content: Words = ""
    account: Account
    media_attachments: Annotated[tuple[Media, ...], BeforeValidator(_given)] = ()
    mentions: Annotated[tuple[Mention, ...], BeforeValidator(_given)] = ()
    poll: Poll | None = None
    quote: Quote | None = None
    reblog: Any = None
    replies_count: int | None = 0

    @property
    def is_direct(self) -> bool:
        return self.visibility == DIRECT

    def names(self, account: str) -> bool:
        """Whether it mentions this account."""
        return any(mention.id == account for mention in self.mentions)


class Notification(Shape):
    id: str
    type: Words
    created_at: AwareDatetime
    account: Account | None = None
    status: Status | None = None
    emoji: Words = ""  # of a reaction, on servers that have more of them than the favourite
