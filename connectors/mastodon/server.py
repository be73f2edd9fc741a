"""The account's server: its REST API, what its answers mean, and how much it takes.

Errors: https://docs.joinmastodon.org/entities/Error/; limits: https://docs.joinmastodon.org/api/rate-limits/ and
https://docs.joinmastodon.org/entities/Instance/#configuration; files: https://docs.joinmastodon.org/methods/media/#v2.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpx

from connectors import http
from connectors.mastodon.config import MastodonConfig
from inbox.contract import Ambiguous, Attachment, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
Params = Mapping[str, str | int | Sequence[str]]

JUDGED = {400, 401, 403, 404, 405, 406, 409, 410, 413, 422, 429}
LOOKS_AT_A_FILE = 30  # times
PAUSE = 2.0  # seconds between them
LONGEST_WORDS = 300  # characters of what the server says is wrong


class Refusal(Permanent):
    """The server says no; `is_gone`: it says itself, not something before it, that the thing is not there."""

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one status may hold. `link`: characters that any address counts as. `streaming`: where live events come from, if told."""

    characters: int = 500
    link: int = 23
    files: int = 4
    streaming: str = ""


class Server:
    """One account's requests to its server."""

    def __init__(self, config: MastodonConfig) -> None:
        self.address = config.server
        self._token = config.access_token.get_secret_value()
        self.headers = {"authorization": f"Bearer {self._token}"}
        self._client = http.Client("The server", base_url=config.server, headers=self.headers)
        self._limits: Limits | None = None

    async def get(self, path: str, **params: str | int | Sequence[str]) -> Json:
        return _object(await self._fetch("GET", path, params=params), sending=False)

    async def list(self, path: str, params: Params) -> list[Json]:
        """One page of things."""
        found = _json(await self._fetch("GET", path, params=params))
        if not isinstance(found, list):
            raise Transient("The server answered with something that is not what was agreed.")
        return [cast("Json", entry) if isinstance(entry, dict) else {} for entry in cast("list[Any]", found)]

    async def change(self, method: str, path: str, content: Json | None = None, *, key: str | None = None) -> Json:
        """Change something. `key`: the server takes a second request with it for the first one, for an hour."""
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        body = json.dumps(content or {}, ensure_ascii=False).encode(errors="replace")
        return _object(await self._fetch(method, path, sending=True, content=body, headers=headers), sending=True)

    async def upload(self, file: Attachment) -> str:
        """Hand a file in and wait until it can be shown; nobody sees it before a status names it. Returns its id."""
        if file.content is None:
            raise Permanent(f"The attachment {file.name} did not come along.")
        files = {"file": (file.name, file.content, file.media_type)}
        response = await self._fetch("POST", "/api/v2/media", files=files)
        media = str(_object(response, sending=False).get("id", ""))
        status = response.status_code
        for _ in range(LOOKS_AT_A_FILE):
            if status not in {202, 206}:
                return media
            await asyncio.sleep(PAUSE)
            status = (await self._fetch("GET", f"/api/v1/media/{media}")).status_code
        raise Transient("The server still works on the attachment.")

    async def limits(self) -> Limits:
        """What the server allows, asked once; the defaults where it does not say."""
        if self._limits is None:
            try:
                told = await self.get("/api/v2/instance")
            except Refusal:  # older, or not Mastodon
                try:
                    told = await self.get("/api/v1/instance")
                except Refusal:
                    told = {}
            self._limits = _limits(told)
        return self._limits

    async def scopes(self) -> Sequence[str]:
        """What the access token may do, where the server tells (https://docs.joinmastodon.org/methods/apps/#verify_credentials)."""
        try:
            told = (await self.get("/api/v1/apps/verify_credentials")).get("scopes")
        except Refusal:
            return []
        return [str(scope) for scope in cast("list[Any]", told)] if isinstance(told, list) else []

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, path, sending=sending, expected=JUDGED, **options)
        if response.status_code < 300:
            return response
        raise self._error(response)

    def _error(self, response: httpx.Response) -> ConnectorError:
        status, words = response.status_code, self._words(response)
        if status == 429:
            return RateLimited("The server asks us to wait.", pause(response.headers, datetime.now(UTC)))
        if status == 401 or (status == 403 and "not allowed" not in words):
            return AuthError(f"The server does not accept the access token, or it lacks a scope ({words or status}).")
        return Refusal(f"The server answered {status} ({words or 'without a reason'}).", is_gone=status in {404, 410} and bool(words))

    def _words(self, response: httpx.Response) -> str:
        """What the server says is wrong; never our own token, should it say that."""
        told = _json(response)
        words = cast("Json", told).get("error") if isinstance(told, dict) else None
        return words.replace(self._token, "…")[:LONGEST_WORDS] if isinstance(words, str) else ""


def pause(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds until the server answers again: from Retry-After, else from X-RateLimit-Reset by the server's own clock.

    The latter is a date on Mastodon, seconds since 1970 on GoToSocial.
    """
    reset = headers.get("x-ratelimit-reset")
    if "retry-after" in headers or not reset:
        return http.retry_after(headers.get("retry-after"))
    try:
        at = datetime.fromtimestamp(int(reset), UTC) if reset.isdecimal() else datetime.fromisoformat(reset)
        date = headers.get("date")
        return http.retry_after(str((at - (parsedate_to_datetime(date) if date else now)).total_seconds()))
    except (ValueError, TypeError, OverflowError, OSError):
        return http.retry_after(None)


def _limits(told: Json) -> Limits:
    configuration = _dict(told.get("configuration"))
    statuses, usual = _dict(configuration.get("statuses")), Limits()
    urls = _dict(configuration.get("urls")) or _dict(told.get("urls"))
    return Limits(
        characters=_number(statuses.get("max_characters"), _number(told.get("max_toot_chars"), usual.characters)),
        link=_number(statuses.get("characters_reserved_per_url"), usual.link),
        files=_number(statuses.get("max_media_attachments"), usual.files),
        streaming=str(urls.get("streaming") or urls.get("streaming_api") or ""),
    )


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise


def _dict(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _object(response: httpx.Response, *, sending: bool) -> Json:
    found = _json(response)
    if not isinstance(found, dict):
        words = "The server answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)
    return cast("Json", found)
