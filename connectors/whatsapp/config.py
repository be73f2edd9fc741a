"""How a number is connected."""

from pydantic import Field, SecretStr, field_validator

from connectors.meta.config import GraphConfig

DIGITS = r"^\s*\d{1,20}\s*$"


class WhatsAppConfig(GraphConfig):
    """One business phone number at the Cloud API."""

    phone_number_id: str = Field(
        title="Phone number ID", pattern=DIGITS, description="WhatsApp → API setup: the digits under the number, not the number itself."
    )
    business_account_id: str = Field(
        title="WhatsApp Business Account ID", pattern=DIGITS, description="On the same page. The account has the approved templates."
    )
    access_token: SecretStr = Field(
        title="Access token",
        description="Of a system user, without an end, with whatsapp_business_messaging and whatsapp_business_management.",
    )

    @field_validator("phone_number_id", "business_account_id")
    @classmethod
    def _is_digits(cls, value: str) -> str:
        return value.strip()
