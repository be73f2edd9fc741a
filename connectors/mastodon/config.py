"""What a person fills in to connect an account of the Fediverse."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class MastodonConfig(BaseModel):
    """One account on a server."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: str = Field(title="Server", description="Address of the server that has the account.", examples=["https://mastodon.example"])
    access_token: SecretStr = Field(
        title="Access token",
        description="Of an application made in the account's settings under Development, with the scopes read and write.",
    )
    history: int = Field(
        default=40, ge=0, le=80, title="Notifications of history", description="How many of the latest the first look shows."
    )

    @field_validator("server")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
