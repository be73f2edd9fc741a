"""What a person fills in to connect an app on Google Play."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError, field_validator

from connectors.reviews import config, tokens


class ServiceAccount(BaseModel):
    """The file of a service account's key, as far as it matters (https://developers.google.com/identity/protocols/oauth2/service-account)."""

    client_email: str
    private_key: str
    token_uri: Annotated[str, AfterValidator(config.address)] = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address


class GooglePlayConfig(config.ReviewsConfig):
    """One app."""

    package: str = Field(
        title="Package", description="Name of the app's package, as in the address of its page.", examples=["com.example.bread"]
    )
    service_account_key: SecretStr = Field(
        title="Service account key", description="The whole JSON file of the key, made in the Google Cloud console under Service accounts."
    )
    server: Annotated[str, AfterValidator(config.address)] = Field(
        default="https://androidpublisher.googleapis.com",
        title="Server",
        description="Address of the interface; another one only behind a proxy.",
    )

    @field_validator("package")
    @classmethod
    def _is_package(cls, value: str) -> str:
        value = value.strip()
        if not value.replace(".", "").replace("_", "").isalnum():
            raise ValueError("a package is called like com.example.bread")
        return value

    @field_validator("service_account_key")
    @classmethod
    def _is_key(cls, value: SecretStr) -> SecretStr:
        account(value)
        return value


def account(value: SecretStr) -> ServiceAccount:
    """Raises ValueError, without what was given."""
    try:
        told: Any = json.loads(value.get_secret_value())
        found = ServiceAccount.model_validate(told)
    except (ValidationError, ValueError):
        raise ValueError("that is not the JSON file of a service account's key") from None
    tokens.private_key(found.private_key)
    return found
