"""What a person fills in to connect a mailbox."""

import ssl
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.config import JsonDict

from connectors.oauth import Grant, Tokens

MEBIBYTE = 1024 * 1024


class Security(StrEnum):
    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class SentCopy(StrEnum):
    APPEND = "append"  # we put a copy into the sent folder
    SERVER = "server"  # the mail provider keeps one itself, for every mail that it accepts
    NONE = "none"


SECURITY_WORDS: JsonDict = {"tls": "TLS from the start", "starttls": "STARTTLS", "none": "Not encrypted"}


class EmailConfig(BaseModel):
    """One mailbox: where its mail is read, and where answers are handed in."""

    # A value that fails its check is not repeated in the error: it may be a password in the wrong field.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(title="Address", description="The address that customers write to.", examples=["support@example.org"])
    display_name: str = Field(default="", title="Name", description="The sender that customers see beside the address.")

    imap_host: str = Field(title="Incoming server", description="The IMAP server.", examples=["imap.example.org"])
    imap_port: int = Field(default=993, ge=1, le=65535, title="Incoming port", description="993 for TLS, 143 for STARTTLS.")
    imap_security: Security = Field(
        default=Security.TLS,
        title="Incoming security",
        description="Without encryption only for a server on this machine.",
        json_schema_extra={"words": SECURITY_WORDS},
    )
    user: str = Field(default="", title="User", description="Name to sign in with. Empty: the address.")
    password: SecretStr | None = Field(
        default=None, title="Password", description="Password of the mailbox, or an app password. Leave it empty when a token is used."
    )

    smtp_host: str = Field(title="Outgoing server", description="The SMTP server.", examples=["smtp.example.org"])
    smtp_port: int = Field(default=465, ge=1, le=65535, title="Outgoing port", description="465 for TLS, 587 for STARTTLS.")
    smtp_security: Security = Field(
        default=Security.TLS,
        title="Outgoing security",
        description="Without encryption only for a server on this machine.",
        json_schema_extra={"words": SECURITY_WORDS},
    )
    smtp_user: str = Field(default="", title="Outgoing user", description="Empty: the same as for incoming mail.")
    smtp_password: SecretStr | None = Field(default=None, title="Outgoing password", description="Empty: the same as for incoming mail.")
    smtp_sign_in: bool = Field(default=True, title="Sign in to the outgoing server", description="Off for a relay that knows this machine.")

    access_token: SecretStr | None = Field(
        default=None,
        title="Access token",
        description="OAuth 2 token (XOAUTH2) instead of a password. It runs out; a refresh token does not.",
    )
    refresh_token: SecretStr | None = Field(default=None, title="Refresh token", description="Fetches access tokens when they are needed.")
    client_id: str = Field(default="", title="Client id", description="Of the application registered with the mail provider.")
    client_secret: SecretStr | None = Field(default=None, title="Client secret", description="Of the same application, if it has one.")
    token_url: str = Field(
        default="",
        title="Token address",
        description="Where access tokens are fetched.",
        examples=["https://oauth2.googleapis.com/token"],
    )

    folder: str = Field(default="INBOX", title="Folder", description="The folder that is read.")
    sent_folder: str = Field(
        default="",
        title="Sent folder",
        description="Read too when it is given, so that an answer written in another mail program counts.",
        examples=["Sent"],
    )
    sent_copy: SentCopy = Field(
        default=SentCopy.APPEND,
        title="Copy of sent mail",
        description="Gmail and Microsoft 365 keep a copy by themselves.",
        json_schema_extra={
            "words": {"append": "Parley puts one into the sent folder", "server": "The mail provider keeps one", "none": "No copy"}
        },
    )
    mark_seen: bool = Field(default=False, title="Mark as read", description="Mark mail as read on the server once it is stored here.")
    since: int = Field(default=14, ge=0, le=3650, title="Days of history", description="How far back the first synchronisation goes.")

    aliases: tuple[str, ...] = Field(default=(), title="Other addresses", description="Further addresses of this mailbox, to answer from.")
    staff_domain: str | None = Field(
        default=None,
        title="Mail domain of the team",
        description="People who write from it are colleagues, not customers.",
        examples=["example.org"],
    )
    certificate: str = Field(
        default="",
        title="Own certificate authority",
        description="PEM text, for servers whose certificate no public authority has signed.",
        json_schema_extra={"format": "multiline"},
    )
    largest_mail: int = Field(
        default=25 * MEBIBYTE,
        ge=64 * 1024,
        le=100 * MEBIBYTE,
        title="Largest mail",
        description="Bytes of one mail that are fetched. The rest of a larger one stays on the server.",
    )
    timeout: float = Field(
        default=30, gt=0, le=300, title="Time-out", description="Seconds without an answer until a connection counts as lost."
    )
    renew: float = Field(
        default=240,
        gt=0,
        le=1700,
        title="Renewal",
        description="Seconds until the wait for new mail is renewed; a dead connection is noticed then.",
    )
    poll: float = Field(
        default=30,
        gt=0,
        le=1700,
        title="Polling",
        description="Seconds between looks into the sent folder, and at servers that cannot push.",
    )

    @field_validator("address", "aliases", mode="after")
    @classmethod
    def _lower(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        entries = [value] if isinstance(value, str) else value
        for entry in entries:
            local, _, domain = entry.strip().partition("@")
            if not local or not domain or any(letter.isspace() or letter in "<>,;" for letter in entry.strip()):
                raise ValueError("write the bare address, such as support@example.org")
        lowered = tuple(entry.strip().lower() for entry in entries)
        return lowered[0] if isinstance(value, str) else lowered

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if self.password is None and self.access_token is None and self.refresh_token is None:
            raise ValueError("give a password, an access token or a refresh token")
        if self.refresh_token is not None and not (self.client_id and self.token_url):
            raise ValueError("a refresh token needs the client id and the token address")
        return self

    @property
    def tokens(self) -> Tokens:
        """For XOAUTH2: the access token that was given, then those that the refresh token fetches."""
        given = self.access_token.get_secret_value() if self.access_token else ""
        if self.refresh_token is None:
            return Tokens(given=given)
        form = {"grant_type": "refresh_token", "refresh_token": self.refresh_token.get_secret_value(), "client_id": self.client_id}
        if self.client_secret is not None:
            form["client_secret"] = self.client_secret.get_secret_value()
        return Tokens(Grant(self.token_url, form), given=given)

    @property
    def addresses(self) -> frozenset[str]:
        """Every address that is ours."""
        return frozenset({self.address, *self.aliases})

    @property
    def senders(self) -> tuple[str, ...]:
        """The addresses that an answer may come from, the usual one first."""
        return tuple(dict.fromkeys((self.address, *self.aliases)))

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    def tls(self) -> ssl.SSLContext:
        """Certificates are always checked: against the public authorities, or against the one given."""
        return ssl.create_default_context(cadata=self.certificate or None)

    @property
    def uses_token(self) -> bool:
        return self.access_token is not None or self.refresh_token is not None
