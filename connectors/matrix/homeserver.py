"""Requests to a homeserver: its error codes become the contract's errors.

https://spec.matrix.org/v1.15/client-server-api/#standard-error-response
"""

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote

import httpx

from connectors import http
from connectors.matrix.config import MatrixConfig
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
API = "/_matrix/client/v3"
JUDGED = range(300, 500)  # what the homeserver explains itself
LARGEST_ANSWER = 64 * 1024 * 1024
LONG_POLL = 30.0  # seconds
PATIENCE = 20.0  # seconds beyond the long poll, until the connection counts as lost
SIGNED_OUT = {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED"}


class Refusal(Permanent):
    """The homeserver says no. `code` is its error code, `status` that of the answer."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Homeserver:
    """The client API of one account."""

    def __init__(self, config: MatrixConfig) -> None:
        headers = {"authorization": f"Bearer {config.access_token.get_secret_value()}"}
        self._client = http.Client("The homeserver", base_url=config.homeserver, headers=headers, limit=LARGEST_ANSWER)
        self._elsewhere = http.Client("The homeserver's file store", limit=LARGEST_ANSWER)  # where the token is nobody's business

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, poll: float = 0) -> Json:
        """Read something. `poll`: seconds that the homeserver may let us wait for news."""
        timeout = httpx.Timeout(poll + PATIENCE, connect=10.0)
        return _object(await self._fetch("GET", f"{API}{path}", params=dict(params or {}), timeout=timeout), sending=False)

    async def change(self, method: str, path: str, content: Json) -> Json:
        """Change something, once for each path: what nobody can know afterwards is Ambiguous."""
        body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        headers = {"content-type": "application/json"}
        return _object(await self._fetch(method, f"{API}{path}", sending=True, content=body, headers=headers), sending=True)

    async def upload(self, name: str, media_type: str, content: bytes) -> str:
        """Hand a file in; nobody sees it before a message names it."""
        headers = {"content-type": media_type}
        path = f"/_matrix/media/v3/upload?filename={quote(name, safe='')}"
        answer = _object(await self._fetch("POST", path, content=content, headers=headers), sending=False)
        return str(answer["content_uri"]) if "content_uri" in answer else _unexpected(sending=False)

    async def download(self, address: str) -> bytes:
        """The bytes of a file ("mxc://server/id"): by the way that asks for the token, else by the old one."""
        server, _, name = address.removeprefix("mxc://").partition("/")
        place = f"download/{quote(server, safe=':')}/{quote(name, safe='')}"
        try:
            answer = await self._fetch("GET", f"/_matrix/client/v1/media/{place}")
        except Refusal as error:
            if error.code != "M_UNRECOGNIZED":
                raise
            answer = await self._fetch("GET", f"/_matrix/media/v3/{place}")
        if answer.status_code >= 300:  # the spec allows one step to a file store
            found = await self._elsewhere.fetch("GET", answer.headers.get("location", ""))
            return found.content
        return answer.content

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._elsewhere.aclose()

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._client.fetch(method, path, sending=sending, expected=JUDGED, **options)
        if response.status_code in {307, 308} or response.status_code < 300:
            return response
        raise _error(response)


def escape(part: str) -> str:
    """A room, an event or a person as part of a path."""
    return quote(part, safe="")


def _error(response: httpx.Response) -> ConnectorError:
    told = _told(response)
    code, status = str(told.get("errcode", "")), response.status_code
    if code == "M_UNKNOWN_TOKEN" and told.get("soft_logout") is True:
        return AuthError("The homeserver has signed this session out for the time being: it wants a new access token.")
    if code in SIGNED_OUT or status == 401 or (status == 403 and not code):
        return AuthError(f"The homeserver does not accept the access token ({code or status}).")
    if status == 429 or code == "M_LIMIT_EXCEEDED":
        return RateLimited("The homeserver asks us to wait.", _pause(told, response))
    if status in {408, 425}:
        return Transient(f"The homeserver answered {status}.")
    if code == "M_FORBIDDEN":
        return Refusal("The homeserver does not allow this account to do it: it is not in the room, or has no right to.", code, status)
    if code == "M_TOO_LARGE":
        return Refusal("It is larger than the homeserver takes.", code, status)
    return Refusal(f"The homeserver answered {status} ({code or 'without a reason'}).", code, status)


def _pause(told: Json, response: httpx.Response) -> float:
    """Seconds to wait: from Retry-After, else from the older field of the body, which has milliseconds."""
    header, milliseconds = response.headers.get("retry-after"), told.get("retry_after_ms")
    if header is None and isinstance(milliseconds, int | float):
        header = str(milliseconds / 1000)
    return http.retry_after(header)


def _told(response: httpx.Response) -> Json:
    try:
        found: Any = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _object(response: httpx.Response, *, sending: bool) -> Json:
    try:
        found: Any = json.loads(response.content)
    except (ValueError, RecursionError):
        found = None
    return cast("Json", found) if isinstance(found, dict) else _unexpected(sending=sending)


def _unexpected(*, sending: bool) -> Any:
    words = "The homeserver answered with something that is not what was agreed."
    raise Ambiguous(words) if sending else Transient(words)
