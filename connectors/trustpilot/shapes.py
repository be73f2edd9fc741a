"""What Trustpilot tells (https://developers.trustpilot.com/business-units-api, private reviews)."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connectors.reviews.review import Language

Moment = Annotated[datetime, AfterValidator(lambda value: value.replace(tzinfo=UTC) if value.tzinfo is None else value)]  # theirs are UTC


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Consumer(Shape):
    id: str
    name: str | None = Field(default=None, alias="displayName")


class Tag(Shape):
    group: str = ""
    value: str


class CompanyReply(Shape):
    text: str
    created: Moment = Field(alias="createdAt")
    updated: Moment | None = Field(default=None, alias="updatedAt")


class Review(Shape):
    id: str = Field(min_length=1)
    consumer: Consumer
    stars: int | None = Field(default=None, ge=0, le=5)
    title: str | None = None
    text: str | None = None
    language: Language = None
    created: Moment = Field(alias="createdAt")
    updated: Moment | None = Field(default=None, alias="updatedAt")
    reply: CompanyReply | None = Field(default=None, alias="companyReply")
    is_verified: bool | None = Field(default=None, alias="isVerified")
    reference: str | None = Field(default=None, alias="referenceId")
    email: str | None = Field(default=None, alias="referralEmail")
    tags: list[Tag] | None = None

    @property
    def details(self) -> str:
        """The order's number and the tags, which Trustpilot shows to the business only."""
        order = [f"№ {self.reference}"] if self.reference else []
        return " · ".join([*order, *(f"#{tag.value}" for tag in self.tags or [])])
