"""What a person fills in to connect an XMPP account."""

import re

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

ADDRESS = re.compile(r"[^\s\"&'/:<>@\x00-\x1f]{1,255}@[^\s\"&'/<>@\x00-\x1f]{1,255}")


class XmppConfig(BaseModel):
    """One account, and the rooms that it is in."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    address: str = Field(title="Address", description="The account's, as people write it.", examples=["support@example.org"])
    password: SecretStr = Field(title="Password", description="Of that account.", min_length=1)
    rooms: str = Field(
        default="", title="Rooms", description="Addresses of the rooms to join, with commas between them. Empty: direct chats only."
    )
    nick: str = Field(default="", title="Nick", description="Under which name you are in the rooms. Empty: what is before the @.")
    host: str = Field(default="", title="Host", description="Where the server is, if not at what is after the @.")
    port: int = Field(default=5222, ge=1, le=65535, title="Port", description="5222, usually.")
    tls: bool = Field(default=True, title="TLS", description="Without it everything, passwords too, is readable on the way.")
    history: int = Field(
        default=50, ge=0, le=500, title="Messages of history", description="How many of each archive the first synchronisation shows."
    )

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _checked(value)

    @field_validator("rooms")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        return ",".join(dict.fromkeys(_checked(room) for room in value.split(",") if room.strip()))

    @field_validator("nick", "password")
    @classmethod
    def _is_one_line(cls, value: str | SecretStr) -> str | SecretStr:
        words = value.get_secret_value() if isinstance(value, SecretStr) else value
        if re.search(r"[\x00-\x1f]", words):
            raise ValueError("it is one line")
        return value

    @property
    def domain(self) -> str:
        return self.address.partition("@")[2]

    @property
    def nickname(self) -> str:
        return self.nick.strip() or self.address.partition("@")[0]

    @property
    def room_addresses(self) -> list[str]:
        return [room for room in self.rooms.split(",") if room]


def _checked(value: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc7622: case makes no difference before the resource."""
    value = value.strip().removeprefix("xmpp:").lower()
    if not ADDRESS.fullmatch(value):
        raise ValueError("an address is like name@example.org")
    return value
