"""What Google tells (https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews#Review)."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

STARS = {"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5}


class Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Reviewer(Shape):
    """Who wishes to stay anonymous has no name."""

    name: str = Field(default="", alias="displayName")
    photo: str | None = Field(default=None, alias="profilePhotoUrl")


class ReviewReply(Shape):
    """Our answer. `state`: PENDING, APPROVED or REJECTED, by Google's own check."""

    comment: str
    updated: datetime | None = Field(default=None, alias="updateTime")
    state: str = Field(default="", alias="reviewReplyState")
    violation: str = Field(default="", alias="policyViolation")

    @property
    def failure(self) -> str:
        return f"Google does not show it ({self.violation or 'without a reason'})." if self.state == "REJECTED" else ""


class Review(Shape):
    id: str = Field(alias="reviewId", min_length=1)
    reviewer: Reviewer = Reviewer()
    star_rating: str = Field(default="", alias="starRating")
    comment: str = ""
    updated: datetime = Field(alias="updateTime")
    reply: ReviewReply | None = Field(default=None, alias="reviewReply")

    @property
    def stars(self) -> int | None:
        return STARS.get(self.star_rating)
