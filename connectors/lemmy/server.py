"""Requests to one server (https://join-lemmy.org/docs/contributors/04-api.html), signed in by a token."""

import json
from collections.abc import Mapping
from typing import Any, cast

import httpx

from connectors import http
from connectors.lemmy.config import LemmyConfig
from inbox.contract import Ambiguous, Attachment, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

Json = dict[str, Any]
JUDGED = [*range(300, 500)]
SIGNED_OUT = {"not_logged_in", "incorrect_login", "site_ban", "deleted", "registration_application_is_pending", "email_not_verified"}
CLOSED = {"locked", "post_is_locked"}
LIMITED = "rate_limit_error"
PAUSE = 60.0  # seconds: the server counts by the minute and does not say more


class Refusal(Permanent):
    """The server says no, by this code of its own ("couldnt_find_comment")."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """One account's requests."""

    def __init__(self, config: LemmyConfig) -> None:
        self.address = config.server
        headers = {"authorization": f"Bearer {config.token.get_secret_value()}"}
        self._client = http.Client("The server", base_url=config.server, headers=headers)

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        return _object(await self._fetch("GET", f"/api/v3/{path}", params=params), sending=False)

    async def change(self, method: str, path: str, content: Json) -> Json:
        body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        headers = {"content-type": "application/json"}
        return _object(await self._fetch(method, f"/api/v3/{path}", sending=True, content=body, headers=headers), sending=True)

    async def upload(self, file: Attachment) -> str:
        """Hand a picture in; nobody sees it before a comment names it. Returns its address."""
        if file.content is None:
            raise Permanent(f"The attachment {file.name} did not come along.")
        if not file.media_type.startswith("image/"):
            raise Permanent("Lemmy takes pictures only.")
        response = await self._fetch("POST", "/pictrs/image", files={"images[]": (file.name, file.content, file.media_type)})
        found: Any = _object(response, sending=False).get("files")
        try:
            return f"{self.address}/pictrs/image/{found[0]['file']}"
        except (TypeError, KeyError, IndexError):
            raise Transient("The server does not say where it put the picture.") from None

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, path, sending=sending, expected=JUDGED, **options)
        if response.status_code < 300:
            return response
        raise _error(response)


def _error(response: httpx.Response) -> ConnectorError:
    """https://join-lemmy.org/lemmy-js-client-docs/v0.19/types/LemmyErrorType.html names the codes."""
    status, told = response.status_code, _parsed(response)
    code = str(told.get("error") or "")[:100]
    if status == 429 or code == LIMITED:
        waiting = response.headers.get("retry-after")
        return RateLimited("The server asks us to wait.", http.retry_after(waiting) if waiting else PAUSE)
    if status < 400:
        return Permanent("The server sends us on to another address: give the address that the browser shows in the end.")
    if code in SIGNED_OUT or status == 401 or (status == 403 and not code):
        return AuthError(f"The server does not accept the token ({code or status}).")
    if code in CLOSED:
        return WindowClosed("The post is locked: nobody can comment any more.")
    if status in {408, 425}:
        return Transient(f"The server answered {status}.")
    return Refusal(f"The server answered {status} ({code or 'without a reason'}).", code)


def _parsed(response: httpx.Response) -> Json:
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _object(response: httpx.Response, *, sending: bool) -> Json:
    found = _parsed(response)
    if not found:
        words = "The server answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)
    return found
