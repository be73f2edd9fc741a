"""What a person fills in to connect a WordPress site."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class WordPressConfig(BaseModel):
    """One site, and the user as whom we read and answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    site: str = Field(
        title="Site", description="Address of the site's home page, as the browser shows it.", examples=["https://blog.example"]
    )
    username: str = Field(title="User", min_length=1, description="Name by which this user signs in. An editor or administrator.")
    application_password: SecretStr = Field(
        title="Application password",
        description="Made in WordPress under Users, Profile, Application Passwords. Not the one for signing in.",
    )
    history: int = Field(
        default=100, ge=0, le=1000, title="Comments of history", description="How many of the latest comments the first look shows."
    )
    interval: int = Field(
        default=30, ge=10, le=3600, title="Seconds between looks", description="WordPress does not call: it is asked this often."
    )

    @field_validator("site")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value
