"""Requests to a platform with a bearer token: statuses become the contract's errors."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import httpx

from connectors import http
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient

Json = dict[str, Any]
JUDGED = [*range(300, 500)]
QUOTA = ("ratelimitexceeded", "quotaexceeded", "dailylimitexceeded", "resource_exhausted", "rate_limit_exceeded")


class Missing(Permanent):
    """There is no such thing on the platform."""


class Interface:
    """One account's requests. `bearer` gives the token, `forget` tells that it was not taken."""

    def __init__(self, name: str, address: str, bearer: Callable[[], Awaitable[str]], forget: Callable[[], None]) -> None:
        self._name, self._bearer, self._forget = name, bearer, forget
        self._client = http.Client(name, base_url=address)
        self.told: Mapping[str, str] = {}  # headers of the last answer

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Json:
        return self._object(await self._fetch("GET", path, params=params), sending=False)

    async def change(self, method: str, path: str, content: Json, *, answers: bool = True) -> Json:
        """`answers`: the platform says what became of it."""
        body = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        response = await self._fetch(method, path, sending=True, content=body, headers={"content-type": "application/json"})
        if answers or response.content.strip():  # a page is no answer, also where none is owed
            return self._object(response, sending=True)
        return {}

    async def remove(self, path: str) -> None:
        await self._fetch("DELETE", path, sending=True)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _fetch(self, method: str, path: str, *, sending: bool = False, **options: Any) -> httpx.Response:
        response = await self._once(method, path, sending, options)
        if response.status_code == 401:  # refused, so nothing was done: with a new token it may be taken
            self._forget()
            response = await self._once(method, path, sending, options)
        self.told = response.headers
        if response.status_code < 300:
            return response
        raise self._error(response)

    async def _once(self, method: str, path: str, sending: bool, options: Json) -> httpx.Response:
        headers = {"authorization": f"Bearer {await self._bearer()}", "accept": "application/json", **options.get("headers", {})}
        return await self._client.fetch(method, path, sending=sending, expected=JUDGED, **{**options, "headers": headers})

    def _error(self, response: httpx.Response) -> ConnectorError:
        status, words = response.status_code, f"{self._name} answered {response.status_code}"
        is_quota = status == 403 and any(code in response.text.lower() for code in QUOTA)
        if status == 429 or is_quota:
            return RateLimited(f"{words}: too many requests.", http.retry_after(response.headers.get("retry-after")))
        if status in {401, 403}:
            return AuthError(f"{words}: the credentials are not accepted.")
        if status in {404, 410}:
            return Missing(f"{words}: what is asked for is not there.")
        if status in {408, 425}:
            return Transient(f"{words}.")
        return Permanent(f"{words}.")

    def _object(self, response: httpx.Response, *, sending: bool) -> Json:
        try:
            found = json.loads(response.content)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return cast("Json", found)
        words = f"{self._name} answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)


def entries(told: Json, key: str) -> list[Json]:
    """A list of objects; what stands among them and is none can be read by nobody. A platform leaves an empty list out."""
    found = told.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Transient("The platform answered with something that is not what was agreed.")
    return [cast("Json", one) if isinstance(one, dict) else {"unreadable": one} for one in cast("list[Any]", found)]


def inner(told: Json, *keys: str) -> Json:
    """An object inside of others; empty where there is none."""
    for key in keys:
        found = told.get(key)
        told = cast("Json", found) if isinstance(found, dict) else {}
    return told
