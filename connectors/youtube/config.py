"""What a person fills in to connect a YouTube channel."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from connectors.oauth import Grant

OWN_PROXY = "Leave it as it is, unless a proxy of your own stands between."


class YouTubeConfig(BaseModel):
    """One channel, by an application of your own at Google."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(
        title="Client ID", description="Of an OAuth client in the Google Cloud console, with the YouTube Data API v3 on."
    )
    client_secret: SecretStr = Field(title="Client secret", description="Stands beside the client ID.")
    refresh_token: SecretStr = Field(
        title="Refresh token",
        description="What the channel's owner granted, with the scope https://www.googleapis.com/auth/youtube.force-ssl.",
    )
    daily_quota: int = Field(
        default=10_000,
        ge=1000,
        title="Units a day",
        description="The project's quota in the Google Cloud console; a fifth is kept for replies.",
    )
    history: int = Field(
        default=50, ge=0, le=500, title="Comments of history", description="How many of the latest threads the first look shows."
    )
    api_url: str = Field(default="https://www.googleapis.com/youtube/v3", title="API address", description=OWN_PROXY)
    token_url: str = Field(default="https://oauth2.googleapis.com/token", title="Token address", description=OWN_PROXY)

    @property
    def grant(self) -> Grant:
        """https://developers.google.com/identity/protocols/oauth2/web-server#offline"""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "refresh_token": self.refresh_token.get_secret_value(),
        }
        return Grant(self.token_url, form)
