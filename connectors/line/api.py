"""Requests to the Messaging API, and what its errors mean (https://developers.line.biz/en/reference/messaging-api/#status-codes)."""

import json
from typing import Any, cast
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from pydantic import ValidationError

from connectors import http
from connectors.line.config import LIVE, LineConfig
from connectors.line.shapes import Bot, Consumption, Quota, Taken
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
DATA = "https://api-data.line.me"  # https://developers.line.biz/en/reference/messaging-api/#domain-name
JUDGED = range(400, 500)
LARGEST = 64 * 1024 * 1024  # bytes of a file
LONGEST_WORDS = 200
SPENT = "monthly limit"  # of a 429 that no pause ends


class Api:
    """One account's requests."""

    def __init__(self, config: LineConfig) -> None:
        self._token = config.access_token.get_secret_value()
        headers = {"authorization": f"Bearer {self._token}"}
        self._client = http.Client("LINE", base_url=config.api_url, headers=headers)
        self._files = http.Client("LINE", base_url=DATA if config.api_url == LIVE else config.api_url, headers=headers, limit=LARGEST)

    async def bot(self) -> Bot:
        try:
            return Bot.model_validate(await self._get("/v2/bot/info"))
        except ValidationError:
            raise Transient("LINE does not say whose access token it is.") from None

    async def is_calling(self) -> bool | None:
        """Whether LINE calls a webhook of this account; None when none is set (a 404)."""
        response = await self._client.fetch("GET", "/v2/bot/channel/webhook/endpoint", expected=JUDGED)
        if response.status_code == 404:
            return None
        return self._object(response, sending=False).get("active") is True

    async def quota(self) -> tuple[int | None, int | None]:
        """Messages sent this month, and how many may be; None: as many as one likes."""
        try:
            limit = Quota.model_validate(await self._get("/v2/bot/message/quota"))
            used = Consumption.model_validate(await self._get("/v2/bot/message/quota/consumption"))
        except ValidationError:
            return None, None
        return used.used, limit.value if limit.type == "limited" else None

    async def push(self, to: str, text: str, key: str) -> str:
        """Send words; the message's id. A key that LINE knows is a message that it has taken, for 24 hours.

        https://developers.line.biz/en/docs/messaging-api/retrying-api-request/
        """
        body = json.dumps({"to": to, "messages": [{"type": "text", "text": text}]}, ensure_ascii=False).encode(errors="replace")
        headers = {"content-type": "application/json", "x-line-retry-key": retry_key(key)}
        response = await self._client.fetch("POST", "/v2/bot/message/push", sending=True, content=body, headers=headers, expected=JUDGED)
        accepted = response.headers.get("x-line-accepted-request-id") if response.status_code == 409 else None
        told = _json(response) if accepted else self._object(response, sending=True)
        try:
            return Taken.model_validate(told).messages[0].id
        except (ValidationError, IndexError):
            if accepted:
                return accepted
            raise Ambiguous("LINE took the reply, but does not say what became of it.") from None

    async def content(self, message: str) -> bytes:
        """A file's bytes (https://developers.line.biz/en/reference/messaging-api/#get-content); 202 while LINE works on it."""
        response = await self._files.fetch("GET", f"/v2/bot/message/{quote(message, safe='')}/content", expected=JUDGED)
        if response.status_code == 202:
            raise Transient("LINE still works on the file.")
        if response.status_code in {404, 410}:
            raise Permanent("LINE does not have the file any more.")
        if response.status_code >= 400:
            raise self._error(response)
        return response.content

    async def aclose(self) -> None:
        await self._client.aclose()
        await self._files.aclose()

    async def _get(self, path: str) -> Json:
        return self._object(await self._client.fetch("GET", path, expected=JUDGED), sending=False)

    def _object(self, response: httpx.Response, *, sending: bool) -> Json:
        if response.status_code >= 400:
            raise self._error(response)
        found = _json(response)
        if not isinstance(found, dict):
            words = "LINE answered with something that is not what its documents say."
            raise Ambiguous(words) if sending else Transient(words)
        return cast("Json", found)

    def _error(self, response: httpx.Response) -> ConnectorError:
        """https://developers.line.biz/en/docs/messaging-api/handling-http-429-errors/ parts too fast from too much."""
        status, found = response.status_code, _json(response)
        told = cast("Json", found) if isinstance(found, dict) else {}
        words = str(told.get("message", "")).replace(self._token, "…")[:LONGEST_WORDS]
        if status == 401:
            return AuthError("LINE does not accept the channel access token: issue a new one in the LINE Developers Console.")
        if status == 429 and SPENT in words:
            return Permanent("The account has sent as many messages this month as its plan allows.")
        if status == 429:
            return RateLimited("LINE asks us to wait.", http.retry_after(response.headers.get("retry-after")))
        if status in {408, 425}:
            return Transient(f"LINE answered {status}.")
        return Permanent(f"LINE refuses: {words or status}")


def retry_key(key: str) -> str:
    """The reply's key as the UUID that LINE wants, the same for every attempt."""
    try:
        return str(UUID(key))
    except ValueError:
        return str(uuid5(NAMESPACE_URL, key))


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None
