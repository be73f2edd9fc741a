"""How an account is connected: through the Facebook Page that it belongs to."""

from pydantic import Field, SecretStr, field_validator

from connectors.meta.config import GraphConfig


class InstagramConfig(GraphConfig):
    """One professional account."""

    instagram_id: str = Field(
        title="Instagram account ID",
        pattern=r"^\s*\d{1,20}\s*$",
        description="The digits that GET /PAGE?fields=instagram_business_account tells; they mostly begin with 17841.",
    )
    access_token: SecretStr = Field(
        title="Page access token", description="Of the Page that the account is connected to. The guide names its permissions."
    )
    history_days: int = Field(
        default=30, ge=0, le=90, title="Days of history", description="How far back the first look reads comments and messages."
    )

    @field_validator("instagram_id")
    @classmethod
    def _is_digits(cls, value: str) -> str:
        return value.strip()
