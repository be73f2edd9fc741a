"""Requests to X, and what its headers say of how many more there may be in a quarter of an hour, list by list."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import httpx

from connectors import http, rest
from connectors.polling import now, spread
from connectors.rest import Json, Refusal, inner
from connectors.x.config import XConfig
from connectors.x.signing import Signer
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited, Standing, Transient

PAGE = 100
LATEST = 1 << 33  # seconds since 1970: no limit is reset after the year 2242
SHORTEST, LONGEST = 30.0, 900.0  # seconds between two requests of one list
DAY = 86_400.0
POSTS = {
    "tweet.fields": "created_at,conversation_id,in_reply_to_user_id,referenced_tweets,edit_history_tweet_ids,entities,attachments,lang,"
    "note_tweet",
    "expansions": "author_id,attachments.media_keys,referenced_tweets.id,referenced_tweets.id.author_id",
    "user.fields": "name,username,profile_image_url,verified_type",
    "media.fields": "url,preview_image_url,alt_text,type,variants",
}
DIRECT = {
    "dm_event.fields": "id,text,event_type,created_at,sender_id,dm_conversation_id,attachments,entities",
    "event_types": "MessageCreate",
    "expansions": "sender_id,attachments.media_keys",
    "user.fields": POSTS["user.fields"],
    "media.fields": POSTS["media.fields"],
}
PLAN = {"client-forbidden", "client-not-enrolled", "oauth1-permissions", "unsupported-authentication", "not-authorized-for-endpoint"}


class XApi:
    """One account's requests."""

    def __init__(self, config: XConfig) -> None:
        self._api = rest.Api("X", config.api_url, Signer(config), self._judge)
        self._limit, self._left, self._resets_at = 0, 0, now()

    @property
    def standing(self) -> Standing:
        """Of the list that was asked for last."""
        return Standing(self._limit - self._left, self._limit, self._resets_at) if self._limit else Standing()

    async def get(self, path: str, **params: Any) -> Json:
        return await self._api.get(path, **params)

    async def pages(self, path: str, params: dict[str, Any], most: int) -> AsyncGenerator[Json]:
        """Page after page, at most so many, each with what comes beside it."""
        token: Any = None
        for _ in range(most):
            told = await self.get(path, **{"max_results": PAGE} | params | {"pagination_token": token})
            yield told
            token = inner(told, "meta", "next_token")
            if not token:
                return

    async def change(self, method: str, path: str, content: Json | None = None) -> Json:
        options: dict[str, Any] = {} if content is None else {"json": content}
        return await self._api.call(method, path, sending=True, **options)

    async def upload(self, name: str, content: bytes, media_type: str, category: str) -> str:
        """Hand a picture in; nobody sees it before a post names it (https://docs.x.com/x-api/media/upload-media)."""
        files, data = {"media": (name, content, media_type)}, {"media_category": category}
        told = await self._api.call("POST", "/2/media/upload", files=files, data=data)
        media = inner(told, "data", "id")
        if not media:
            raise Transient("X took the picture, but does not say what became of it.")
        return str(media)

    def pause(self) -> float:
        """Seconds until the list that was just read is read again: what is left of its quarter of an hour lasts."""
        if not self._limit:
            return SHORTEST
        return spread((self._resets_at - now()).total_seconds(), self._left, 1, shortest=SHORTEST, longest=LONGEST)

    async def aclose(self) -> None:
        await self._api.aclose()

    def _judge(self, response: httpx.Response, told: Json) -> ConnectorError | None:
        """https://docs.x.com/x-api/fundamentals/response-codes-and-errors, /rate-limits"""
        status, headers = response.status_code, response.headers
        if headers.get("x-rate-limit-limit", "").isdecimal() and headers.get("x-rate-limit-reset", "").isdecimal():
            left = headers.get("x-rate-limit-remaining", "")
            self._limit, self._left = int(headers["x-rate-limit-limit"]), int(left) if left.isdecimal() else 0
            self._resets_at = datetime.fromtimestamp(min(int(headers["x-rate-limit-reset"][:12]), LATEST), UTC)
        if status < 400:
            return None
        kind = {str(told.get("type", "")).rpartition("/")[2], str(told.get("reason", ""))}
        if status == 429:
            return self._wait(headers, kind)
        if status == 401:
            return AuthError("X does not accept the keys and tokens.")
        if status == 402:
            return Permanent("The application has no credits left at X.")
        if status == 403 and kind & PLAN:
            return AuthError("The application lacks a permission at X, or its plan does not include this.")
        if status == 403 and "duplicate" in str(told.get("detail", "")):
            return Refusal("X takes no second post with the same words.")
        return Refusal(f"X answered {status}.", is_gone=status == 404)

    def _wait(self, headers: httpx.Headers, kind: set[str]) -> RateLimited:
        if kind & {"usage-capped"}:
            return RateLimited("What the plan allows to read at X is used up.", http.LONGEST_PAUSE)
        at = headers.get("x-rate-limit-reset", "")
        if "retry-after" in headers or not at.isdecimal():
            return RateLimited("X asks us to wait.", http.retry_after(headers.get("retry-after")))
        seconds = int(at) - now().timestamp()
        return RateLimited("X asks us to wait.", min(max(seconds, 1.0), DAY))
