"""What a person fills in to connect a nick on an IRC network."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

NICK = re.compile(r"[A-Za-z_\[\]\\^{}|`][A-Za-z0-9_\[\]\\^{}|`-]{0,29}")


class IrcConfig(BaseModel):
    """One nick, and the channels that it is in."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(title="Host", description="Name of the network's server.", examples=["irc.libera.chat"], min_length=1)
    port: int = Field(default=6697, ge=1, le=65535, title="Port", description="6697 with TLS, usually.")
    tls: bool = Field(default=True, title="TLS", description="Without it everything, passwords too, is readable on the way.")
    nick: str = Field(title="Nick", description="Under which name you are there.", examples=["breadshop"])
    channels: str = Field(default="", title="Channels", description="Which to join, with commas between them. Empty: direct messages only.")
    account: str = Field(default="", title="Account", description="Name of the registered account (SASL). Empty: no signing in.")
    password: SecretStr | None = Field(default=None, title="Password", description="Of that account; without an account, of the server.")

    @field_validator("nick", "account")
    @classmethod
    def _is_nick(cls, value: str) -> str:
        if value and not NICK.fullmatch(value):
            raise ValueError("a nick has letters, digits and a few signs, and does not begin with a digit")
        return value

    @field_validator("channels")
    @classmethod
    def _are_channels(cls, value: str) -> str:
        names = [name.strip() for name in value.split(",") if name.strip()]
        if any(not name.startswith(("#", "&", "+", "!")) or re.search(r"[\s\x00-\x1f]", name) for name in names):
            raise ValueError("a channel is called like #bread")
        return ",".join(names)

    @field_validator("password")
    @classmethod
    def _is_one_line(cls, value: SecretStr | None) -> SecretStr | None:
        if value and re.search(r"[\x00-\x1f]", value.get_secret_value()):
            raise ValueError("a password is one line")
        return value

    @model_validator(mode="after")
    def _has_password(self) -> "IrcConfig":
        if self.account and self.password is None:
            raise ValueError("an account needs its password")
        return self
