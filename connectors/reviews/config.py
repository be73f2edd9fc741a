"""What the set-up forms of the platforms for reviews share."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field


class ReviewsConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    history: int = Field(default=50, ge=1, le=400, title="History", description="How many of the latest reviews the first look shows.")


def address(value: str) -> str:
    """Raises ValueError when it is none."""
    value = value.strip().rstrip("/")
    if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
        raise ValueError("an address begins with https:// and names a host")
    return value
