"""Requests to one forum (https://docs.discourse.org/): `Api-Key` and `Api-Username` say who asks."""

import json
from collections.abc import Mapping
from typing import Any, cast

import httpx

from connectors import http
from connectors.discourse.config import DiscourseConfig
from inbox.contract import Ambiguous, Attachment, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
JUDGED = [*range(300, 500)]
LONGEST_WORDS = 300  # characters of what the forum says is wrong
ABOUT_US = {"invalid_access", "not_logged_in", "invalid_api_credentials"}


class Refusal(Permanent):
    """The forum says no; `status` 404 and 410: there is no such thing any more, or never was for this user."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Forum:
    """One user's requests."""

    def __init__(self, config: DiscourseConfig) -> None:
        self.address = config.forum
        self._key = config.api_key.get_secret_value()
        headers = {"api-key": self._key, "api-username": config.username, "accept": "application/json"}
        self._client = http.Client("The forum", base_url=config.forum, headers=headers)

    async def get(self, path: str, params: Mapping[str, Any] | None = None) -> Json:
        return _object(await self._fetch("GET", path, params=params), sending=False)

    async def change(self, method: str, path: str, content: Json | None = None) -> Json:
        """Change something; an empty answer is one too."""
        body = json.dumps(content or {}, ensure_ascii=False).encode(errors="replace")
        response = await self._fetch(method, path, sending=True, content=body, headers={"content-type": "application/json"})
        return _object(response, sending=True) if response.content.strip() else {}

    async def upload(self, file: Attachment) -> str:
        """Hand a file in; nobody sees it before a post names it. Returns its address within the forum ("upload://…")."""
        if file.content is None:
            raise Permanent(f"The attachment {file.name} did not come along.")
        asked = {"type": "composer", "upload_type": "composer", "synchronous": "true"}  # the former name, and today's
        response = await self._fetch("POST", "/uploads.json", data=asked, files={"file": (file.name, file.content, file.media_type)})
        told = _object(response, sending=False)
        if not told.get("short_url"):
            raise Transient("The forum does not say where it put the attachment.")
        return str(told["short_url"])

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, path, sending=sending, expected=JUDGED, **options)
        if response.status_code < 300:
            return response
        raise self._error(response)

    def _error(self, response: httpx.Response) -> ConnectorError:
        """https://meta.discourse.org/t/available-settings-for-global-rate-limits-and-throttling/78612 tells of the limits."""
        status, told = response.status_code, _parsed(response)
        words, kind = self._words(told), str(told.get("error_type", ""))
        if status == 429:
            extras: Any = told.get("extras")
            waiting = cast("Json", extras).get("wait_seconds") if isinstance(extras, dict) else None
            return RateLimited("The forum asks us to wait.", http.retry_after(response.headers.get("retry-after") or str(waiting or "")))
        if status < 400:
            return Permanent("The forum sends us on to another address: give the address that the browser shows in the end.")
        if status == 401 or (status == 403 and (kind in ABOUT_US or not words)):
            return AuthError(f"The forum does not accept the API key, or its user may not do this ({words or status}).")
        if status in {408, 425}:
            return Transient(f"The forum answered {status}.")
        return Refusal(f"The forum answered {status} ({words or 'without a reason'}).", status)

    def _words(self, told: Json) -> str:
        """What the forum says is wrong; never our own key, should it say that."""
        errors: Any = told.get("errors")
        words = "; ".join(str(error) for error in cast("list[Any]", errors)) if isinstance(errors, list) else ""
        return words.replace(self._key, "…")[:LONGEST_WORDS]


def _parsed(response: httpx.Response) -> Json:
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _object(response: httpx.Response, *, sending: bool) -> Json:
    found = _parsed(response)
    if not found:
        words = "The forum answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)
    return found
