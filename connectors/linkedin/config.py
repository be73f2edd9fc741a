"""What a person fills in to connect an organization's page."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.oauth import Grant, Tokens

ORGANIZATION = re.compile(r"(?:urn:li:organization:)?(\d{1,20})")


class LinkedInConfig(BaseModel):
    """One page, by an application of your own that LinkedIn has approved for community management."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    organization: str = Field(title="Organization", description="The page's number: it stands in the address of its administration.")
    client_id: str = Field(title="Client ID", description="Of an application at linkedin.com/developers with the Community Management API.")
    client_secret: SecretStr = Field(title="Client secret", description="Stands beside the client ID; it also signs webhooks.")
    access_token: SecretStr | None = Field(
        default=None, title="Access token", description="What an administrator of the page granted; it ends after 60 days."
    )
    refresh_token: SecretStr | None = Field(
        default=None, title="Refresh token", description="If LinkedIn has given one: access is renewed by itself, for a year."
    )
    daily_quota: int = Field(
        default=2000, ge=100, title="Requests a day", description="What LinkedIn allows the application; a fifth is kept for replies."
    )
    history: int = Field(
        default=50, ge=0, le=500, title="Comments of history", description="How many of the latest comments the first look shows."
    )
    version: str = Field(
        default="202610", pattern=r"20\d{4}", title="API version", description="Year and month; LinkedIn ends each after about a year."
    )
    api_url: str = Field(
        default="https://api.linkedin.com/rest",
        title="API address",
        description="Leave it as it is, unless a proxy of your own stands between.",
    )
    token_url: str = Field(
        default="https://www.linkedin.com/oauth/v2",
        title="Token address",
        description="Leave it as it is, unless a proxy of your own stands between.",
    )

    @field_validator("organization")
    @classmethod
    def _is_organization(cls, value: str) -> str:
        found = ORGANIZATION.fullmatch(value.strip())
        if found is None:
            raise ValueError("an organization is a number")
        return found[1]

    @model_validator(mode="after")
    def _is_whole(self) -> "LinkedInConfig":
        if not (self.access_token or self.refresh_token):
            raise ValueError("either an access token or a refresh token is needed")
        return self

    @property
    def urn(self) -> str:
        return f"urn:li:organization:{self.organization}"

    @property
    def tokens(self) -> Tokens:
        """https://learn.microsoft.com/en-us/linkedin/shared/authentication/programmatic-refresh-tokens"""
        if self.refresh_token is None:
            return Tokens(given=self.access_token.get_secret_value() if self.access_token else "")
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token.get_secret_value(),
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
        }
        return Tokens(Grant(f"{self.token_url}/accessToken", form))
