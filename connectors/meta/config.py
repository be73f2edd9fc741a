"""What every connector of the family is set up with: the Meta app that speaks for the account."""

import secrets
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SHORTEST = 16  # characters of a secret


def _token() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(24))


class MetaConfig(BaseModel):
    """The app, and how its notifications prove themselves."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    app_secret: SecretStr = Field(
        title="App secret", description="developers.facebook.com → your app → App settings → Basic. Notifications are signed with it."
    )
    verify_token: SecretStr = Field(
        default_factory=_token,
        title="Verify token",
        description="You enter it beside the callback address when you subscribe to webhooks. Empty: Parley makes one and shows it once.",
    )

    @field_validator("app_secret", "verify_token")
    @classmethod
    def _is_secret(cls, value: SecretStr) -> SecretStr:
        value = SecretStr(value.get_secret_value().strip())
        if len(value.get_secret_value()) < SHORTEST:
            raise ValueError(f"a secret has at least {SHORTEST} characters")
        return value


class GraphConfig(MetaConfig):
    """An account behind graph.facebook.com."""

    app_id: str = Field(title="App ID", pattern=r"^\s*\d{1,20}\s*$", description="The digits beside the app's name in its dashboard.")
    graph_url: str = Field(
        default="https://graph.facebook.com/v25.0",
        title="Graph API",
        description="Its address with the version: Meta ends each version after about two years.",
    )

    @field_validator("app_id")
    @classmethod
    def _is_trimmed(cls, value: str) -> str:
        return value.strip()

    @field_validator("graph_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address(value)


def address(value: str) -> str:
    """The address of an API, without the stroke at its end."""
    value = value.strip().rstrip("/")
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        raise ValueError("an address begins with https:// and names a host")
    return value
