"""The reviews of one app (https://developer.apple.com/documentation/appstoreconnectapi/get-v1-apps-_id_-customerreviews).

An entry here is a review as Apple gives it, with our answer, which Apple lists beside the reviews, put into it as "response".
"""

import re
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import ValidationError

from connectors.appstore.config import AppStoreConfig
from connectors.appstore.shapes import Response, Review
from connectors.reviews import review, tokens
from connectors.reviews.interface import Interface, Missing, entries, inner
from connectors.reviews.review import Answer
from inbox.contract import Ambiguous, Author, Permanent, Post, Standing, Transient

Json = dict[str, Any]
AUDIENCE = "appstoreconnect-v1"
LIFETIME = 1200  # seconds, the longest that Apple allows
EARLY = 120  # seconds before its end that a token is replaced
LIMIT = 200
RESPONSES = "/v1/customerReviewResponses"


class Source:
    """One app's list and answers."""

    reach: timedelta | None = None

    def __init__(self, config: AppStoreConfig) -> None:
        self._config = config
        self._key = tokens.private_key(config.private_key.get_secret_value())
        self._token, self._ends = "", 0.0
        self._interface = Interface("App Store Connect", config.server, self._bearer, self._forget)
        self._post = Post(config.app, title=config.app, url=f"https://apps.apple.com/app/id{config.app}")

    @property
    def standing(self) -> Standing:
        """https://developer.apple.com/documentation/appstoreconnectapi/identifying-rate-limits: a rolling hour."""
        told = dict(re.findall(r"user-hour-(lim|rem):(\d+)", self._interface.told.get("x-rate-limit", "")))
        if not {"lim", "rem"} <= told.keys():
            return Standing()
        return Standing(quota_used=int(told["lim"]) - int(told["rem"]), quota_limit=int(told["lim"]))

    async def whoami(self) -> Author:
        told = await self._interface.get(f"/v1/apps/{self._config.app}")
        try:
            name = str(told["data"]["attributes"]["name"])
        except (KeyError, TypeError):
            raise Transient("App Store Connect does not say which app that is.") from None
        self._post = Post(self._post.id, title=name, url=self._post.url)
        return Author(self._config.app, name, is_self=True)

    async def pages(self) -> AsyncGenerator[list[Json]]:
        asked: dict[str, str | int] = {"sort": "-createdDate", "limit": LIMIT, "include": "response"}
        while True:
            told = await self._interface.get(f"/v1/apps/{self._config.app}/customerReviews", asked)
            yield _joined(entries(told, "data"), told)
            following = dict(parse_qsl(urlsplit(str(inner(told, "links").get("next") or "")).query))
            if not following.get("cursor"):
                return
            asked["cursor"] = following["cursor"]

    def read(self, told: Json) -> review.Review:
        found = Review.model_validate(told)
        said, response = found.attributes, told.get("response")
        answer = Response.model_validate(response).attributes if response else None
        return review.Review(
            id=found.id,
            words=review.words(said.rating, said.title or "", said.body or "", details=said.territory or ""),
            at=said.created,
            author=Author(f"reviewer/{found.id}", said.nickname or "?"),
            post=self._post,
            answer=Answer(answer.body, answer.modified) if answer else None,
            raw=told,
        )

    async def one(self, review_id: str) -> Json | None:
        try:
            told = await self._interface.get(f"/v1/customerReviews/{quote(review_id, safe='')}", {"include": "response"})
        except Missing:
            return None
        return _joined([inner(told, "data")], told)[0]

    async def put(self, review_id: str, text: str) -> Answer:
        """https://developer.apple.com/documentation/appstoreconnectapi/post-v1-customerreviewresponses: it replaces what is there."""
        about = {"review": {"data": {"type": "customerReviews", "id": review_id}}}
        data = {"type": "customerReviewResponses", "attributes": {"responseBody": text}, "relationships": about}
        told = await self._interface.change("POST", RESPONSES, {"data": data})
        try:
            result = Response.model_validate(told.get("data")).attributes
        except ValidationError:
            raise Ambiguous("App Store Connect took the answer, but does not say what became of it.") from None
        return Answer(result.body, result.modified)

    async def remove(self, review_id: str) -> None:
        try:
            told = await self._interface.get(f"/v1/customerReviews/{quote(review_id, safe='')}/response")
            response_id = str(told["data"]["id"])
        except (Missing, KeyError, TypeError):
            raise Permanent("There is no answer of ours any more.") from None
        await self._interface.remove(f"{RESPONSES}/{quote(response_id, safe='')}")

    async def aclose(self) -> None:
        await self._interface.aclose()

    async def _bearer(self) -> str:
        """https://developer.apple.com/documentation/appstoreconnectapi/generating-tokens-for-api-requests"""
        now = int(time.time())
        if now >= self._ends - EARLY:
            claims = {"iss": self._config.issuer, "iat": now, "exp": now + LIFETIME, "aud": AUDIENCE}
            self._token, self._ends = tokens.signed(self._key, claims, kid=self._config.key_id), now + LIFETIME
        return self._token

    def _forget(self) -> None:
        self._ends = 0.0


def _joined(reviews: list[Json], told: Json) -> list[Json]:
    responses = {one.get("id"): one for one in entries(told, "included")}
    return [{**one, "response": responses.get(inner(one, "relationships", "response", "data").get("id"))} for one in reviews]
