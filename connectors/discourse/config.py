"""What a person fills in to connect a forum."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class DiscourseConfig(BaseModel):
    """One forum, and the user as whom we read and answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    forum: str = Field(title="Forum", description="Address of the forum's home page.", examples=["https://forum.example"])
    username: str = Field(title="User", min_length=1, description="Name of the forum's user whose name stands above the answers.")
    api_key: SecretStr = Field(title="API key", description="Made in the forum under Admin, API, for this single user, with global scope.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        title="Secret of the webhook",
        description="What is also entered in the forum under Admin, API, Webhooks. Empty: no webhook is taken.",
    )
    private_messages: bool = Field(
        default=True, title="Private messages", description="Bring in what is written to this user in private too."
    )
    history: int = Field(
        default=50, ge=0, le=50, title="Posts of history", description="How many of the latest posts the first look shows."
    )

    @field_validator("forum")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 12:  # the forum's own rule
            raise ValueError("a secret has 12 characters at least")
        return value
