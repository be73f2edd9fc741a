"""Access tokens for XOAUTH2: given once, or fetched with a refresh token when the old one runs out."""

import time

import httpx
from pydantic import BaseModel, ValidationError

from connectors import http
from connectors.email.config import EmailConfig
from inbox.contract import AuthError, Transient

REFUSED = frozenset({400, 401, 403})
EARLY = 60.0  # seconds before its end that a token is replaced
REFUSALS = frozenset(
    {"invalid_grant", "invalid_client", "unauthorized_client", "access_denied", "interaction_required", "consent_required"}
)


class Token(BaseModel):
    """What a token endpoint answers (RFC 6749, 5.1)."""

    access_token: str
    expires_in: float = 3600
    refresh_token: str | None = None


class Tokens:
    """The current access token of one mailbox."""

    def __init__(self, config: EmailConfig) -> None:
        self._config = config
        self._token = config.access_token.get_secret_value() if config.access_token else ""
        # A provider may hand out a new refresh token each time; the newest one is kept as long as this process lives.
        self._refresh_token = config.refresh_token.get_secret_value() if config.refresh_token else ""
        self._ends = float("inf") if self._token else 0.0

    @property
    def renewable(self) -> bool:
        return bool(self._refresh_token)

    def forget(self) -> None:
        """The server did not take the token: fetch another one next time."""
        if self.renewable:
            self._ends = 0.0

    async def current(self) -> str:
        if time.monotonic() >= self._ends - EARLY:
            token = await self._fetch()
            self._token, self._ends = token.access_token, time.monotonic() + token.expires_in
            self._refresh_token = token.refresh_token or self._refresh_token
        return self._token

    async def _fetch(self) -> Token:
        config = self._config
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token, "client_id": config.client_id}
        if config.client_secret is not None:
            form["client_secret"] = config.client_secret.get_secret_value()
        client = http.Client("The token address", timeout=httpx.Timeout(config.timeout))
        try:
            response = await client.fetch("POST", config.token_url, data=form, headers={"Accept": "application/json"}, expected=REFUSED)
        finally:
            await client.aclose()
        if response.status_code in REFUSED:
            raise AuthError(f"The refresh token is not accepted ({_reason(response)}): connect the mailbox again.")
        try:
            return Token.model_validate_json(response.content)
        except ValidationError:
            raise Transient("The token address answers something that is no token.") from None


def _reason(response: httpx.Response) -> str:
    """The provider's error code when it is one of the known ones: free text might repeat a secret."""
    try:
        code = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        code = ""
    return code if code in REFUSALS else f"status {response.status_code}"
