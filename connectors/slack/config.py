"""What a person fills in to connect an app that is installed in a workspace."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class SlackConfig(BaseModel):
    """One app in one workspace. Events come by Socket Mode (app-level token) or are pushed (signing secret)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = Field(title="Bot token", description="Of the app's page OAuth & Permissions; it begins with xoxb-.")
    app_token: SecretStr | None = Field(
        default=None,
        title="App-level token",
        description="For Socket Mode, which needs no address of yours: under Basic Information, with connections:write; begins with xapp-.",
    )
    signing_secret: SecretStr | None = Field(
        default=None,
        title="Signing secret",
        description="If Slack shall call this channel's own address (https://…/hooks/KEY) instead: under Basic Information.",
    )
    history: int = Field(
        default=50, ge=0, le=1000, title="Messages of history", description="How many of each conversation the first look shows."
    )
    api_url: str = Field(default="https://slack.com/api", title="API address", description="Another one only for GovSlack.")

    @field_validator("bot_token", "app_token", "signing_secret")
    @classmethod
    def _is_usable(cls, value: SecretStr | None) -> SecretStr | None:
        words = value.get_secret_value().strip() if value else ""
        if not (words.isascii() and words.isprintable()):
            raise ValueError("only plain letters, digits and signs are possible here")
        return SecretStr(words) if words else None

    @field_validator("api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> "SlackConfig":
        if not self.bot_token:
            raise ValueError("a bot token is needed")
        if self.app_token is None and self.signing_secret is None:
            raise ValueError("events need an app-level token or a signing secret")
        return self
