"""What a person fills in to connect a business on Trustpilot."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from connectors.reviews import config


class TrustpilotConfig(config.ReviewsConfig):
    """One business unit, and an application of its account."""

    business_unit: str = Field(
        title="Business unit", description="Its ID; the page about Trustpilot shows how to find it.", pattern=r"^[0-9a-fA-F]{24}$"
    )
    business_user: str = Field(
        title="Business user",
        description="User ID, from the profile page in Trustpilot Business: who answers.",
        pattern=r"^[0-9a-fA-F]{24}$",
    )
    api_key: SecretStr = Field(
        title="API key", description="Of the application in Trustpilot Business under Integrations, Developers, APIs."
    )
    api_secret: SecretStr = Field(title="API secret", description="Of the same application.")
    place_name: str = Field(
        default="", title="Name of the place", description="Stands above its reviews here. Empty: as Trustpilot shows it."
    )
    server: Annotated[str, AfterValidator(config.address)] = Field(
        default="https://api.trustpilot.com", title="Server", description="Address of the interface; another one only behind a proxy."
    )
