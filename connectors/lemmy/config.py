"""What a person fills in to connect an account on Lemmy."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class LemmyConfig(BaseModel):
    """One account, and perhaps a community that it looks after."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: str = Field(title="Server", description="Address of the server that has the account.", examples=["https://lemmy.example"])
    token: SecretStr = Field(title="Token", description="What the server answers to a sign-in (jwt); the page about Lemmy shows how.")
    community: str = Field(
        default="",
        title="Community",
        description="Name of a community, such as bread or bread@lemmy.example, whose posts and comments come in too. Empty: none.",
    )
    history: int = Field(
        default=20, ge=0, le=50, title="History", description="How many of the latest entries of each list the first look shows."
    )

    @field_validator("server")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
