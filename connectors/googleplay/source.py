"""The reviews of one app (https://developers.google.com/android-publisher/api-ref/rest/v3/reviews)."""

import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from connectors.googleplay.config import GooglePlayConfig, account
from connectors.googleplay.shapes import Developer, Review
from connectors.reviews import review, tokens
from connectors.reviews.interface import Interface, Missing, entries, inner
from connectors.reviews.review import Answer
from inbox.contract import Ambiguous, Author, Permanent, Post

Json = dict[str, Any]
SCOPE = "https://www.googleapis.com/auth/androidpublisher"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600  # seconds, the longest that Google allows
LIMIT = 100


class Source:
    """One app's list and answers."""

    reach: timedelta | None = timedelta(days=7)  # "Only reviews from last week will be returned."

    def __init__(self, config: GooglePlayConfig) -> None:
        self._package = config.package
        self._account = account(config.service_account_key)
        self._key = tokens.private_key(self._account.private_key)
        self._tokens = tokens.Tokens(self._account.token_uri, self._form)
        self._interface = Interface("Google Play", config.server, self._tokens.current, self._tokens.forget)
        self._path = f"/androidpublisher/v3/applications/{config.package}/reviews"
        self._post = Post(config.package, title=config.package, url=f"https://play.google.com/store/apps/details?id={config.package}")

    async def whoami(self) -> Author:
        await self._interface.get(self._path, {"maxResults": 1})
        return Author(self._package, self._package, is_self=True)

    async def pages(self) -> AsyncGenerator[list[Json]]:
        asked: dict[str, str | int] = {"maxResults": LIMIT}
        while True:
            told = await self._interface.get(self._path, asked)
            yield entries(told, "reviews")
            following = inner(told, "tokenPagination").get("nextPageToken")
            if not following:
                return
            asked["token"] = str(following)

    def read(self, told: Json) -> review.Review:
        found = Review.model_validate(told)
        said = next(comment.user for comment in found.comments if comment.user is not None)
        answers = [comment.developer for comment in found.comments if comment.developer is not None]
        title, _, text = said.text.rpartition("\t")  # a title and a text come with a tab between them
        return review.Review(
            id=found.review_id,
            words=review.words(said.stars, title, text, details=said.details),
            at=said.last_modified.at,
            author=Author(f"reviewer/{found.review_id}", found.author_name or "?"),
            post=self._post,
            answer=Answer(answers[-1].text, answers[-1].last_modified.at) if answers else None,
            permalink=f"{self._post.url}&reviewId={quote(found.review_id)}",
            raw=told,
            language=said.language,
        )

    async def one(self, review_id: str) -> Json | None:
        try:
            return await self._interface.get(f"{self._path}/{quote(review_id, safe='')}")
        except Missing:
            return None

    async def put(self, review_id: str, text: str) -> Answer:
        told = await self._interface.change("POST", f"{self._path}/{quote(review_id, safe='')}:reply", {"replyText": text})
        try:
            result = Developer.model_validate(told.get("result"))
        except ValidationError:
            raise Ambiguous("Google Play took the answer, but does not say what became of it.") from None
        return Answer(result.text, result.last_modified.at)

    async def remove(self, review_id: str) -> None:  # noqa: ARG002  # there is nothing to do it with
        raise Permanent("Google Play lets nobody take an answer back.")

    async def aclose(self) -> None:
        await self._interface.aclose()
        await self._tokens.aclose()

    def _form(self) -> dict[str, str]:
        """https://developers.google.com/identity/protocols/oauth2/service-account#httprest"""
        now = int(time.time())
        claims = {"iss": self._account.client_email, "scope": SCOPE, "aud": self._account.token_uri, "iat": now, "exp": now + LIFETIME}
        return {"grant_type": GRANT, "assertion": tokens.signed(self._key, claims)}
