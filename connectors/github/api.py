"""GitHub's two APIs, what their errors mean, and how much they still allow.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api: a limit is told by 403 or 429; wait for Retry-After, else
until X-RateLimit-Reset where nothing remains, else a minute.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from connectors import http
from connectors.github.config import GitHubConfig
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Standing, Transient, WindowClosed

Json = dict[str, Any]
JUDGED = {301, 302, 304, 307, 400, 401, 403, 404, 410, 422, 429, 451}
MOST_PAGES = 50
MINUTE = 60.0  # seconds: the least to wait where GitHub does not say
LONGEST_WORDS = 300
CLOSED = ("locked", "is archived", "was archived", "disabled issues", "issues are disabled", "blocked")


class Gone(WindowClosed):
    """It is not there, or not for this account: GitHub does not tell which."""


class Api:
    """One account's requests about one repository."""

    def __init__(self, config: GitHubConfig) -> None:
        self._config = config
        self._token = config.access_token.get_secret_value()
        headers = {"authorization": f"Bearer {self._token}", "accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
        self._client = http.Client("GitHub", headers=headers | {"user-agent": "Parley"})
        self._tags: dict[str, tuple[str, str]] = {}  # by list: its address, and what stood there at the last look
        self.standing = Standing()

    async def get(self, path: str, **params: str | int) -> Any:
        return _told(await self._ask("GET", self._at(path), params=params), sending=False)

    async def change(self, method: str, path: str, content: Json | None = None) -> Any:
        """Create, change or delete something; what cannot be known afterwards is Ambiguous."""
        response = await self._ask(method, self._at(path), sending=True, content=json.dumps(content or {}).encode())
        return None if response.status_code == 204 else _told(response, sending=True)

    async def pages(self, path: str, *, only_news: bool = False, **params: str | int) -> AsyncGenerator[list[Json]]:
        """The parts of a list (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api).

        `only_news`: nothing where it has not changed since the last look, which costs nothing at GitHub either.
        """
        url = first = str(httpx.URL(self._at(path), params={**params, "per_page": 100}))
        for _ in range(MOST_PAGES):
            tag = self._tags.get(path, ("", ""))[1] if only_news and self._tags.get(path, ("", ""))[0] == url else ""
            response = await self._ask("GET", url, headers={"if-none-match": tag} if tag else {})
            if response.status_code == 304:
                return
            found = _told(response, sending=False)
            if not isinstance(found, list):
                raise Transient("GitHub answered with something that is not what its documents say.")
            yield [cast("Json", entry) for entry in cast("list[Any]", found) if isinstance(entry, dict)]
            if url == first and only_news:
                self._tags[path] = (first, response.headers.get("etag", ""))
            url = self._next(response.headers.get("link", ""))
            if not url:
                return

    async def graphql(self, query: str, *, sending: bool = False, **variables: Any) -> Json:
        """https://docs.github.com/en/graphql; errors come with 200 there."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        told: Any = _told(await self._ask("POST", self._config.graphql_url, sending=sending, content=body), sending=sending)
        errors: Any = cast("Json", told).get("errors") if isinstance(told, dict) else None
        if isinstance(errors, list) and errors:
            first = cast("Json", errors[0]) if isinstance(errors[0], dict) else {}
            raise self._graphql_error(str(first.get("type") or ""), self._clean(first.get("message")))
        data: Any = cast("Json", told).get("data") if isinstance(told, dict) else None
        if not isinstance(data, dict):
            words = "GitHub answered with something that is not what its documents say."
            raise Ambiguous(words) if sending else Transient(words)
        return cast("Json", data)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _at(self, path: str) -> str:
        return f"{self._config.api_url}{path}" if path.startswith("/") else f"{self._config.api_url}/repos/{self._config.repository}/{path}"

    def _next(self, link: str) -> str:
        """The next part, where it is at the same host: the token goes nowhere else."""
        for part in link.split(","):
            address, _, relation = part.partition(";")
            url = address.strip().removeprefix("<").removesuffix(">")
            if 'rel="next"' in relation and urlsplit(url).netloc == urlsplit(self._config.api_url).netloc:
                return url
        return ""

    async def _ask(self, method: str, url: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, url, sending=sending, expected=JUDGED, **options)
        self.standing = standing(response.headers, self.standing)
        if response.status_code < 300 or response.status_code == 304:
            return response
        raise self._error(response)

    def _error(self, response: httpx.Response) -> ConnectorError:
        status, words = response.status_code, self._clean(_message(response.content))
        seconds = pause(response.headers, words, status)
        if seconds is not None:
            return RateLimited("GitHub asks us to wait.", seconds)
        if any(word in words.lower() for word in CLOSED) and status in {403, 410, 422}:
            return WindowClosed(f"Nothing can be said there: {words}")
        if status in {401, 403, 451}:
            return AuthError(f"GitHub does not accept the token, or it lacks a permission ({words or status}).")
        if status in {301, 302, 307, 404, 410}:
            return Gone("It is not there any more, was moved, or the token may not see it.")
        return Permanent(f"GitHub refuses: {words or status}")

    def _graphql_error(self, kind: str, words: str) -> ConnectorError:
        if kind == "RATE_LIMITED" or "secondary rate limit" in words.lower():
            resets = self.standing.quota_resets_at
            return RateLimited("GitHub asks us to wait.", max(MINUTE, (resets - datetime.now(UTC)).total_seconds() if resets else MINUTE))
        if any(word in words.lower() for word in CLOSED):
            return WindowClosed(f"Nothing can be said there: {words}")
        if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
            return AuthError(f"The token lacks a permission ({words}).")
        return (
            Gone("It is not there any more, or the token may not see it.") if kind == "NOT_FOUND" else Permanent(f"GitHub refuses: {words}")
        )

    def _clean(self, words: Any) -> str:
        return words.replace(self._token, "…")[:LONGEST_WORDS] if isinstance(words, str) else ""


def pause(headers: Mapping[str, str], words: str, status: int) -> float | None:
    """Seconds to wait, by the server's own clock; None where no limit is meant."""
    if status not in {403, 429} and "submitted too quickly" not in words:
        return None
    if "retry-after" in headers:
        return http.retry_after(headers["retry-after"])
    if headers.get("x-ratelimit-remaining") == "0":
        try:
            date = parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
            return http.retry_after(str(int(headers["x-ratelimit-reset"]) - date.timestamp()))
        except (KeyError, ValueError, TypeError):
            return MINUTE
    return MINUTE if status == 429 or "rate limit" in words.lower() or "too quickly" in words else None


def standing(headers: Mapping[str, str], before: Standing) -> Standing:
    """What an answer tells of the quota and the token's end; what it does not tell stays."""
    limit, remaining, reset = (headers.get(f"x-ratelimit-{name}", "") for name in ("limit", "remaining", "reset"))
    known = limit.isdecimal() and remaining.isdecimal() and reset.isdecimal() and len(reset) < 12
    return Standing(
        quota_used=int(limit) - int(remaining) if known else before.quota_used,
        quota_limit=int(limit) if known else before.quota_limit,
        quota_resets_at=datetime.fromtimestamp(int(reset), UTC) if known else before.quota_resets_at,
        token_expires_at=_end(headers.get("github-authentication-token-expiration", "")) or before.token_expires_at,
    )


def _end(value: str) -> datetime | None:
    """ "2026-12-31 09:00:00 UTC" or with an offset (https://docs.github.com/en/rest/authentication)."""
    try:
        return datetime.fromisoformat(value.replace(" UTC", "+00:00").replace(" +", "+").replace(" -", "-")).astimezone(UTC)
    except ValueError:
        return None


def _message(content: bytes) -> Any:
    """https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api"""
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return cast("Json", found).get("message") if isinstance(found, dict) else ""


def _told(response: httpx.Response, *, sending: bool) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        words = "GitHub answered with something that is not JSON."
        raise (Ambiguous(words) if sending else Transient(words)) from None
