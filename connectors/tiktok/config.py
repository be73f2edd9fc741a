"""What a person fills in to connect a business account."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.oauth import Grant


class TikTokConfig(BaseModel):
    """One business account, by an application of your own at TikTok for Business."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_id: str = Field(
        title="App ID", description="Of an application at business-api.tiktok.com, with the permissions for TikTok accounts."
    )
    app_secret: SecretStr = Field(title="App secret", description="Stands beside the app ID; it also signs webhooks.")
    business_id: str = Field(title="Account", description="The open_id that TikTok gave together with the tokens.")
    refresh_token: SecretStr = Field(title="Refresh token", description="What the account's owner granted; it ends after a year.")
    history: int = Field(
        default=50, ge=0, le=500, title="Comments of history", description="How many of the latest comments the first look shows."
    )
    api_url: str = Field(
        default="https://business-api.tiktok.com/open_api/v1.3",
        title="API address",
        description="Leave it as it is, unless a proxy of your own stands between.",
    )

    @property
    def grant(self) -> Grant:
        """https://business-api.tiktok.com/portal/docs?id=1738083939371009: tokens of TikTok accounts, for a day."""
        form = {
            "client_id": self.app_id,
            "client_secret": self.app_secret.get_secret_value(),
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token.get_secret_value(),
        }
        return Grant(f"{self.api_url.rstrip('/')}/tt_user/oauth2/refresh_token/", form, as_json=True)
