"""What a person fills in to connect a LINE official account."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

LIVE = "https://api.line.me"


class LineConfig(BaseModel):
    """One official account. LINE calls: its webhook address is this channel's own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_token: SecretStr = Field(
        title="Channel access token",
        description="LINE Developers Console, your Messaging API channel, at the end of the tab Messaging API.",
    )
    channel_secret: SecretStr = Field(
        title="Channel secret", description="The same channel, tab Basic settings. It proves that what comes is from LINE."
    )
    api_url: str = Field(default=LIVE, title="API server", description="Only for a proxy of your own before LINE's API.")

    @field_validator("access_token", "channel_secret")
    @classmethod
    def _is_given(cls, value: SecretStr) -> SecretStr:
        value = SecretStr(value.get_secret_value().strip())
        if not value.get_secret_value():
            raise ValueError("it is empty")
        return value

    @field_validator("api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
