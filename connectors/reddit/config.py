"""What a person fills in to connect an account of Reddit."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.oauth import Grant

NAME = re.compile(r"(?:/?r/)?([A-Za-z0-9_]{2,21})/?")


class RedditConfig(BaseModel):
    """One account, by an application of your own."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(title="Client ID", description="Of an application at reddit.com/prefs/apps: it stands below its name.")
    client_secret: SecretStr = Field(title="Client secret", description="Stands beside the client ID.")
    username: str = Field(title="User name", description="The account that reads and answers, without u/.", min_length=1)
    password: SecretStr | None = Field(
        default=None, title="Password", description="For an application of the kind script. Else leave it empty."
    )
    refresh_token: SecretStr | None = Field(
        default=None, title="Refresh token", description="For an application of the kind web app, granted permanently. Else leave it empty."
    )
    subreddits: str = Field(default="", title="Subreddits", description="Names, with commas between: all that is said there comes in.")
    inbox: bool = Field(default=True, title="Inbox", description="Answers, mentions and messages to the account, wherever they are said.")
    history: int = Field(
        default=50, ge=0, le=500, title="History", description="How many of the latest entries of each list the first look shows."
    )
    distinguish: bool = Field(
        default=False, title="Answer as moderator", description="Replies are marked as a moderator's, where the account is one."
    )
    api_url: str = Field(
        default="https://oauth.reddit.com", title="API address", description="Leave it as it is, unless a proxy of your own stands between."
    )
    token_url: str = Field(
        default="https://www.reddit.com/api/v1/access_token",
        title="Token address",
        description="Leave it as it is, unless a proxy of your own stands between.",
    )

    @field_validator("subreddits")
    @classmethod
    def _are_names(cls, value: str) -> str:
        found = [NAME.fullmatch(name.strip()) for name in value.split(",") if name.strip()]
        if not all(found):
            raise ValueError("a subreddit's name has 2 to 21 letters, digits and _")
        return ", ".join(name[1] for name in found if name)

    @model_validator(mode="after")
    def _is_whole(self) -> "RedditConfig":
        if not (self.refresh_token or self.password):
            raise ValueError("either a password or a refresh token is needed")
        if not (self.subreddits or self.inbox):
            raise ValueError("there is nothing to read: name subreddits, or read the inbox")
        return self

    @property
    def together(self) -> str:
        """All subreddits as one."""
        return "+".join(name.strip() for name in self.subreddits.split(",") if name.strip())

    @property
    def user_agent(self) -> str:
        """What Reddit asks programs to call themselves (https://github.com/reddit-archive/reddit/wiki/API)."""
        return f"web:{self.client_id}:v1 (by /u/{self.username})"

    @property
    def grant(self) -> Grant:
        """https://github.com/reddit-archive/reddit/wiki/OAuth2"""
        if self.refresh_token:
            form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token.get_secret_value()}
        else:
            password = self.password.get_secret_value() if self.password else ""
            form = {"grant_type": "password", "username": self.username, "password": password}
        basic = (self.client_id, self.client_secret.get_secret_value())
        return Grant(self.token_url, form, basic=basic, user_agent=self.user_agent)
