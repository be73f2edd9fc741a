"""What App Store Connect tells (https://developer.apple.com/documentation/appstoreconnectapi/customerreview)."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Written(Shape):
    """The attributes of a review."""

    rating: int | None = Field(default=None, ge=0, le=5)
    title: str | None = None
    body: str | None = None
    nickname: str | None = Field(default=None, alias="reviewerNickname")
    created: datetime = Field(alias="createdDate")
    territory: str | None = None


class Review(Shape):
    id: str = Field(min_length=1)
    attributes: Written


class Responded(Shape):
    """The attributes of our answer. `state`: PENDING_PUBLISH until the App Store shows it, then PUBLISHED."""

    body: str = Field(alias="responseBody")
    modified: datetime = Field(alias="lastModifiedDate")
    state: str | None = None


class Response(Shape):
    """https://developer.apple.com/documentation/appstoreconnectapi/customerreviewresponsev1"""

    id: str
    attributes: Responded
