"""What a person fills in to connect a key of Nostr."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from connectors.nostr import names, schnorr


class NostrConfig(BaseModel):
    """One key, and the relay where it is read and written."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    relay: str = Field(title="Relay", description="Address of the relay that is read and written.", examples=["wss://relay.example"])
    private_key: SecretStr = Field(title="Private key", description="Of the account: nsec1…, or 64 hexadecimal digits.")
    history: int = Field(default=40, ge=0, le=500, title="Notes of history", description="How many of the latest the first look shows.")

    @field_validator("relay")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip()
        if urlsplit(value).scheme not in {"ws", "wss"} or not urlsplit(value).hostname:
            raise ValueError("the address of a relay begins with wss:// and names a host")
        return value

    @field_validator("private_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        secret = secret_of(value.get_secret_value())
        if secret is None:
            raise ValueError("a private key is nsec1… or 64 hexadecimal digits")
        return SecretStr(secret.hex())


def secret_of(text: str) -> bytes | None:
    """The private key that somebody typed."""
    text = text.strip()
    try:
        secret = names.decode("nsec", text) if text.lower().startswith("nsec1") else bytes.fromhex(text)
    except ValueError:
        return None
    return secret if secret is not None and schnorr.is_secret(secret) else None
