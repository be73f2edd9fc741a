"""The reviews of one location (https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews)."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from connectors.googlebusiness.config import GoogleBusinessConfig
from connectors.googlebusiness.shapes import Review, ReviewReply
from connectors.reviews import review, tokens
from connectors.reviews.interface import Interface, Missing, entries
from connectors.reviews.review import Answer
from inbox.contract import Ambiguous, Author, Post

Json = dict[str, Any]
LIMIT = 50  # reviews of a page, the most that Google gives


class Source:
    """One location's list and answers."""

    reach: timedelta | None = None

    def __init__(self, config: GoogleBusinessConfig) -> None:
        self._config = config
        self._tokens = tokens.Tokens(config.token_url, self._form)
        self._interface = Interface("Google Business Profile", config.server, self._tokens.current, self._tokens.forget)
        self._path = f"/v4/{config.location}/reviews"
        self._post = Post(config.location, title=config.place_name or config.location)

    async def whoami(self) -> Author:
        await self._interface.get(self._path, {"pageSize": 1})
        return Author(self._config.location, self._post.title, is_self=True)

    async def pages(self) -> AsyncGenerator[list[Json]]:
        asked: dict[str, str | int] = {"pageSize": LIMIT, "orderBy": "updateTime desc"}
        while True:
            told = await self._interface.get(self._path, asked)
            yield entries(told, "reviews")
            if not told.get("nextPageToken"):
                return
            asked["pageToken"] = str(told["nextPageToken"])

    def read(self, told: Json) -> review.Review:
        found = Review.model_validate(told)
        reply = found.reply
        return review.Review(
            id=found.id,
            words=review.words(found.stars, found.comment),
            at=found.updated,
            author=Author(f"reviewer/{found.id}", found.reviewer.name or "?", avatar=found.reviewer.photo),
            post=self._post,
            answer=Answer(reply.comment, reply.updated or found.updated, reply.failure) if reply else None,
            raw=told,
        )

    async def one(self, review_id: str) -> Json | None:
        try:
            return await self._interface.get(self._named(review_id))
        except Missing:
            return None

    async def put(self, review_id: str, text: str) -> Answer:
        """https://developers.google.com/my-business/reference/rest/v4/accounts.locations.reviews/updateReply: it replaces what is there."""
        told = await self._interface.change("PUT", f"{self._named(review_id)}/reply", {"comment": text})
        try:
            result = ReviewReply.model_validate(told)
        except ValidationError:
            raise Ambiguous("Google took the answer, but does not say what became of it.") from None
        return Answer(result.comment, result.updated or datetime.now(UTC), result.failure)

    async def remove(self, review_id: str) -> None:
        await self._interface.remove(f"{self._named(review_id)}/reply")

    async def aclose(self) -> None:
        await self._interface.aclose()
        await self._tokens.aclose()

    def _named(self, review_id: str) -> str:
        return f"{self._path}/{quote(review_id, safe='')}"

    def _form(self) -> dict[str, str]:
        """https://developers.google.com/identity/protocols/oauth2/web-server#offline"""
        return {
            "grant_type": "refresh_token",
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret.get_secret_value(),
            "refresh_token": self._config.refresh_token.get_secret_value(),
        }
