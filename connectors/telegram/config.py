"""How the bot proves itself, and how its updates come."""

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

TOKEN = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{20,100}")
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")  # https://core.telegram.org/bots/api#setwebhook


class TelegramConfig(BaseModel):
    """One bot. Without a webhook Parley fetches, and nothing has to be reachable from outside."""

    model_config = ConfigDict(extra="ignore")

    token: SecretStr = Field(title="Bot token", description="@BotFather gives it to you: digits, a colon, letters.")
    webhook_url: str = Field(
        default="",
        title="Webhook address",
        description="This channel's own address (https://…/hooks/KEY), if Telegram shall call. Empty: Parley fetches by itself.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None, title="Webhook secret", description="Needed with a webhook: up to 256 letters, digits, _ and -. Think up a long one."
    )
    take_over: bool = Field(
        default=False,
        title="Take the bot over",
        description="Ends a webhook that another program has set for this bot; without this Parley only tells that there is one.",
    )
    api_url: str = Field(
        default="https://api.telegram.org", title="Bot API server", description="Only for a Bot API server of your own, not in local mode."
    )

    @property
    def bot_id(self) -> str:
        """The bot's own id: what stands before the colon."""
        return self.token.get_secret_value().partition(":")[0]

    @field_validator("token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        value = SecretStr(value.get_secret_value().strip())
        if not TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("a token is digits, a colon, and letters")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not SECRET.fullmatch(value.get_secret_value()):
            raise ValueError("a secret has 1 to 256 letters, digits, _ and -")
        return value

    @field_validator("webhook_url", "api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError("an address begins with https:// and names a host")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> "TelegramConfig":
        if self.webhook_url and self.webhook_secret is None:
            raise ValueError("a webhook needs a secret")
        if not self.api_url:
            raise ValueError("the Bot API server needs an address")
        return self
