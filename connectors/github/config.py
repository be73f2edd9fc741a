"""What a person fills in to connect a repository."""

import re
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)


class GitHubConfig(BaseModel):
    """One repository. It is looked at from time to time; with a webhook what happens is there at once."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    repository: str = Field(title="Repository", description="Owner and name, as in its address.", examples=["octocat/hello-world"])
    access_token: SecretStr = Field(
        title="Access token",
        description="Of the account that answers: a fine-grained token that may read and write issues (and discussions) there.",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        title="Webhook secret",
        description="If GitHub shall call this channel's own address (https://…/hooks/KEY): think up a long one, and enter it there too.",
    )
    discussions: bool = Field(default=False, title="Discussions", description="Look at the repository's discussions too.")
    history: int = Field(default=7, ge=0, le=365, title="Days of history", description="How far back the first look goes.")
    api_url: str = Field(
        default="https://api.github.com", title="API address", description="Only for GitHub Enterprise Server: https://HOST/api/v3."
    )

    @field_validator("repository")
    @classmethod
    def _is_repository(cls, value: str) -> str:
        value = value.strip().removeprefix("https://github.com/").removesuffix(".git").strip("/")
        if not REPOSITORY.fullmatch(value):
            raise ValueError("a repository is its owner, a slash, and its name")
        return value

    @field_validator("access_token", "webhook_secret")
    @classmethod
    def _is_usable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        words = value.get_secret_value().strip()
        if not (words.isascii() and words.isprintable()):
            raise ValueError("only plain letters, digits and signs are possible here")
        return SecretStr(words) if words else None

    @field_validator("access_token")
    @classmethod
    def _is_there(cls, value: SecretStr | None) -> SecretStr:
        if value is None:
            raise ValueError("an access token is needed")
        return value

    @field_validator("api_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value

    @property
    def graphql_url(self) -> str:
        """https://docs.github.com/en/graphql/guides/forming-calls-with-graphql; beside the other one on a server of one's own."""
        return f"{self.api_url.removesuffix('/v3')}/graphql"
