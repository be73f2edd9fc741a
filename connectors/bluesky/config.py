"""What a person fills in to connect an account of Bluesky."""

from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from inbox.contract import Action, Capabilities, ConversationKind


class BlueskyConfig(BaseModel):
    """One account."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    server: str = Field(
        default="https://bsky.social",
        title="Server",
        description="Address of the server that has the account; the usual one is https://bsky.social.",
    )
    handle: str = Field(title="Handle", description="Name of the account, as on its profile.", examples=["shop.bsky.social"])
    app_password: SecretStr = Field(
        title="App password",
        description="Made in the account's settings under Privacy and security, App passwords; with access to direct messages.",
    )
    history: int = Field(
        default=40, ge=0, le=80, title="Notifications of history", description="How many of the latest the first look shows."
    )
    private_messages: bool = Field(
        default=True, title="Private messages", description="Read and answer them too, if the app password allows access to them."
    )

    def narrow(self, capabilities: Capabilities) -> Capabilities:
        """Nothing in private where that is not wanted."""
        if self.private_messages:
            return capabilities
        kinds, actions = capabilities.conversation_kinds - {ConversationKind.DIRECT}, capabilities.actions - {Action.PRIVATE_REPLY}
        return replace(capabilities, conversation_kinds=kinds, actions=actions)

    @field_validator("server")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value

    @field_validator("handle")
    @classmethod
    def _is_handle(cls, value: str) -> str:
        value = value.strip().removeprefix("@")
        if not value:
            raise ValueError("a handle is a name such as shop.bsky.social")
        return value
