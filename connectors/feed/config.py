"""What a person fills in to follow a feed."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class FeedConfig(BaseModel):
    """One feed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(
        title="Address of the feed",
        description="RSS or Atom: the feed itself, not the page about it.",
        examples=["https://blog.example/feed"],
    )
    username: str = Field(default="", title="User name", description="Only where the feed asks for one.")
    password: SecretStr = Field(default=SecretStr(""), title="Password", description="Only where the feed asks for one.")
    interval: int = Field(
        default=5, ge=1, le=1440, title="Minutes between looks", description="A server that asks for longer pauses gets them."
    )
    history: int = Field(
        default=20, ge=0, le=200, title="Entries of history", description="How many of the latest entries the first look shows."
    )

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip()
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
