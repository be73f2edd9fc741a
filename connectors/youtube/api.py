"""Requests to the YouTube Data API, each with its price (https://developers.google.com/youtube/v3/determine_quota_cost)."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx

from connectors import http, rest
from connectors.oauth import Tokens
from connectors.polling import Budget, now
from connectors.rest import Json, Refusal, inner, objects
from connectors.youtube.config import YouTubeConfig
from inbox.contract import AuthError, ConnectorError, RateLimited

READ, CHANGE = 1, 50  # units
PAGE = 100
AT_ONCE = 50  # ids that one request may name
PACIFIC = "America/Los_Angeles"  # where the day of the quota ends
SHORT = "60"  # seconds, when it was only too fast
SPENT = {"quotaExceeded", "dailyLimitExceeded"}
TOO_FAST = {"rateLimitExceeded", "userRateLimitExceeded"}
CREDENTIALS = {"authError", "insufficientPermissions", "accessNotConfigured", "youtubeSignupRequired", "authorizationRequired"}
GONE = {"commentNotFound", "parentCommentNotFound", "commentThreadNotFound", "videoNotFound", "channelNotFound"}
WORDS = {
    "commentsDisabled": "Comments are turned off for this video.",
    "forbidden": "YouTube does not let this account do that here.",
    "commentTextTooLong": "The reply is too long for YouTube.",
    "commentTextRequired": "YouTube takes no reply without words.",
    "operationNotSupported": "YouTube does not offer this for that comment.",
    "processingFailure": "YouTube could not process this.",
}


class YouTubeApi:
    """One channel's requests; `budget` is what they may cost in a day."""

    def __init__(self, config: YouTubeConfig) -> None:
        self.budget = Budget(config.daily_quota, PACIFIC)
        self.tokens = Tokens(config.grant)
        self._api = rest.Api("YouTube", config.api_url, self.tokens, self._judge)

    async def read(self, kind: str, **params: Any) -> Json:
        """One page of things."""
        self.budget.spend(READ, now())
        return await self._api.get(kind, **params)

    async def pages(self, kind: str, *, most: int, **params: Any) -> AsyncGenerator[list[Json]]:
        """Page after page, at most so many."""
        token: Any = None
        for _ in range(most):
            told = await self.read(kind, maxResults=PAGE, pageToken=token, **params)
            yield objects(told.get("items"))
            token = told.get("nextPageToken")
            if not token:
                return

    async def change(self, method: str, path: str, content: Json | None = None, **params: Any) -> Json:
        """Change something; nobody knows what became of it where the answer is lost."""
        self.budget.spend(CHANGE, now())
        options: dict[str, Any] = {} if content is None else {"json": content}
        return await self._api.call(method, path, params=params, sending=True, **options)

    async def aclose(self) -> None:
        await self._api.aclose()

    def _judge(self, response: httpx.Response, told: Json) -> ConnectorError | None:
        """https://developers.google.com/youtube/v3/docs/errors"""
        status = response.status_code
        if status < 400:
            return None
        reasons = {str(entry.get("reason", "")) for entry in objects(inner(told, "error", "errors"))}
        if reasons & SPENT:
            at = now()
            self.budget.exhaust(at)
            return RateLimited("The quota of the day is used up.", (self.budget.resets_at(at) - at).total_seconds())
        if status == 429 or reasons & TOO_FAST:
            return RateLimited("YouTube asks us to wait.", http.retry_after(response.headers.get("retry-after", SHORT)))
        if status == 401 or reasons & CREDENTIALS:
            return AuthError("YouTube does not accept the stored access, or it lacks the scope youtube.force-ssl.")
        known = next((WORDS[reason] for reason in sorted(reasons) if reason in WORDS), f"YouTube answered {status}.")
        return Refusal(known, is_gone=status == 404 or bool(reasons & GONE))
