"""How a Page is connected."""

from pydantic import Field, SecretStr, field_validator

from connectors.meta.config import GraphConfig


class FacebookConfig(GraphConfig):
    """One Page: its comments and its Messenger share a token and a callback address."""

    page_id: str = Field(
        title="Page ID",
        pattern=r"^\s*\d{1,20}\s*$",
        description="The digits under the Page → About → Page transparency, or in Business Manager.",
    )
    access_token: SecretStr = Field(
        title="Page access token",
        description="Of a system user or a person who runs the Page, made long-lived. The guide names its permissions.",
    )
    history_days: int = Field(
        default=30, ge=0, le=90, title="Days of history", description="How far back the first look reads comments and messages."
    )

    @field_validator("page_id")
    @classmethod
    def _is_digits(cls, value: str) -> str:
        return value.strip()
