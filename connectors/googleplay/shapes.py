"""What Google Play tells, as far as it matters here (https://developers.google.com/android-publisher/api-ref/rest/v3/reviews#Review)."""

from datetime import UTC, datetime, timedelta

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from connectors.reviews.review import Language

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Moment(Shape):
    seconds: int  # int64, so a string on the wire
    nanos: int = 0

    @property
    def at(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds, microseconds=self.nanos // 1000)


class Device(Shape):
    product_name: str = Field(default="", alias="productName")


class User(Shape):
    """What the reviewer wrote."""

    text: str
    last_modified: Moment = Field(alias="lastModified")
    stars: int | None = Field(default=None, alias="starRating", ge=0, le=5)
    version: str = Field(default="", alias="appVersionName")
    system: int | None = Field(default=None, alias="androidOsVersion")
    language: Language = Field(default=None, alias="reviewerLanguage")
    device: Device | None = Field(default=None, alias="deviceMetadata")

    @property
    def details(self) -> str:
        device, system = self.device.product_name if self.device else "", f"Android API {self.system}" if self.system else ""
        return " · ".join(part for part in (self.version, device, system) if part)


class Developer(Shape):
    """Our answer; called otherwise where it is the result of a request."""

    text: str = Field(validation_alias=AliasChoices("text", "replyText"))
    last_modified: Moment = Field(validation_alias=AliasChoices("lastModified", "lastEdited"))


class Comment(Shape):
    user: User | None = Field(default=None, alias="userComment")
    developer: Developer | None = Field(default=None, alias="developerComment")


class Review(Shape):
    review_id: str = Field(alias="reviewId", min_length=1)
    author_name: str = Field(default="", alias="authorName")
    comments: list[Comment]
