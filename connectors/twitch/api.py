"""Helix, and the tokens that it wants (https://dev.twitch.tv/docs/api/guide, https://dev.twitch.tv/docs/authentication)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, cast

import httpx
from pydantic import BaseModel, ValidationError

from connectors import http
from connectors.twitch.config import TwitchConfig
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Secrets, Transient

Json = dict[str, Any]
HELIX, SIGN_IN, EVENTS = "https://api.twitch.tv/helix", "https://id.twitch.tv/oauth2", "wss://eventsub.wss.twitch.tv/ws"
JUDGED = range(400, 500)
LONGEST_WORDS = 200
RENEWALS = 2  # of one request: what another process has stored may have run out too
NEEDED = {"user:read:chat", "user:write:chat"}


class Refusal(Permanent):
    """Twitch says no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Validation(BaseModel):
    """Whose token it is (https://dev.twitch.tv/docs/authentication/validate-tokens/)."""

    client_id: str
    user_id: str = ""
    login: str = ""
    scopes: list[str] | None = None
    expires_in: int = 0


class Token(BaseModel):
    access_token: str
    expires_in: int = 0
    refresh_token: str | None = None  # a new one takes the old one's place


class Api:
    """One account's requests. `app`: of the application itself, as webhooks want it."""

    def __init__(self, config: TwitchConfig) -> None:
        self._config = config
        self._user, self._app = config.access_token.get_secret_value(), ""
        self._refresh = config.refresh_token.get_secret_value() if config.refresh_token else ""
        self._helix = http.Client("Twitch", base_url=f"{config.server}/helix" if config.server else HELIX)
        self._sign_in = http.Client("Twitch's sign-in", base_url=f"{config.server}/oauth2" if config.server else SIGN_IN)
        self.events = f"ws{config.server.removeprefix('http')}/ws" if config.server else EVENTS
        self.expires_at: datetime | None = None
        self.secrets: Secrets | None = None  # where access and refresh token are kept

    async def ask(self, method: str, path: str, content: Json | None = None, *, app: bool = False, **params: str) -> Json:
        """One request that may be made again. The first refusal of a token renews it."""
        return await self._fetch(method, path, content, params, app=app, sending=False)

    async def change(self, method: str, path: str, content: Json | None = None, **params: str) -> Json:
        """The same for what must not happen twice: what nobody can know afterwards is Ambiguous."""
        return await self._fetch(method, path, content, params, app=False, sending=True)

    async def validate(self) -> Validation:
        """Whose access token it is, and what it is good for; Twitch wants that asked every hour."""
        response = await self._ask_whose()
        for _ in range(RENEWALS):
            if response.status_code != 401 or not await self._renew():
                break
            response = await self._ask_whose()
        if response.status_code >= 400:
            raise self._error(response)
        try:
            found = Validation.model_validate_json(response.content)
        except ValidationError:
            raise Transient("Twitch does not say whose access token it is.") from None
        if found.client_id != self._config.client_id:
            raise AuthError("The access token belongs to another application than the client ID.")
        if found.scopes is not None and not set(found.scopes) >= NEEDED:
            raise AuthError(f"The access token lacks a scope: {', '.join(sorted(NEEDED - set(found.scopes)))}.")
        self.expires_at = datetime.now(UTC) + timedelta(seconds=found.expires_in) if found.expires_in else None
        return found

    async def aclose(self) -> None:
        await self._helix.aclose()
        await self._sign_in.aclose()

    async def _fetch(self, method: str, path: str, content: Json | None, params: Mapping[str, str], *, app: bool, sending: bool) -> Json:
        if app and not self._app:
            self._app = (await self._grant({"grant_type": "client_credentials"})).access_token
        response = await self._once(method, path, content, params, app=app, sending=sending)
        for _ in range(RENEWALS):
            if response.status_code != 401 or not await self._renew(app=app):  # nothing was done
                break
            response = await self._once(method, path, content, params, app=app, sending=sending)
        if response.status_code >= 400:
            raise self._error(response)
        return self._object(response, sending=sending)

    async def _once(
        self, method: str, path: str, content: Json | None, params: Mapping[str, str], *, app: bool, sending: bool
    ) -> httpx.Response:
        options: dict[str, Any] = {"params": dict(params)} if params else {}
        headers = {"authorization": f"Bearer {self._app if app else self._user}", "client-id": self._config.client_id}
        if content is not None:
            options["content"] = json.dumps(content, ensure_ascii=False).encode(errors="replace")
            headers["content-type"] = "application/json"
        return await self._helix.fetch(method, path, sending=sending, expected=JUDGED, headers=headers, **options)

    async def _ask_whose(self) -> httpx.Response:
        return await self._sign_in.fetch("GET", "/validate", headers={"authorization": f"OAuth {self._user}"}, expected=JUDGED)

    async def _renew(self, *, app: bool = False) -> bool:
        """A new access token, where there is a way to one (https://dev.twitch.tv/docs/authentication/refresh-tokens/)."""
        if app:
            self._app = (await self._grant({"grant_type": "client_credentials"})).access_token
            return True
        if await self._is_renewed_elsewhere():
            return True
        if not self._refresh:
            return False
        try:
            found = await self._grant({"grant_type": "refresh_token", "refresh_token": self._refresh})
        except AuthError:
            if await self._is_renewed_elsewhere():  # at the same moment
                return True
            raise
        if self.secrets is not None:  # an application without a secret of its own may use a refresh token once only
            await self.secrets.keep({"access_token": found.access_token, "refresh_token": found.refresh_token or self._refresh})
        self._user, self._refresh = found.access_token, found.refresh_token or self._refresh
        self.expires_at = datetime.now(UTC) + timedelta(seconds=found.expires_in) if found.expires_in else None
        return True

    async def _is_renewed_elsewhere(self) -> bool:
        stored: Mapping[str, str] = await self.secrets.newest() if self.secrets is not None else {}
        user = stored.get("access_token") or self._user
        is_other = user != self._user
        self._user, self._refresh = user, stored.get("refresh_token") or self._refresh
        return is_other

    async def _grant(self, form: Mapping[str, str]) -> Token:
        secret = self._config.client_secret  # a public application has none
        data = {"client_id": self._config.client_id, **({"client_secret": secret.get_secret_value()} if secret else {}), **form}
        response = await self._sign_in.fetch("POST", "/token", data=data, expected=JUDGED)
        if response.status_code in {400, 401, 403}:
            raise AuthError("Twitch does not renew the access token: connect the account again.")
        if response.status_code >= 400:
            raise self._error(response)
        try:
            return Token.model_validate_json(response.content)
        except ValidationError:
            raise Transient("Twitch's sign-in answered with something that is not a token.") from None

    def _error(self, response: httpx.Response) -> ConnectorError:
        status, told = response.status_code, _dict(_json(response))
        words = str(told.get("message", ""))
        for secret in (self._user, self._app):
            words = words.replace(secret, "…") if secret else words
        if status == 401:
            return AuthError("Twitch does not accept the access token any more: connect the account again.")
        if status == 429:
            return RateLimited("Twitch asks us to wait.", pause(response.headers))
        if status in {408, 425}:
            return Transient(f"Twitch answered {status}.")
        return Refusal(f"Twitch refuses: {words[:LONGEST_WORDS] or status}", status)

    def _object(self, response: httpx.Response, *, sending: bool) -> Json:
        if not response.content:
            return {}
        found = _json(response)
        if not isinstance(found, dict):
            words = "Twitch answered with something that is not what its documents say."
            raise Ambiguous(words) if sending else Transient(words)
        return cast("Json", found)


def pause(headers: Mapping[str, str]) -> float:
    """Seconds until there are requests left again; the header names the moment (https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits)."""
    reset = headers.get("ratelimit-reset", "")
    return http.retry_after(str(int(reset) - time()) if reset.isdecimal() else headers.get("retry-after"))


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _dict(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}
