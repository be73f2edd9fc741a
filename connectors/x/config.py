"""What a person fills in to connect an account of X."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

TOKEN = re.compile(r"(\d{1,20})-[A-Za-z0-9]{20,}")


class XConfig(BaseModel):
    """One account, by OAuth 1.0a: its tokens do not run out, and several processes can use them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    consumer_key: SecretStr = Field(
        title="API key", description="Of an application in the X developer console, with read and write and direct messages."
    )
    consumer_secret: SecretStr = Field(title="API key secret", description="Stands beside the API key; it also signs webhooks.")
    access_token: SecretStr = Field(
        title="Access token", description="Of the account, made after the permissions were set: digits, a hyphen, letters."
    )
    access_token_secret: SecretStr = Field(title="Access token secret", description="Stands beside the access token.")
    direct_messages: bool = Field(default=True, title="Direct messages", description="Read and answer them; X charges for what is read.")
    own_posts: bool = Field(
        default=True,
        title="Own answers",
        description="Read what is answered on X itself, so that it ends the wait; X charges for what is read.",
    )
    history: int = Field(
        default=20, ge=0, le=500, title="History", description="How many of the latest entries of each list the first look shows."
    )
    api_url: str = Field(
        default="https://api.x.com", title="API address", description="Leave it as it is, unless a proxy of your own stands between."
    )

    @field_validator("access_token")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        value = SecretStr(value.get_secret_value().strip())
        if not TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("an access token is digits, a hyphen, and letters")
        return value

    @property
    def account(self) -> str:
        """The account's own id: what stands before the hyphen."""
        return self.access_token.get_secret_value().partition("-")[0]
