"""The Graph API for one account: requests with their proof, pages, and what the answers tell about limits and the token."""

import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import httpx

from connectors import http
from connectors.meta import errors, usage
from connectors.meta.shapes import Json, moment
from inbox.contract import Ambiguous, Attachment, AuthError, Permanent, Standing, Transient

JUDGED = range(400, 600)
UPLOADING = httpx.Timeout(20.0, connect=10.0, read=90.0)
SECRET_PARAMETERS = {"access_token", "appsecret_proof"}
Files = Mapping[str, tuple[str, bytes, str]]


class Graph:
    """`name` is how errors call the platform. Without an app secret no proof goes along (Threads knows none)."""

    def __init__(self, name: str, address: str, token: str, app_secret: str = "", *, limit: int = http.LIMIT) -> None:
        self.name, self._address, self._secrets = name, address, tuple(filter(None, (token, app_secret)))
        self._client, self._app_secret = http.Client(name, limit=limit), app_secret
        self._headers = {"authorization": f"Bearer {token}"}
        self._proof = {"appsecret_proof": proof(token, app_secret)} if app_secret else {}
        self._token = token
        self.standing = Standing()

    async def get(self, path: str, **params: str | int) -> Json:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, content: Json | None = None, *, sending: bool = True, files: Files | None = None) -> Json:
        """Change something. With `files` the content goes as a form, and what is not text in it as JSON."""
        if files:
            form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (content or {}).items()}
            return await self._ask("POST", path, sending=sending, data=form, files=files, timeout=UPLOADING)
        body = json.dumps(content or {}, ensure_ascii=False).encode(errors="replace")
        return await self._ask("POST", path, sending=sending, content=body, headers={"content-type": "application/json"})

    async def delete(self, path: str) -> Json:
        return await self._ask("DELETE", path)

    async def pages(self, path: str, **params: str | int) -> AsyncGenerator[list[Json]]:
        """The entries of a list, page by page; whoever has enough stops. A page may be empty and still have a next one."""
        following: Mapping[str, str | int] = params
        while True:
            told = await self._ask("GET", path, params=following)
            yield entries(told)
            after = _following(told)
            if after is None:
                return
            if after == following:
                raise Transient(f"{self.name} answered with a list that has no end.")
            following = after

    async def download(self, url: str) -> bytes:
        """A file's bytes from the address that the API gave for it."""
        response = await self._client.fetch("GET", url, headers=self._headers, expected={404})
        if response.status_code == 404:
            raise Permanent(f"{self.name} does not have the file any more.")
        return response.content

    async def look_at_token(self, app_id: str = "", needed: frozenset[str] = frozenset()) -> None:
        """Ask what the token is good for, and until when (https://developers.facebook.com/docs/graph-api/reference/debug_token).

        The app asks; without its id the token asks for itself.
        """
        asking = f"Bearer {app_id}|{self._app_secret}" if app_id else self._headers["authorization"]
        told = await self._fetch("GET", "debug_token", {"authorization": asking}, params={"input_token": self._token})
        about: Any = told.get("data")
        data = cast("Json", about) if isinstance(about, dict) else {}
        if not data.get("is_valid", True):
            raise AuthError(f"{self.name} does not accept the access token any more: connect the account again.")
        missing = needed - {str(scope) for scope in data.get("scopes") or needed}
        if missing:
            raise AuthError(f"The access token lacks the permission {', '.join(sorted(missing))}.")
        ends = [int(data[name]) for name in ("expires_at", "data_access_expires_at") if data.get(name)]  # 0: never
        self.token_ends(moment(min(ends)) if ends else None)

    def renew(self, token: str) -> None:
        """Go on with another token; the former one stays a secret."""
        self._token, self._headers = token, {"authorization": f"Bearer {token}"}
        self._secrets = (token, *self._secrets)

    def token_ends(self, at: datetime | None) -> None:
        self.standing = replace(self.standing, token_expires_at=at)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _ask(
        self, method: str, path: str, *, sending: bool = False, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Json:
        options["params"] = {**options.get("params", {}), **self._proof}
        return await self._fetch(method, path, {**self._headers, **(headers or {})}, sending=sending, **options)

    async def _fetch(self, method: str, path: str, headers: Mapping[str, str], *, sending: bool = False, **options: Any) -> Json:
        url = f"{self._address}/{path}"
        response = await self._client.fetch(method, url, sending=sending, expected=JUDGED, headers=headers, **options)
        self._note(response.headers)
        found = errors.fault(response.content)
        if found is not None or response.status_code >= 300:
            raise errors.error(self.name, response.status_code, found, response.headers, sending=sending, secrets=self._secrets)
        try:
            told: Any = json.loads(response.content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            words = f"{self.name} answered with something that is not what its documents say."
            raise Ambiguous(words) if sending else Transient(words)
        return cast("Json", told)

    def _note(self, headers: Mapping[str, str]) -> None:
        used = usage.read(headers)
        if used is not None:
            resets_at = datetime.now(UTC) + timedelta(seconds=used.regain) if used.regain else None
            self.standing = replace(self.standing, quota_used=used.percent, quota_limit=100, quota_resets_at=resets_at)


def proof(token: str, app_secret: str) -> str:
    """https://developers.facebook.com/docs/graph-api/guides/secure-requests/#appsecret_proof"""
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def entries(told: Json, name: str = "data") -> list[Json]:
    """The objects of a list in an answer."""
    found = told.get(name)
    return [cast("Json", entry) for entry in cast("list[Any]", found) if isinstance(entry, dict)] if isinstance(found, list) else []


def uploaded(file: Attachment) -> tuple[str, bytes, str]:
    """A file as a form takes it. Raises Permanent when its bytes are not here."""
    if file.content is None:
        raise Permanent(f"The file {file.name} is not here: it cannot be sent.")
    return (file.name, file.content, file.media_type)


def _following(told: Json) -> dict[str, str | int] | None:
    """The parameters of the next page, out of its address, which would hold the token (https://developers.facebook.com/docs/graph-api/results)."""
    paging: Any = told.get("paging")
    url = cast("Json", paging).get("next") if isinstance(paging, dict) else None
    if not isinstance(url, str):
        return None
    return {name: value for name, value in parse_qsl(urlsplit(url).query) if name not in SECRET_PARAMETERS}
