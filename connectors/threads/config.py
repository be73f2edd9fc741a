"""How a profile is connected."""

from pydantic import Field, SecretStr, field_validator

from connectors.meta.config import MetaConfig, address


class ThreadsConfig(MetaConfig):
    """One profile. Threads has an app id, an app secret and tokens of its own."""

    user_id: str = Field(
        title="Threads user ID", pattern=r"^\s*\d{1,20}\s*$", description="The digits that GET /me?fields=id tells with the access token."
    )
    access_token: SecretStr = Field(
        title="Access token", description="A long-lived one. It ends after 60 days; Parley renews it before, while the channel is read."
    )
    history_days: int = Field(
        default=30, ge=0, le=90, title="Days of history", description="How far back the first look reads comments and messages."
    )
    api_url: str = Field(default="https://graph.threads.net/v1.0", title="Threads API", description="Its address with the version.")

    @field_validator("user_id")
    @classmethod
    def _is_digits(cls, value: str) -> str:
        return value.strip()

    @field_validator("api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return address(value)
