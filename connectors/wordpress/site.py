"""Requests to one site, by a link that every WordPress has, whatever its other links look like.

https://developer.wordpress.org/rest-api/key-concepts/ (`?rest_route=`), /using-the-rest-api/authentication/ (application passwords).
"""

import base64
import html
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

import httpx

from connectors import http
from connectors.wordpress.config import WordPressConfig
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

Json = dict[str, Any]
Params = Mapping[str, str | int]

JUDGED = [*range(300, 429), *range(430, 500), 500, 501]  # statuses whose meaning depends on what the site says
FLOOD = 15.0  # seconds between two comments of one user, unless they may moderate
LONGEST_WORDS = 300  # characters of what the site says is wrong
ABOUT_THE_REPLY = {  # codes of 403 that say nothing about our credentials
    "rest_comment_draft_post",
    "rest_comment_trash_post",
    "rest_comment_invalid_post_id",
    "rest_cannot_read_post",
}


class Refusal(Permanent):
    """The site says no, by this code of its own ("comment_duplicate"); "" when something before the site answered."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Site:
    """One site's REST API, as one user."""

    def __init__(self, config: WordPressConfig) -> None:
        self._password = config.application_password.get_secret_value()
        pair = f"{config.username}:{self._password}".encode()
        self._address = f"{config.site}/"
        self._client = http.Client("The site", headers={"authorization": f"Basic {base64.b64encode(pair).decode()}"})

    async def get(self, route: str, params: Params | None = None) -> Json:
        """One thing."""
        return _object(await self._fetch("GET", route, params=params), sending=False)

    async def list(self, route: str, params: Params) -> tuple[list[Json], int]:
        """One page of things, and how many there are in all."""
        response = await self._fetch("GET", route, params=params)
        found = _json(response)
        if not isinstance(found, list):
            raise Transient("The site answered with something that is not what was agreed.")
        total = response.headers.get("x-wp-total", "")
        entries = cast("list[Any]", found)
        return [cast("Json", entry) if isinstance(entry, dict) else {} for entry in entries], int(total) if total.isdecimal() else 0

    async def change(self, method: str, route: str, content: Json | None = None, *, params: Params | None = None) -> Json:
        """Change something."""
        body = json.dumps(content or {}).encode()
        headers = {"content-type": "application/json"}
        return _object(await self._fetch(method, route, sending=True, content=body, headers=headers, params=params), sending=True)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self, method: str, route: str, *, params: Params | None = None, **options: Any) -> httpx.Response:
        query = {"rest_route": f"/wp/v2/{route}", **(params or {})}
        response = await self._client.fetch(method, self._address, params=query, expected=JUDGED, **options)
        if response.status_code < 300:
            return response
        raise self._error(response, sending=options.get("sending", False))

    def _error(self, response: httpx.Response, *, sending: bool) -> ConnectorError:
        """https://developer.wordpress.org/reference/classes/wp_rest_comments_controller/ names the codes."""
        status, (code, words) = response.status_code, self._words(response)
        told = f"The site answered {status} ({words or 'without a reason'})."
        if status < 400:
            return Permanent("The site sends us on to another address: give the address that the browser shows in the end.")
        if code == "comment_flood":
            return RateLimited("The site asks us to comment more slowly.", FLOOD)
        if code == "rest_comment_closed":
            return WindowClosed("The comments on this post are closed.")
        if status in {401, 403} and code not in ABOUT_THE_REPLY:
            return AuthError(f"The site does not accept the application password, or the user may not do this ({words or status}).")
        if status in {408, 425}:
            return Transient(told)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR and not code.startswith("rest_"):  # what has a code of the API was not done
            return Ambiguous(told) if sending else Transient(told)
        return Refusal(told, code, status)

    def _words(self, response: httpx.Response) -> tuple[str, str]:
        """The code and the words for what is wrong; never our own password, should the site say that."""
        found = _json(response)
        told = cast("Json", found) if isinstance(found, dict) else {}
        words = told.get("message")
        return str(told.get("code", "")), html.unescape(words).replace(self._password, "…")[:LONGEST_WORDS] if isinstance(
            words, str
        ) else ""


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _object(response: httpx.Response, *, sending: bool) -> Json:
    found = _json(response)
    if not isinstance(found, dict):
        words = "The site answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)
    return cast("Json", found)
