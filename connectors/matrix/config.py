"""What a person fills in to connect a Matrix account."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

EVERYBODY = "*"


class MatrixConfig(BaseModel):
    """One account on a homeserver."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    homeserver: str = Field(title="Homeserver", description="Address of the server's client API.", examples=["https://matrix.example.org"])
    access_token: SecretStr = Field(
        title="Access token", description="Of a session that only Parley uses. The page about Matrix says how to get one."
    )
    invites_from: tuple[str, ...] = Field(
        default=(),
        title="Accept invitations from",
        description="People (@anna:example.org), whole servers (example.org), or * for everybody. Empty: somebody joins rooms by hand.",
    )
    history: int = Field(
        default=50, ge=0, le=500, title="Messages of history", description="How many of each room the first synchronisation shows."
    )

    @field_validator("homeserver")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("an address begins with https:// and names a host")
        return value

    def accepts(self, inviter: str) -> bool:
        """Whether an invitation by this person is accepted."""
        server = inviter.partition(":")[2]
        return any(entry.strip() in {inviter, server, EVERYBODY} for entry in self.invites_from)
