"""What a person fills in to connect a location of a business."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from connectors.reviews import config


class GoogleBusinessConfig(config.ReviewsConfig):
    """One location, and the access of a person who manages it."""

    location: str = Field(
        title="Location",
        description="Its name for programs; the page about Google Business Profile shows how to find it.",
        pattern=r"^accounts/\w+/locations/\w+$",
        examples=["accounts/1234/locations/5678"],
    )
    place_name: str = Field(default="", title="Name of the place", description="Stands above its reviews here. Empty: the location's name.")
    client_id: str = Field(title="Client ID", description="Of the OAuth client in the Google Cloud console.", min_length=1)
    client_secret: SecretStr = Field(title="Client secret", description="Of the same OAuth client.")
    refresh_token: SecretStr = Field(
        title="Refresh token", description="From the consent of a manager; the page about this channel shows how."
    )
    server: Annotated[str, AfterValidator(config.address)] = Field(
        default="https://mybusiness.googleapis.com",
        title="Server",
        description="Address of the interface; another one only behind a proxy.",
    )
    token_url: Annotated[str, AfterValidator(config.address)] = Field(
        default="https://oauth2.googleapis.com/token", title="Token address", description="Where Google hands out access tokens."
    )
