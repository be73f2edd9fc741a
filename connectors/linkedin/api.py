"""Requests to LinkedIn's versioned API (https://learn.microsoft.com/en-us/linkedin/marketing/versioning)."""

from collections.abc import AsyncGenerator, Iterable
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

import httpx

from connectors import http, rest
from connectors.linkedin.config import LinkedInConfig
from connectors.polling import Budget, now
from connectors.rest import Json, Refusal, inner, objects
from inbox.contract import AuthError, ConnectorError, Permanent, RateLimited

PAGE = 100
MOST_PAGES = 20
PAUSE = 900.0  # seconds: a limit may be of a moment or of the day
PROTOCOL = "2.0.0"


class LinkedInApi:
    """One page's requests; `budget` counts them by the day, which ends at midnight UTC."""

    def __init__(self, config: LinkedInConfig) -> None:
        self._config = config
        self.budget = Budget(config.daily_quota, "UTC")
        self.tokens = config.tokens
        self.ends_at: datetime | None = None
        headers = {"linkedin-version": config.version, "x-restli-protocol-version": PROTOCOL}
        self._api = rest.Api("LinkedIn", config.api_url, self.tokens, self._judge, headers)

    async def get(self, path: str) -> Json:
        self.budget.spend(1, now())
        return await self._api.get(path)

    async def posts(self, count: int) -> list[Json]:
        """https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/posts-api#find-posts-by-authors"""
        told = await self.get(f"posts?author={quoted(self._config.urn)}&q=author&count={count}&sortBy=CREATED")
        return objects(told.get("elements"))

    async def counts(self, posts: Iterable[str]) -> dict[str, int]:
        """https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/social-metadata-api"""
        told = await self.get(f"socialMetadata?ids=List({','.join(quoted(post) for post in posts)})")
        results = cast("Json", inner(told, "results") or {})
        found = {name: inner(one, "commentSummary", "count") for name, one in results.items()}
        return {name: number for name, number in found.items() if isinstance(number, int)}

    async def comments(self, of: str) -> AsyncGenerator[list[Json]]:
        """Page after page of the comments on a post, or on a comment."""
        for page in range(MOST_PAGES):
            told = await self.get(f"socialActions/{quoted(of)}/comments?start={page * PAGE}&count={PAGE}")
            found = objects(told.get("elements"))
            yield found
            if len(found) < PAGE:
                return

    async def change(self, method: str, path: str, content: Json | None = None, **headers: str) -> httpx.Response:
        self.budget.spend(1, now())
        options: dict[str, Any] = {} if content is None else {"json": content}
        return await self._api.fetch(method, path, sending=True, headers=headers, **options)

    async def introspect(self) -> Json:
        """When the access ends (https://learn.microsoft.com/en-us/linkedin/shared/authentication/token-introspection)."""
        config, token = self._config, await self.tokens.current()
        form = {"client_id": config.client_id, "client_secret": config.client_secret.get_secret_value(), "token": token}
        told = await self._api.call("POST", f"{config.token_url}/introspectToken", data=form)
        if told.get("active") is False:
            raise AuthError("The access to LinkedIn has ended: connect the page again.")
        ends = told.get("expires_at")
        self.ends_at = datetime.fromtimestamp(ends, UTC) if isinstance(ends, int) else None
        return told

    async def aclose(self) -> None:
        await self._api.aclose()

    def _judge(self, response: httpx.Response, told: Json) -> ConnectorError | None:
        """https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling, …/rate-limits"""
        status = response.status_code
        if status < 400:
            return None
        if status == 429:
            asked = response.headers.get("retry-after")
            return RateLimited("LinkedIn asks us to wait.", http.retry_after(asked) if asked else PAUSE)
        if status == 401:
            return AuthError("LinkedIn does not accept the access token any more: connect the page again.")
        if status == 403 and told.get("serviceErrorCode") == 100:
            return AuthError("The application or the member lacks a permission for this page.")
        if status == 426:
            return Permanent("LinkedIn has ended this version of its API: raise it in the channel's settings.")
        return Refusal(f"LinkedIn answered {status}.", is_gone=status == 404)


def quoted(urn: str) -> str:
    return quote(urn, safe="")
