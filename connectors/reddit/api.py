"""Requests to Reddit, and what its headers say of how many more there may be."""

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import httpx

from connectors import http, rest
from connectors.oauth import Tokens
from connectors.polling import now
from connectors.reddit.config import RedditConfig
from connectors.rest import Json, Refusal, inner, objects
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited, Standing, Transient

PAGE = 100
DEEPEST = 10  # pages: no list has more than a thousand things
SPARE = 10.0  # requests that are left to replies
WORDS = {
    "THREAD_LOCKED": "The post is locked: nobody can comment on it any more.",
    "TOO_OLD": "The post is archived: nobody can comment on it any more.",
    "DELETED_COMMENT": "The comment that is answered was deleted.",
    "DELETED_LINK": "The post that is answered was deleted.",
    "TOO_LONG": "The reply is too long for Reddit.",
    "NO_TEXT": "Reddit takes no reply without words.",
    "SUBREDDIT_NOTALLOWED": "The account may not write in this subreddit.",
    "SUBREDDIT_OUTBOUND_LINKING_DISALLOWED": "This subreddit allows no links to elsewhere.",
    "USER_BLOCKED": "One of the two accounts has blocked the other.",
    "NOT_WHITELISTED_BY_USER_MESSAGE": "The user takes no messages from this account.",
}


class RedditApi:
    """One account's requests."""

    def __init__(self, config: RedditConfig) -> None:
        headers = {"user-agent": config.user_agent}
        self.tokens = Tokens(config.grant)
        self._api = rest.Api("Reddit", config.api_url, self.tokens, self._judge, headers)
        self.used, self.left, self.resets_at = 0, 0.0, now()

    @property
    def standing(self) -> Standing:
        return Standing(self.used, self.used + int(self.left), self.resets_at) if self.used else Standing()

    async def get(self, path: str, **params: Any) -> Json:
        return await self._api.get(path, raw_json=1, **params)  # else "<" is "&lt;" in every text

    async def pages(self, path: str, **params: Any) -> AsyncGenerator[list[Json]]:
        """The things of a list, the newest first (https://www.reddit.com/dev/api#listings)."""
        after: Any = None
        for _ in range(DEEPEST):
            told = await self.get(path, limit=PAGE, after=after, **params)
            yield objects(inner(told, "data", "children"))
            after = inner(told, "data", "after")
            if not after:
                return

    async def comments(self, post: str, most: int) -> list[Json]:
        """A post and its comments: two lists in one answer."""
        response = await self._api.fetch("GET", f"/comments/{post.removeprefix('t3_')}", params={"limit": most, "raw_json": 1})
        found = objects(json.loads(response.content)) if response.content.startswith(b"[") else []
        if not found:
            raise Transient("Reddit answered with something that is not what was agreed.")
        return found

    async def change(self, path: str, form: Mapping[str, str]) -> Json:
        """Change something; what Reddit refuses it often tells with 200 (https://www.reddit.com/dev/api#POST_api_comment)."""
        told = await self._api.call("POST", path, sending=True, data={**form, "api_type": "json", "raw_json": "1"})
        error = _refused(told)
        if error is not None:
            raise error
        return told

    async def aclose(self) -> None:
        await self._api.aclose()

    def _judge(self, response: httpx.Response, told: Json) -> ConnectorError | None:
        """https://github.com/reddit-archive/reddit/wiki/API: three headers count the requests of ten minutes."""
        at, status = now(), response.status_code
        reset = _number(response.headers.get("x-ratelimit-reset"))
        if reset is not None:
            self.used = int(_number(response.headers.get("x-ratelimit-used")) or 0)
            self.left, self.resets_at = _number(response.headers.get("x-ratelimit-remaining")) or 0.0, at + timedelta(seconds=reset)
        if status < 400:
            return None
        if status == 429:
            asked = response.headers.get("retry-after") or response.headers.get("x-ratelimit-reset")
            return RateLimited("Reddit asks us to wait.", http.retry_after(asked))
        why = str(told.get("reason") or "")
        if status == 401 or (status == 403 and "insufficient_scope" in response.headers.get("www-authenticate", "")):
            return AuthError("Reddit does not accept the stored access, or it lacks a scope.")
        if status in {403, 404} and why in {"private", "banned", "quarantined", "gold_only"}:
            return Refusal(f"A subreddit cannot be read: it is {why}.")
        return Refusal(f"Reddit answered {status}.", is_gone=status == 404)

    def rest_of(self, at: datetime) -> float:
        """Seconds until requests are counted anew."""
        return max(0.0, (self.resets_at - at).total_seconds())


def _refused(told: Json) -> ConnectorError | None:
    """The first of the errors that an answer names, if it names any: its code, its words, its field."""
    errors: Any = inner(told, "json", "errors")
    if not isinstance(errors, list) or not errors:
        return None
    error: Any = cast("list[Any]", errors)[0]
    code = str(next(iter(cast("list[Any]", error)), "")) if isinstance(error, list) else str(error)
    if code == "RATELIMIT":
        return RateLimited("Reddit asks this account to write more slowly.", http.retry_after(str(inner(told, "json", "ratelimit") or "")))
    return Permanent(WORDS.get(code, f"Reddit does not take this ({code if code.replace('_', '').isalnum() else 'without a reason'})."))


def _number(value: str | None) -> float | None:
    try:
        return float(value) if value else None
    except ValueError:
        return None
