"""Access tokens that run out and are fetched anew with a refresh token (RFC 6749, 6), and how a request shows them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

import httpx
from pydantic import BaseModel, ValidationError

from connectors import http
from inbox.contract import AuthError, Secrets, Transient

REFRESH = "refresh_token"  # in the form, in the answer, and in every Config
REFUSED = frozenset({400, 401, 403})
FOR_EVER = 10 * 365 * 86_400.0  # seconds: what a platform says beyond this is no time
EARLY = 60.0  # seconds before its end that a token is replaced
REFUSALS = frozenset(
    {
        "invalid_grant",
        "invalid_client",
        "unauthorized_client",
        "access_denied",
        "invalid_request",
        "unsupported_grant_type",
        "interaction_required",
        "consent_required",
    }
)


class Authorizer(Protocol):
    """How requests prove whose they are."""

    async def headers(self, method: str, url: str, params: Mapping[str, str]) -> dict[str, str]:
        """The headers that prove this request. `url` is whole; `params` is what goes into its query."""
        ...

    def forget(self) -> bool:
        """The platform did not take the proof; whether there is another one to try."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token is fetched with. `basic`: the application names itself in the Authorization header, not in the form."""

    token_url: str
    form: Mapping[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    as_json: bool = False
    user_agent: str = ""


class Token(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = 3600
    refresh_token: str | None = None
    refresh_token_expires_in: float | None = None
    scope: str = ""


class Tokens:
    """The current access token of one account: given for good, or fetched with a grant whenever the old one runs out."""

    def __init__(self, grant: Grant | None = None, *, given: str = "", header: str = "authorization", scheme: str = "Bearer ") -> None:
        self._grant, self._header, self._scheme = grant, header, scheme
        self._token, self._ends = given, float("inf") if given else 0.0
        self._refresh_token: str = grant.form.get(REFRESH, "") if grant else ""
        self._secrets: Secrets | None = None
        self._turn = asyncio.Lock()  # two requests at once fetch one token: a refresh token may be good for one time only
        self.scope = ""
        self.refresh_ends_at: datetime | None = None

    @property
    def renewable(self) -> bool:
        return self._grant is not None

    def lend(self, secrets: Secrets) -> None:
        """Where the refresh token is kept: a provider may hand out another one each time, and take the former no more."""
        self._secrets = secrets

    async def headers(self, method: str, url: str, params: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG002  # one token for all
        return {self._header: f"{self._scheme}{await self.current()}"}

    def forget(self) -> bool:
        had, self._ends = self._grant is not None, 0.0 if self._grant else self._ends
        return had

    async def current(self) -> str:
        async with self._turn:
            if self._grant is not None and time.monotonic() >= self._ends - EARLY:
                await self._keep(await self._renew(self._grant))
            return self._token

    async def _renew(self, grant: Grant) -> Token:
        await self._look()
        used = self._refresh_token
        try:
            return await self._fetch(grant)
        except AuthError:
            await self._look()
            if self._refresh_token == used:
                raise
            return await self._fetch(grant)  # somebody else has renewed it at the same moment

    async def _look(self) -> None:
        if self._refresh_token and self._secrets is not None:
            self._refresh_token = (await self._secrets.newest()).get(REFRESH) or self._refresh_token

    async def _keep(self, token: Token) -> None:
        if token.refresh_token and token.refresh_token != self._refresh_token:
            self._refresh_token = token.refresh_token
            if self._secrets is not None:
                await self._secrets.keep({REFRESH: token.refresh_token})
        self._token, self._ends = token.access_token, time.monotonic() + token.expires_in
        self.scope = token.scope
        if token.refresh_token_expires_in is not None:
            self.refresh_ends_at = datetime.now(UTC) + timedelta(seconds=min(token.refresh_token_expires_in, FOR_EVER))

    async def _fetch(self, grant: Grant) -> Token:
        form = dict(grant.form) | ({REFRESH: self._refresh_token} if self._refresh_token else {})
        options: dict[str, Any] = {"json" if grant.as_json else "data": form}
        headers = {"accept": "application/json"} | ({"user-agent": grant.user_agent} if grant.user_agent else {})
        if grant.basic is not None:
            options["auth"] = httpx.BasicAuth(*grant.basic)
        client = http.Client("The token address")
        try:
            response = await client.fetch("POST", grant.token_url, headers=headers, expected=REFUSED, **options)
        finally:
            await client.aclose()
        told = _object(response)
        data: Any = told.get("data")  # TikTok wraps its answers, and refuses with 200
        if response.status_code in REFUSED or "error" in told or told.get("code", 0) != 0:
            raise AuthError(f"The platform no longer accepts the stored access ({_reason(response, told)}): connect the account again.")
        try:
            return Token.model_validate(data if isinstance(data, dict) else told)
        except ValidationError:
            raise Transient("The token address answers something that is no token.") from None


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        found: Any = response.json()
    except (ValueError, RecursionError):
        found = None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _reason(response: httpx.Response, told: dict[str, Any]) -> str:
    """The provider's error code when it is one of the known ones: free text might repeat a secret."""
    code = told.get("error", told.get("code"))
    return str(code) if code in REFUSALS or isinstance(code, int) else f"status {response.status_code}"
