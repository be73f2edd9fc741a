"""What a person fills in to connect a Twitch chat."""

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

LOGIN = re.compile(r"\w{1,25}")
SECRET = re.compile(r"[\x20-\x7e]{10,100}")  # https://dev.twitch.tv/docs/eventsub/handling-webhook-events/#verifying-the-event-message


class TwitchConfig(BaseModel):
    """One account in one channel's chat."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(
        title="Client ID",
        min_length=1,
        max_length=100,
        description="Of your application in Twitch's developer console.",
    )
    client_secret: SecretStr | None = Field(
        default=None, title="Client secret", description="Of the same application. Needed to renew the access token, and for a webhook."
    )
    access_token: SecretStr = Field(
        title="Access token", description="Of the account that answers, with the scopes user:read:chat and user:write:chat."
    )
    refresh_token: SecretStr | None = Field(
        default=None, title="Refresh token", description="Came with the access token, which ends after about four hours without it."
    )
    channel: str = Field(
        default="",
        title="Twitch channel",
        max_length=25,
        description="The name in its address. Empty: the account's own channel.",
    )
    webhook_url: str = Field(
        default="",
        title="Webhook address",
        description="This channel's own address (https://…/hooks/KEY), if Twitch shall call. Empty: Parley listens by itself.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None, title="Webhook secret", description="Needed with a webhook: 10 to 100 letters, digits and signs. Think up a long one."
    )
    server: str = Field(
        default="", title="Mock server", description="Only to try it out: the address of the server of Twitch's command line tool."
    )

    @field_validator("channel")
    @classmethod
    def _is_login(cls, value: str) -> str:
        value = value.strip().rstrip("/").rpartition("/")[2].lower()
        if value and not LOGIN.fullmatch(value):
            raise ValueError("a channel's name has letters, digits and _")
        return value

    @field_validator("client_secret", "refresh_token", "webhook_secret")
    @classmethod
    def _is_given(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value is not None and value.get_secret_value() else None

    @field_validator("webhook_url", "server")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError("an address begins with https:// and names a host")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> "TwitchConfig":
        if self.webhook_url and (self.webhook_secret is None or self.client_secret is None):
            raise ValueError("a webhook needs a secret, and the client secret")
        if self.webhook_secret is not None and not SECRET.fullmatch(self.webhook_secret.get_secret_value()):
            raise ValueError("a webhook secret has 10 to 100 letters, digits and signs")
        return self
