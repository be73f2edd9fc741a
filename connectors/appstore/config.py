"""What a person fills in to connect an app on the App Store."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, Field, SecretStr, field_validator

from connectors.reviews import config, tokens


class AppStoreConfig(config.ReviewsConfig):
    """One app, and an API key of its team."""

    app: str = Field(title="App", description="The app's Apple ID, a number: in App Store Connect under App Information.", pattern=r"^\d+$")
    issuer: str = Field(title="Issuer ID", description="In App Store Connect under Users and Access, Integrations.", min_length=1)
    key_id: str = Field(title="Key ID", description="Stands beside the API key, in the same place.", min_length=1)
    private_key: SecretStr = Field(
        title="Private key", description="The whole text of the key's file (AuthKey_….p8). Apple lets it be downloaded once."
    )
    server: Annotated[str, AfterValidator(config.address)] = Field(
        default="https://api.appstoreconnect.apple.com",
        title="Server",
        description="Address of the interface; another one only behind a proxy.",
    )

    @field_validator("private_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        if not isinstance(tokens.private_key(value.get_secret_value()), ec.EllipticCurvePrivateKey):
            raise ValueError("that is not a key of App Store Connect")
        return value
