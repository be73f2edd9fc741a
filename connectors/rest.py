"""A platform's JSON API: requests that prove whose they are, and refusals as the platform words them."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import httpx

from connectors import http
from connectors.oauth import Authorizer
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, Transient

Json = dict[str, Any]
Judge = Callable[[httpx.Response, Json], ConnectorError | None]
JUDGED = frozenset(range(400, 500)) - {408, 425}  # the others say nothing about what was asked


class Refusal(Permanent):
    """The platform says no; `is_gone`: the thing is not there."""

    def __init__(self, message: str, *, is_gone: bool = False) -> None:
        super().__init__(message)
        self.is_gone = is_gone


class Stale(AuthError):
    """The token is refused; a fresh one may do."""


class Doubtful(Transient):
    """The platform failed at it; a change may have been made."""


class Api:
    """Requests to one platform. `judge` sees every answer but 5xx, and says what is wrong with it; None: nothing."""

    def __init__(self, name: str, base_url: str, access: Authorizer, judge: Judge, headers: Mapping[str, str] | None = None) -> None:
        self._base, self._access, self._judge, self._name = base_url.rstrip("/"), access, judge, name
        self._client = http.Client(name, headers=headers)

    async def get(self, path: str, **params: Any) -> Json:
        """One thing or a list of things."""
        return await self.call("GET", path, params=params)

    async def call(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, sending: bool = False, **options: Any) -> Json:
        """One request and its JSON object, empty where there is none; once more with a fresh token where the old one was refused."""
        response = await self.fetch(method, path, params=params, sending=sending, **options)
        if response.status_code != 204 and response.content:
            return self.opened(response, sending=sending)
        return {}

    async def fetch(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, sending: bool = False, **options: Any
    ) -> httpx.Response:
        """The same, for who wants the answer's headers too."""
        response = await self._once(method, path, params, sending, options)
        error = self._judge(response, parsed(response))
        if (response.status_code == 401 or isinstance(error, Stale)) and self._access.forget():
            response = await self._once(method, path, params, sending, options)
            error = self._judge(response, parsed(response))
        if error is not None:
            raise Ambiguous(str(error)) if sending and isinstance(error, Doubtful) else error
        return response

    def opened(self, response: httpx.Response, *, sending: bool = False) -> Json:
        """The JSON object of an answer. Nobody can tell what became of a change that is answered with something else."""
        try:
            found = json.loads(response.content)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return cast("Json", found)
        words = f"{self._name} answered with something that is not what was agreed."
        raise Ambiguous(words) if sending else Transient(words)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _once(
        self, method: str, path: str, params: Mapping[str, Any] | None, sending: bool, options: Mapping[str, Any]
    ) -> httpx.Response:
        url = path if "://" in path else f"{self._base}/{path.lstrip('/')}"
        query = {name: _word(value) for name, value in (params or {}).items() if value is not None}
        given = dict(options)
        headers = dict(given.pop("headers", {})) | await self._access.headers(method, url, query)
        if query:
            given["params"] = query
        return await self._client.fetch(method, url, sending=sending, expected=JUDGED, headers=headers, **given)


def parsed(response: httpx.Response) -> Json:
    """The JSON object of an answer, empty where it is none."""
    try:
        found = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def objects(told: Any) -> list[Json]:
    """The objects of a list; whatever else is in it becomes an empty one, so that it is rejected and not lost."""
    return [cast("Json", entry) if isinstance(entry, dict) else {} for entry in cast("list[Any]", told)] if isinstance(told, list) else []


def first(told: Any) -> Json:
    """The first object of a list; an empty one where there is none."""
    return next(iter(objects(told)), cast("Json", {}))


def inner(told: Any, *names: str) -> Any:
    """What lies under these names, one below the other; None where one of them is missing."""
    for name in names:
        told = cast("Json", told).get(name) if isinstance(told, dict) else None
    return told


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
