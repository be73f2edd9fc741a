"""The reviews of one business unit (https://developers.trustpilot.com/business-units-api, Get private reviews)."""

import base64
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connectors.reviews import review, tokens
from connectors.reviews.interface import Interface, Missing, entries
from connectors.reviews.review import Answer
from connectors.trustpilot.config import TrustpilotConfig
from connectors.trustpilot.shapes import Review
from inbox.contract import Author, Post, Transient

Json = dict[str, Any]
TOKENS = "/v1/oauth/oauth-business-users-for-applications/accesstoken"
LIMIT = 100


class Source:
    """One business unit's list and answers."""

    reach: timedelta | None = None

    def __init__(self, config: TrustpilotConfig) -> None:
        self._config = config
        pair = f"{config.api_key.get_secret_value()}:{config.api_secret.get_secret_value()}"
        headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        self._tokens = tokens.Tokens(f"{config.server}{TOKENS}", lambda: {"grant_type": "client_credentials"}, headers)
        self._interface = Interface("Trustpilot", config.server, self._tokens.current, self._tokens.forget)
        self._post = Post(config.business_unit, title=config.place_name or config.business_unit)

    async def whoami(self) -> Author:
        unit = self._config.business_unit
        await self._interface.get(f"/v1/private/business-units/{unit}/reviews", {"perPage": 1})
        told = await self._interface.get(f"/v1/business-units/{unit}", {"apikey": self._config.api_key.get_secret_value()})
        try:
            name, site = str(told["displayName"]), str(told["name"]["identifying"])
        except (KeyError, TypeError):
            raise Transient("Trustpilot does not say which business that is.") from None
        name = self._config.place_name or name
        self._post = Post(unit, title=name, url=f"https://www.trustpilot.com/review/{quote(site)}")
        return Author(unit, name, is_self=True)

    async def pages(self) -> AsyncGenerator[list[Json]]:
        page = 1
        while True:
            asked: dict[str, str | int] = {"perPage": LIMIT, "page": page, "orderBy": "createdat.desc"}
            told = await self._interface.get(f"/v1/private/business-units/{self._config.business_unit}/reviews", asked)
            found = entries(told, "reviews")
            yield found
            if len(found) < LIMIT:
                return
            page += 1

    def read(self, told: Json) -> review.Review:
        found = Review.model_validate(told)
        reply = found.reply
        return review.Review(
            id=found.id,
            words=review.words(found.stars, found.title or "", found.text or "", details=found.details),
            at=found.updated or found.created,
            author=Author(
                found.consumer.id, found.consumer.name or "?", email=found.email, roles=("verified",) if found.is_verified else ()
            ),
            post=self._post,
            answer=Answer(reply.text, reply.updated or reply.created) if reply else None,
            permalink=f"https://www.trustpilot.com/reviews/{quote(found.id)}",
            raw=told,
            language=found.language,
        )

    async def one(self, review_id: str) -> Json | None:
        try:
            return await self._interface.get(f"/v1/private/reviews/{quote(review_id, safe='')}")
        except Missing:
            return None

    async def put(self, review_id: str, text: str) -> Answer:
        """Trustpilot names no result, so the time is ours."""
        now = datetime.now(UTC)
        content = {"authorBusinessUserId": self._config.business_user, "message": text}
        await self._interface.change("POST", f"/v1/private/reviews/{quote(review_id, safe='')}/reply", content, answers=False)
        return Answer(text, now)

    async def remove(self, review_id: str) -> None:
        await self._interface.remove(f"/v1/private/reviews/{quote(review_id, safe='')}/reply")

    async def aclose(self) -> None:
        await self._interface.aclose()
        await self._tokens.aclose()
