"""What a person fills in to connect a Discord bot."""

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

TOKEN = re.compile(r"[A-Za-z0-9._-]{20,200}")
LIVE = "https://discord.com/api/v10"


class DiscordConfig(BaseModel):
    """One bot."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: SecretStr = Field(
        title="Bot token", description="Developer Portal, your application, Bot, Reset Token. Turn Message Content Intent on there, too."
    )
    channels: tuple[str, ...] = Field(
        default=(),
        title="Only these channels",
        description="Ids of channels, categories or servers (turn on Developer Mode, then Copy ID). Empty: all that the bot may read.",
    )
    history: int = Field(
        default=50, ge=0, le=500, title="Messages of history", description="How many of each channel and thread the first look shows."
    )
    api_url: str = Field(
        default=LIVE, title="API server", description="Only for a proxy of your own before Discord's API, or a server that speaks it."
    )

    @field_validator("token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        value = SecretStr(value.get_secret_value().strip().removeprefix("Bot "))
        if not TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("a token is letters, digits, dots, _ and -")
        return value

    @field_validator("channels")
    @classmethod
    def _are_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(entry.strip() for entry in value if entry.strip())
        if not all(entry.isdecimal() for entry in found):
            raise ValueError("an id is a long number")
        return found

    @field_validator("api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
